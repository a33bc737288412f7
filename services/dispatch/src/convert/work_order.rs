//! Work orders to messages and back, and the facts that tell of them.

use common::{
    convert::timestamp,
    error::{Error, Result},
    record::{Changed, Record as _},
};
use proto::aftercare::dispatch::v1 as api;

use super::{instant, part_messages, refusal, site, technician};
use crate::domain::{
    job::Phase,
    work_order::{
        Asker, Assignment, Bounce, Cause, ContactResult, FailReason, PartsState, State, SuspendCause, WorkOrder,
    },
};

/// The name by which rows and filters know a state.
pub(crate) fn state_name(state: api::WorkOrderState) -> Option<&'static str> {
    match state {
        api::WorkOrderState::Unspecified => None,
        api::WorkOrderState::Unassigned => Some("unassigned"),
        api::WorkOrderState::Assigned => Some("assigned"),
        api::WorkOrderState::Accepted => Some("accepted"),
        api::WorkOrderState::EnRoute => Some("en_route"),
        api::WorkOrderState::OnSite => Some("on_site"),
        api::WorkOrderState::InProgress => Some("in_progress"),
        api::WorkOrderState::Suspended => Some("suspended"),
        api::WorkOrderState::Completed => Some("completed"),
        api::WorkOrderState::Failed => Some("failed"),
        api::WorkOrderState::Cancelled => Some("cancelled"),
        api::WorkOrderState::Verified => Some("verified"),
    }
}

/// The message of a state.
pub(crate) fn message_state(state: &State) -> api::WorkOrderState {
    match state {
        State::Unassigned => api::WorkOrderState::Unassigned,
        State::Assigned(_) => api::WorkOrderState::Assigned,
        State::Accepted(_) => api::WorkOrderState::Accepted,
        State::EnRoute(_) => api::WorkOrderState::EnRoute,
        State::OnSite(_) => api::WorkOrderState::OnSite,
        State::InProgress(_) => api::WorkOrderState::InProgress,
        State::Suspended { .. } => api::WorkOrderState::Suspended,
        State::Completed { .. } => api::WorkOrderState::Completed,
        State::Failed { .. } => api::WorkOrderState::Failed,
        State::Cancelled { .. } => api::WorkOrderState::Cancelled,
        State::Verified { .. } => api::WorkOrderState::Verified,
    }
}

/// What came of a contact.
///
/// # Errors
///
/// `INVALID_FIELDS` when it was not said.
pub(crate) fn contact_result(result: i32) -> Result<ContactResult> {
    match api::ContactResult::try_from(result) {
        Ok(api::ContactResult::Reached) => Ok(ContactResult::Reached),
        Ok(api::ContactResult::WindowConfirmed) => Ok(ContactResult::WindowConfirmed),
        Ok(api::ContactResult::NoAnswer) => Ok(ContactResult::NoAnswer),
        Ok(api::ContactResult::WrongNumber) => Ok(ContactResult::WrongNumber),
        Ok(api::ContactResult::Unspecified) | Err(_) => Err(Error::invalid("result", "enum.defined_only")),
    }
}

fn contact_message(result: ContactResult) -> api::ContactResult {
    match result {
        ContactResult::Reached => api::ContactResult::Reached,
        ContactResult::WindowConfirmed => api::ContactResult::WindowConfirmed,
        ContactResult::NoAnswer => api::ContactResult::NoAnswer,
        ContactResult::WrongNumber => api::ContactResult::WrongNumber,
    }
}

/// Who asked for another window.
///
/// # Errors
///
/// `INVALID_FIELDS` when it was not said.
pub(crate) fn asker(asker: i32) -> Result<Asker> {
    match api::RescheduleAsker::try_from(asker) {
        Ok(api::RescheduleAsker::Customer) => Ok(Asker::Customer),
        Ok(api::RescheduleAsker::Technician) => Ok(Asker::Technician),
        Ok(api::RescheduleAsker::Office) => Ok(Asker::Office),
        Ok(api::RescheduleAsker::Unspecified) | Err(_) => Err(Error::invalid("asked_by", "enum.defined_only")),
    }
}

fn asker_message(asker: Asker) -> api::RescheduleAsker {
    match asker {
        Asker::Customer => api::RescheduleAsker::Customer,
        Asker::Technician => api::RescheduleAsker::Technician,
        Asker::Office => api::RescheduleAsker::Office,
    }
}

