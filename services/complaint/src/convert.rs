//! Records into messages and words out of them.

use common::{
    convert::{Money, timestamp},
    error::{Error, Result},
    record::{Actor, Record as _},
};
use proto::aftercare::{common::v1 as shared, complaint::v1 as message};

use crate::domain::{
    complaint::{Complaint, State},
    deadline::Escalation,
    follow_up::{Promise, Try},
    implementation::{Action, ActionState, Implementation, Solution},
    judgement::{Investigation, Judgement},
    values::{ActionDecision, AgreementKind, Channel, Evidence, FollowUpResult, Remedy, Severity, Subject, Verdict},
};

pub(crate) mod corrective;
pub(crate) mod figures;
pub(crate) mod regulator;

/// Both ways between a word of ours and one of the contract. Unspecified and unknown words are refused: nobody can
/// act on them.
macro_rules! words {
    ($($read:ident, $write:ident: $word:ident = $code:ident { $($variant:ident),+ };)+) => {$(
        pub(crate) fn $read(value: i32) -> Result<$word> {
            match message::$code::try_from(value) {
                $(Ok(message::$code::$variant) => Ok($word::$variant),)+
                Ok(message::$code::Unspecified) | Err(_) => {
                    Err(Error::invalid(stringify!($read), "enum.defined_only"))
                }
            }
        }

        pub(crate) fn $write(value: $word) -> i32 {
            match value { $($word::$variant => message::$code::$variant.into(),)+ }
        }
    )+};
}

words! {
    channel, channel_code: Channel = ComplaintChannel {
        Hotline, Web, App, Email, Store, Partner, Media, Authority, Survey
    };
    subject, subject_code: Subject = ComplaintSubject {
        ProductQuality, Installation, ServiceAttitude, Delay, Fee, Parts, DeliveryDamage, PromiseNotKept, Other
    };
    severity, severity_code: Severity = Severity { Minor, Normal, Major, Crisis };
    verdict, verdict_code: Verdict = Verdict { Founded, Partly, Unfounded };
    result, result_code: FollowUpResult = FollowUpResult { Satisfied, NotSatisfied, Unreachable };
    remedy, remedy_code: Remedy = Remedy {
        Apology, Explanation, Repair, Rework, Exchange, Refund, PriceReduction, Compensation, Goods, Assistance, Referral
    };
    agreement_kind, agreement_kind_code: AgreementKind = AgreementKind { Signature, Recording };
}

pub(crate) fn decision(value: i32) -> Result<ActionDecision> {
    match message::ActionDecision::try_from(value) {
        Ok(message::ActionDecision::Retry) => Ok(ActionDecision::Retry),
        Ok(message::ActionDecision::Drop) => Ok(ActionDecision::Drop),
        Ok(message::ActionDecision::Unspecified) | Err(_) => Err(Error::invalid("decision", "enum.defined_only")),
    }
}

/// The stored name of a state in a filter; a state that newer clients know names nothing.
pub(crate) fn state_name(state: i32) -> &'static str {
    use message::ComplaintState as Code;
    match Code::try_from(state) {
        Ok(Code::Received) => "received",
        Ok(Code::Acknowledged) => "acknowledged",
        Ok(Code::Investigating) => "investigating",
        Ok(Code::Replied) => "replied",
        Ok(Code::Proposing) => "proposing",
        Ok(Code::PendingApproval) => "pending_approval",
        Ok(Code::Implementing) => "implementing",
        Ok(Code::FollowUp) => "follow_up",
        Ok(Code::Closed) => "closed",
        Ok(Code::Archived) => "archived",
        Ok(Code::Unspecified) | Err(_) => "",
    }
}

fn state_code(state: &State) -> message::ComplaintState {
    use message::ComplaintState as Code;
    match state {
        State::Received => Code::Received,
        State::Acknowledged => Code::Acknowledged,
        State::Investigating => Code::Investigating,
        State::Replied { .. } => Code::Replied,
        State::Proposing { .. } => Code::Proposing,
        State::PendingApproval { .. } => Code::PendingApproval,
        State::Implementing { .. } => Code::Implementing,
        State::FollowUp { .. } => Code::FollowUp,
        State::Closed { .. } => Code::Closed,
        State::Archived { .. } => Code::Archived,
    }
}

pub(crate) fn actor(actor: &Actor) -> shared::Actor {
    shared::Actor { id: actor.id.clone(), role: actor.role.as_str().to_owned(), org_unit_id: actor.org_unit_id.clone() }
}

pub(crate) fn money(minor_units: i64, currency: &str) -> shared::Money {
    Money { minor_units, currency: currency.to_owned() }.into()
}

