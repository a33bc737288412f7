//! The event of a change of a request: thin, without personal data.

use chrono::{DateTime, Utc};
use common::convert::timestamp;
use proto::aftercare::{
    common::v1::PartLine,
    intake::v1::{ServiceRequestEvent, ServiceRequestFact as Fact},
};

use crate::domain::{
    request::{Action, ServiceRequest, Solution},
    sla::{Deadline, Target},
};

/// The fact of a request that is new.
pub(crate) const CREATED: Fact = Fact::Created;

/// The fact that tells of an action.
pub(crate) fn fact(action: Option<Action>) -> Fact {
    match action {
        None => Fact::Unspecified,
        Some(Action::Triage) => Fact::Triaged,
        Some(Action::Answer) => Fact::Answered,
        Some(Action::AskApproval) => Fact::ApprovalAsked,
        Some(Action::Approve) => Fact::Approved,
        Some(Action::Reject) => Fact::Rejected,
        Some(Action::Quote) => Fact::Quoted,
        Some(Action::AcceptQuote) => Fact::QuoteAccepted,
        Some(Action::DeclineQuote) => Fact::QuoteDeclined,
        Some(Action::ExpireQuote) => Fact::QuoteExpired,
        Some(Action::Release | Action::ReleaseVisit) => Fact::Released,
        Some(Action::Schedule) => Fact::Scheduled,
        Some(Action::Start) => Fact::Started,
        Some(Action::CompleteVisit | Action::Settle) => Fact::Resolved,
        Some(Action::NeedVisit) => Fact::VisitNeeded,
        Some(Action::Hold) => Fact::Held,
        Some(Action::Resume) => Fact::Resumed,
        Some(Action::Update | Action::Track) => Fact::Updated,
        Some(Action::Escalate) => Fact::Escalated,
        Some(Action::Cancel) => Fact::Cancelled,
        Some(Action::Close) => Fact::Closed,
        Some(Action::Reopen) => Fact::Reopened,
        Some(Action::Merge) => Fact::Merged,
    }
}

/// The event; `code` says why, as a stable code.
pub(crate) fn service_request(
    request: &ServiceRequest,
    fact: Fact,
    deadlines: &[Deadline],
    code: &str,
) -> ServiceRequestEvent {
    let due = |target: Target| {
        let due_at: Option<DateTime<Utc>> =
            deadlines.iter().find(|one| one.target == target).and_then(|one| one.due_at);
        due_at.map(timestamp)
    };
    let address = request.address.as_ref();
    let step = (fact == Fact::Escalated).then(|| request.last_escalation()).flatten();
    let links = &request.links;
    ServiceRequestEvent {
        fact: fact.into(),
        service_request_id: request.id.to_string(),
        number: request.number.clone(),
        kind: request.kind.to_string(),
        state: request.stage().to_string(),
        urgency: request.urgency.to_string(),
        customer_id: request.asker.customer_id.to_string(),
        customer_tier: request.asker.tier.to_string(),
        survey_consent: request.asker.survey_consent,
        language: request.asker.language.clone(),
        product_id: request.product_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        category_code: request.category_code.clone(),
        fault_code: request.fault_code.clone(),
        org_unit_id: request.org_unit_id.clone(),
        division_code: address.map(|address| address.division_code.clone()).unwrap_or_default(),
        position: address.and_then(|address| address.position).map(Into::into),
        windows: request.windows.iter().map(|window| window.message()).collect(),
        contact_due_at: due(Target::Contact),
        on_site_due_at: due(Target::OnSite),
        resolution_due_at: due(Target::Resolution),
        charge_kind: request.charge.map(|charge| charge.to_string()).unwrap_or_default(),
        visit_number: request.visit_number,
        parts_wanted: request
            .parts_wanted
            .iter()
            .map(|part| PartLine { sku: part.sku.clone(), quantity_milli: part.quantity_milli })
            .collect(),
        complaint_id: links.complaint_id.clone(),
        repeat_visit: links.repeat_visit,
        caused_by_id: links.caused_by_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        article_id: match request.solution() {
            Some(Solution::Answer { article_id: Some(article_id), .. }) => article_id.to_string(),
            Some(
                Solution::Answer { article_id: None, .. }
                | Solution::Visit { .. }
                | Solution::Goods { .. }
                | Solution::Complaint,
            )
            | None => String::new(),
        },
        work_order_id: request.work_order_id().to_owned(),
        escalation_step: step.map_or(0, |step| step.step),
        target: step.map(|step| step.target.clone()).unwrap_or_default(),
        reason: code.to_owned(),
        partner_id: links.partner_id.clone(),
    }
}