/// Why work waits.
///
/// # Errors
///
/// `INVALID_FIELDS` when it was not said.
pub(crate) fn suspend_cause(cause: i32) -> Result<SuspendCause> {
    match api::SuspendCause::try_from(cause) {
        Ok(api::SuspendCause::Parts) => Ok(SuspendCause::Parts),
        Ok(api::SuspendCause::Approval) => Ok(SuspendCause::Approval),
        Ok(api::SuspendCause::TakeAway) => Ok(SuspendCause::TakeAway),
        Ok(api::SuspendCause::Unspecified) | Err(_) => Err(Error::invalid("cause", "enum.defined_only")),
    }
}

fn suspend_message(cause: SuspendCause) -> api::SuspendCause {
    match cause {
        SuspendCause::Parts => api::SuspendCause::Parts,
        SuspendCause::Approval => api::SuspendCause::Approval,
        SuspendCause::TakeAway => api::SuspendCause::TakeAway,
    }
}

/// Why a visit did not solve it.
///
/// # Errors
///
/// `INVALID_FIELDS` when it was not said.
pub(crate) fn fail_reason(reason: i32) -> Result<FailReason> {
    match api::FailReason::try_from(reason) {
        Ok(api::FailReason::CustomerAbsent) => Ok(FailReason::CustomerAbsent),
        Ok(api::FailReason::CustomerRefused) => Ok(FailReason::CustomerRefused),
        Ok(api::FailReason::NotRepairable) => Ok(FailReason::NotRepairable),
        Ok(api::FailReason::Unsafe) => Ok(FailReason::Unsafe),
        Ok(api::FailReason::PartsMissing) => Ok(FailReason::PartsMissing),
        Ok(api::FailReason::Unspecified) | Err(_) => Err(Error::invalid("reason", "enum.defined_only")),
    }
}

fn fail_message(reason: FailReason) -> api::FailReason {
    match reason {
        FailReason::CustomerAbsent => api::FailReason::CustomerAbsent,
        FailReason::CustomerRefused => api::FailReason::CustomerRefused,
        FailReason::NotRepairable => api::FailReason::NotRepairable,
        FailReason::Unsafe => api::FailReason::Unsafe,
        FailReason::PartsMissing => api::FailReason::PartsMissing,
    }
}

fn cause(cause: Cause) -> api::EscalationCause {
    match cause {
        Cause::Refused => api::EscalationCause::Refused,
        Cause::OfferExpired => api::EscalationCause::OfferExpired,
        Cause::ContactMissed => api::EscalationCause::ContactMissed,
        Cause::Late => api::EscalationCause::Late,
        Cause::StillUnassigned => api::EscalationCause::StillUnassigned,
    }
}

fn parts_state(state: PartsState) -> api::PartsState {
    match state {
        PartsState::None => api::PartsState::None,
        PartsState::Pending => api::PartsState::Pending,
        PartsState::Ready => api::PartsState::Ready,
        PartsState::Short => api::PartsState::Short,
    }
}

fn assignment(assignment: &Assignment) -> api::Assignment {
    api::Assignment {
        technician_id: assignment.technician_id.to_string(),
        crew_technician_ids: assignment.crew.iter().map(ToString::to_string).collect(),
        service_point_id: assignment.service_point_id.to_string(),
        window: Some(assignment.window.message()),
        planned_start: Some(timestamp(assignment.planned.start)),
        planned_end: Some(timestamp(assignment.planned.end)),
        offered_at: Some(timestamp(assignment.offered_at)),
        offer_expires_at: Some(timestamp(assignment.offer_expires_at)),
        accepted_at: instant(assignment.accepted_at),
        contact_due_at: instant(assignment.contact_due_at),
        contacted_at: instant(assignment.contacted_at),
        expected_arrival_at: instant(assignment.expected_arrival_at),
        overridden: assignment.overridden.iter().map(refusal).collect(),
        override_reason: assignment.override_reason.clone(),
    }
}

fn bounce(bounce: &Bounce) -> api::Bounce {
    api::Bounce {
        reason: bounce.reason.clone(),
        at: Some(timestamp(bounce.at)),
        answered_at: instant(bounce.answered_at),
    }
}