/// Minor units of the house currency; nothing given is nothing.
///
/// # Errors
///
/// `INVALID_FIELDS` for another currency.
pub(crate) fn house_money(money: Option<&shared::Money>, currency: &str, field: &str) -> Result<i64> {
    match money {
        None => Ok(0),
        Some(money) if money.currency_code == currency => Ok(money.minor_units),
        Some(_) => Err(Error::invalid(format!("{field}.currency_code"), format!("money.currency {currency}"))),
    }
}

pub(crate) fn evidence(files: Vec<shared::Attachment>) -> Vec<Evidence> {
    files.into_iter().map(|file| Evidence { file_id: file.file_id, label: file.label }).collect()
}

fn attachments(files: &[Evidence]) -> Vec<shared::Attachment> {
    let attachment = |file: &Evidence| shared::Attachment { file_id: file.file_id.clone(), label: file.label.clone() };
    files.iter().map(attachment).collect()
}

fn judgement(judgement: &Judgement) -> message::Judgement {
    message::Judgement {
        verdict: verdict_code(judgement.verdict),
        reply: judgement.reply.clone(),
        grounds: judgement.grounds.clone(),
        evidence: attachments(&judgement.evidence),
        judged_by: Some(actor(&judgement.by)),
        judged_at: Some(timestamp(judgement.at)),
    }
}

fn investigation(found: &Investigation) -> message::Investigation {
    let shares = found.shares.iter().map(|share| message::ResponsibilityShare {
        org_unit_id: share.org_unit_id.clone(),
        person_id: share.person_id.clone().unwrap_or_default(),
        percent: share.percent,
        penalty: (share.penalty > 0).then(|| money(share.penalty, &found.currency)),
    });
    message::Investigation {
        cause_code: found.cause_code.clone(),
        cause: found.cause.clone(),
        shares: shares.collect(),
        evidence: attachments(&found.evidence),
        product_problem: found.product_problem,
        investigated_by: Some(actor(&found.by)),
        investigated_at: Some(timestamp(found.at)),
    }
}

fn solution(solution: &Solution) -> message::Solution {
    let remedies = solution.remedies.iter().map(|planned| message::PlannedRemedy {
        remedy: remedy_code(planned.remedy),
        description: planned.description.clone(),
        cost: Some(money(planned.cost, &solution.currency)),
    });
    message::Solution {
        solution_no: solution.no,
        description: solution.description.clone(),
        remedies: remedies.collect(),
        cost: Some(money(solution.cost(), &solution.currency)),
        proposed_by: Some(actor(&solution.by)),
        proposed_at: Some(timestamp(solution.at)),
    }
}

fn remedy_action(action: &Action, currency: &str) -> message::RemedyAction {
    use message::RemedyActionState as Code;
    let (state, ended_at, note) = match &action.state {
        ActionState::Open => (Code::Open, None, ""),
        ActionState::InProgress => (Code::InProgress, None, ""),
        ActionState::Done { at, note } => (Code::Done, Some(*at), note.as_str()),
        ActionState::NeedsDecision { reason } => (Code::NeedsDecision, None, reason.as_str()),
        ActionState::Dropped { at, reason } => (Code::Dropped, Some(*at), reason.as_str()),
    };
    message::RemedyAction {
        action_no: action.no,
        remedy: remedy_code(action.remedy),
        description: action.description.clone(),
        cost: Some(money(action.cost, currency)),
        state: state.into(),
        service_request_id: action.service_request_id.clone().unwrap_or_default(),
        due_at: Some(timestamp(action.due_at)),
        ended_at: ended_at.map(timestamp),
        note: note.to_owned(),
    }
}

fn implementation(work: &Implementation) -> message::Implementation {
    message::Implementation {
        solution: Some(solution(&work.solution)),
        approved_by: Some(actor(&work.by)),
        approved_at: Some(timestamp(work.at)),
        agreement: work.agreement.as_ref().map(|agreement| message::Agreement {
            kind: agreement_kind_code(agreement.kind),
            file_id: agreement.file_id.clone(),
            taken_by: Some(actor(&agreement.by)),
            agreed_at: Some(timestamp(agreement.at)),
        }),
        actions: work.actions.iter().map(|action| remedy_action(action, &work.solution.currency)).collect(),
    }
}

fn follow_up_try(one: &Try) -> message::FollowUpTry {
    message::FollowUpTry {
        round: count(one.round),
        result: result_code(one.result),
        note: one.note.clone(),
        tried_by: Some(actor(&one.by)),
        tried_at: Some(timestamp(one.at)),
    }
}