/// The message of a work order.
pub(crate) fn message(order: &WorkOrder) -> api::WorkOrder {
    let request = &order.request;
    let mut message = api::WorkOrder {
        work_order_id: order.id.to_string(),
        number: order.number.clone(),
        etag: order.version.to_string(),
        create_time: Some(timestamp(order.created_at)),
        update_time: Some(timestamp(order.updated_at)),
        org_unit_id: request.org_unit_id.clone(),
        service_request_id: request.id.clone(),
        service_request_number: request.number.clone(),
        customer_id: request.customer_id.clone(),
        kind: request.kind.clone(),
        urgency: request.urgency.clone(),
        category_code: request.category_code.clone(),
        fault_code: request.fault_code.clone(),
        charge_kind: request.charge_kind.clone(),
        visit_number: order.visit_number,
        state: message_state(&order.state).into(),
        required_skills: technician::skill_messages(&order.required_skills),
        required_certificates: order.required_certificates.clone(),
        duration_minutes: order.duration_minutes,
        standard_minutes: order.standard_minutes,
        crew_size: order.crew_size,
        pinned: order.pinned,
        pick_up: order.pick_up.as_ref().map(|place| place.position.into()),
        pick_up_name: order.pick_up.as_ref().map(|place| place.name.clone()).unwrap_or_default(),
        language: request.language.clone(),
        division_code: request.division_code.clone(),
        position: request.position.map(Into::into),
        windows: request.windows.iter().map(common::convert::Window::message).collect(),
        promised_window: order.promised.as_ref().map(common::convert::Window::message),
        contact_due_at: instant(request.contact_due_at),
        on_site_due_at: instant(request.on_site_due_at),
        resolution_due_at: instant(request.resolution_due_at),
        parts_wanted: part_messages(&order.parts.wanted),
        parts_reserved: part_messages(&order.parts.reserved),
        parts_state: parts_state(order.parts.state).into(),
        short_skus: order.parts.short_skus.clone(),
        preferred_technician_ids: order.preferred.clone(),
        excluded_technician_ids: order.excluded.clone(),
        assignment: order.state.assignment().map(assignment),
        refusals: order.refusals,
        escalated: order.attention > 0,
        record: Some(site::message(&order.record)),
        ..api::WorkOrder::default()
    };
    fill_history(order, &mut message);
    fill_state(&order.state, &mut message);
    message
}

fn fill_history(order: &WorkOrder, message: &mut api::WorkOrder) {
    message.past_offers = order
        .past_offers
        .iter()
        .map(|offer| api::PastOffer {
            technician_id: offer.technician_id.to_string(),
            outcome: offer.outcome.code().to_owned(),
            reason: offer.reason.clone(),
            at: Some(timestamp(offer.at)),
        })
        .collect();
    message.contacts = order
        .contacts
        .iter()
        .map(|contact| api::ContactAttempt {
            result: contact_message(contact.result).into(),
            at: Some(timestamp(contact.at)),
            note: contact.note.clone(),
        })
        .collect();
    message.reschedules = order
        .reschedules
        .iter()
        .map(|moved| api::Reschedule {
            asked_by: asker_message(moved.asked_by).into(),
            reason: moved.reason.clone(),
            from: moved.from.map(|window| window.message()),
            to: Some(moved.to.message()),
            customer_consent: moved.asked_by == Asker::Customer || moved.consent.is_some(),
            consent_method: moved.consent.map_or(api::ConsentMethod::Unspecified, site::method_message).into(),
            at: Some(timestamp(moved.at)),
        })
        .collect();
    message.escalations = order
        .escalations
        .iter()
        .map(|step| api::Escalation { step: step.step, cause: cause(step.cause).into(), at: Some(timestamp(step.at)) })
        .collect();
    message.checklist = order
        .checklist
        .iter()
        .map(|item| api::ChecklistItem {
            item: item.item.clone(),
            phase: match item.phase {
                Phase::Start => "start".to_owned(),
                Phase::Complete => "complete".to_owned(),
            },
        })
        .collect();
}

fn fill_state(state: &State, message: &mut api::WorkOrder) {
    match state {
        State::Unassigned
        | State::Assigned(_)
        | State::Accepted(_)
        | State::EnRoute(_)
        | State::OnSite(_)
        | State::InProgress(_) => {}
        State::Suspended { cause, .. } => message.suspend_cause = suspend_message(*cause).into(),
        State::Completed { at, bounce: sent_back, .. } => {
            message.completed_at = Some(timestamp(*at));
            message.bounce = sent_back.as_ref().map(bounce);
        }
        State::Failed { reason, next_parts, .. } => {
            message.fail_reason = fail_message(*reason).into();
            message.next_parts_wanted = part_messages(next_parts);
        }
        State::Cancelled { reason, .. } => message.cancel_reason.clone_from(reason),
        State::Verified { completed_at, bounce: sent_back, at, .. } => {
            message.completed_at = Some(timestamp(*completed_at));
            message.verified_at = Some(timestamp(*at));
            message.bounce = sent_back.as_ref().map(bounce);
        }
    }
}

/// The fact that an action is.
fn fact(action: &str) -> api::WorkOrderFact {
    match action {
        "create" => api::WorkOrderFact::Created,
        "update" | "refresh" | "pin" | "unpin" | "retime" | "unassign" | "foresee" => api::WorkOrderFact::Updated,
        "assign" | "replan" => api::WorkOrderFact::Assigned,
        "accept" => api::WorkOrderFact::Accepted,
        "refuse" => api::WorkOrderFact::Refused,
        "expire_offer" => api::WorkOrderFact::OfferExpired,
        "contact" => api::WorkOrderFact::Contacted,
        "depart" => api::WorkOrderFact::Departed,
        "arrive" => api::WorkOrderFact::Arrived,
        "start" => api::WorkOrderFact::Started,
        "suspend" => api::WorkOrderFact::Suspended,
        "resume" => api::WorkOrderFact::Resumed,
        "complete" => api::WorkOrderFact::Completed,
        "fail" => api::WorkOrderFact::Failed,
        "reschedule" => api::WorkOrderFact::Rescheduled,
        "cancel" => api::WorkOrderFact::Cancelled,
        "verify" => api::WorkOrderFact::Verified,
        "bounce" => api::WorkOrderFact::Bounced,
        "escalate" => api::WorkOrderFact::Escalated,
        "parts_ready" => api::WorkOrderFact::PartsReady,
        "parts_short" => api::WorkOrderFact::PartsShort,
        // "record" and "return_item": the on-site record grew.
        _ => api::WorkOrderFact::Recorded,
    }
}

/// The event of a change. Free text stays at home: it may name people.
pub(crate) fn event(changed: &Changed<WorkOrder>) -> api::WorkOrderEvent {
    let order = &changed.record;
    let at = order.state.assignment();
    let reason = match &order.state {
        State::Failed { reason, .. } if changed.action == "fail" => reason.code().to_owned(),
        State::Suspended { cause, .. } if changed.action == "suspend" => cause.code().to_owned(),
        State::Cancelled { reason, .. } if changed.action == "cancel" && reason == REQUEST_CANCELLED => reason.clone(),
        State::Cancelled { .. } if changed.action == "cancel" => "cancelled_by_office".to_owned(),
        State::Unassigned
        | State::Assigned(_)
        | State::Accepted(_)
        | State::EnRoute(_)
        | State::OnSite(_)
        | State::InProgress(_)
        | State::Suspended { .. }
        | State::Completed { .. }
        | State::Failed { .. }
        | State::Cancelled { .. }
        | State::Verified { .. } => match changed.action {
            // These reasons are codes of ours.
            "escalate" | "contact" | "expire_offer" => changed.reason.clone(),
            _ => String::new(),
        },
    };
    let parts_used = match changed.action {
        "complete" | "fail" => order.record.parts.iter().map(site::used_part).collect(),
        _ => Vec::new(),
    };
    api::WorkOrderEvent {
        fact: fact(changed.action).into(),
        work_order_id: order.id.to_string(),
        number: order.number.clone(),
        service_request_id: order.request.id.clone(),
        customer_id: order.request.customer_id.clone(),
        kind: order.request.kind.clone(),
        state: order.state().to_owned(),
        technician_id: at.map(|at| at.technician_id.to_string()).unwrap_or_default(),
        service_point_id: at.map(|at| at.service_point_id.to_string()).unwrap_or_default(),
        org_unit_id: order.request.org_unit_id.clone(),
        visit_number: order.visit_number,
        parts_wanted: part_messages(&order.parts.wanted),
        parts_used,
        window: at.map(|at| at.window).or(order.promised).map(|window| window.message()),
        reason,
        refusals: order.refusals,
        fee_collected: order.record.fee_collected.clone().map(Into::into),
        category_code: order.request.category_code.clone(),
        position: order.request.position.map(Into::into),
        taken_away: order.record.item_away().is_some(),
        escalation_step: order.attention,
    }
}

/// The reason of a cancellation that the request asked for.
pub(crate) const REQUEST_CANCELLED: &str = "request_cancelled";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_its_action() {
        let actions = [
            "create",
            "update",
            "assign",
            "accept",
            "refuse",
            "expire_offer",
            "contact",
            "depart",
            "arrive",
            "start",
            "suspend",
            "resume",
            "complete",
            "fail",
            "reschedule",
            "cancel",
            "verify",
            "bounce",
            "escalate",
            "parts_ready",
            "parts_short",
            "record",
        ];
        let mut facts: Vec<i32> = actions.iter().map(|action| fact(action).into()).collect();
        facts.sort_unstable();
        assert_eq!(facts, (1..=22).collect::<Vec<_>>());
    }
}