fn promise(promise: &Promise) -> message::ComplaintPromise {
    message::ComplaintPromise {
        promise_no: promise.no,
        text: promise.text.clone(),
        due_at: Some(timestamp(promise.due_at)),
        kept_at: promise.kept_at.map(timestamp),
        made_by: Some(actor(&promise.by)),
        made_at: Some(timestamp(promise.at)),
    }
}

pub(crate) fn count(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

/// The complaint for a message.
pub(crate) fn complaint(complaint: &Complaint) -> message::Complaint {
    let links = complaint.links.clone();
    let (solutions, sent_back_reason) = match &complaint.state {
        State::PendingApproval { solutions } => (solutions.as_slice(), ""),
        State::Proposing { sent_back: Some(sent_back) } => (sent_back.solutions.as_slice(), sent_back.reason.as_str()),
        State::Proposing { sent_back: None }
        | State::Received
        | State::Acknowledged
        | State::Investigating
        | State::Replied { .. }
        | State::Implementing { .. }
        | State::FollowUp { .. }
        | State::Closed { .. }
        | State::Archived { .. } => ([].as_slice(), ""),
    };
    let review = match &complaint.state {
        State::Archived { review, .. } => Some(message::Review {
            lesson: review.lesson.clone(),
            prevention: review.prevention.clone(),
            reviewed_by: Some(actor(&review.by)),
            reviewed_at: Some(timestamp(review.at)),
        }),
        State::Received
        | State::Acknowledged
        | State::Investigating
        | State::Replied { .. }
        | State::Proposing { .. }
        | State::PendingApproval { .. }
        | State::Implementing { .. }
        | State::FollowUp { .. }
        | State::Closed { .. } => None,
    };
    let notices = complaint.notices.iter().map(|notice| message::Notice {
        recipient: notice.recipient.clone(),
        reason: notice.severity.as_str().to_owned(),
        told_at: Some(timestamp(notice.at)),
    });
    message::Complaint {
        complaint_id: complaint.id.to_string(),
        number: complaint.number.clone(),
        etag: complaint.version().to_string(),
        create_time: Some(timestamp(complaint.created_at)),
        update_time: Some(timestamp(complaint.updated_at)),
        org_unit_id: complaint.org_unit_id.clone(),
        state: state_code(&complaint.state).into(),
        channel: channel_code(complaint.channel),
        subject: subject_code(complaint.subject),
        reason_code: complaint.reason_code.clone(),
        severity: severity_code(complaint.severity),
        customer_id: complaint.customer_id.clone(),
        complainant_name: complaint.complainant.name.clone(),
        complainant_phone: complaint.complainant.phone.clone(),
        description: complaint.description.clone(),
        wanted: complaint.wanted.clone(),
        service_request_ids: [links.service_requests, complaint.remedy_requests.clone()].concat(),
        work_order_ids: links.work_orders,
        technician_ids: links.technicians,
        skus: links.skus,
        survey_response_ids: links.survey_responses,
        product_ids: links.products,
        about_org_unit_id: complaint.about_org_unit_id.clone(),
        owner_id: complaint.owner_id.clone(),
        level: count(complaint.level),
        received_at: Some(timestamp(complaint.received_at)),
        acknowledge_due_at: Some(timestamp(complaint.acknowledge_due_at)),
        resolution_due_at: Some(timestamp(complaint.resolution_due_at)),
        outside_due_at: complaint.outside_due_at.map(timestamp),
        next_due_at: complaint.next_due_at().map(timestamp),
        acknowledged_at: complaint.acknowledged_at.map(timestamp),
        closed_at: complaint.closed().map(|(_, at)| timestamp(at)),
        accepted_at: complaint.accepted_at.map(timestamp),
        presumed_ours: complaint.presumed_ours,
        joined_count: count(complaint.joined.len()),
        reopen_count: count(complaint.reopened),
        escalation_step: count(complaint.escalations.iter().map(|step: &Escalation| step.step).max().unwrap_or(0)),
        survey_consent: complaint.survey_consent,
        judgement: complaint.judgements.last().map(judgement),
        investigation: complaint.investigations.last().map(investigation),
        solutions: solutions.iter().map(solution).collect(),
        sent_back_reason: sent_back_reason.to_owned(),
        implementation: complaint.implementation().map(implementation),
        follow_up_tries: complaint.tries.iter().map(follow_up_try).collect(),
        promises: complaint.promises.iter().map(promise).collect(),
        notices: notices.collect(),
        outcome: complaint.closed().map_or(0, |(outcome, _)| result_code(outcome)),
        review,
    }
}
