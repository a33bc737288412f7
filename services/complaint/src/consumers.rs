//! Facts of intake and survey that complaints act on. Each handler says the same thing however often it is told.

use common::{
    db::Tx,
    error::{Error, Result},
    handler,
    record::Changed,
    service::{Call, EventHandler, Subscription},
    whose,
};
use prost::Message as _;
use proto::aftercare::{
    common::v1::Event,
    intake::v1::{ServiceRequestEvent, ServiceRequestFact},
    survey::v1::{ResponseEvent, ResponseFact},
};

use crate::{
    Context,
    domain::{
        complaint::{Complainant, Complaint, Links},
        receive::Matter,
        values::{Channel, Severity, Subject},
    },
    store,
};

/// Reason of complaints that came without one.
const GENERAL: &str = "other.general";
/// Reason of complaints that an unhappy answer opened.
const UNHAPPY: &str = "other.survey";

/// What this service wants to be told.
pub(crate) fn subscriptions(context: &Context) -> Vec<Subscription> {
    vec![
        Subscription {
            from: "intake",
            kind: "service_request",
            handler: EventHandler::Each(handler!(context, service_request)),
        },
        Subscription { from: "survey", kind: "response", handler: EventHandler::Each(handler!(context, response)) },
    ]
}

async fn service_request(ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    let request = ServiceRequestEvent::decode(event.payload.as_slice()).map_err(Error::internal)?;
    let case = whose::Told {
        record_id: &request.service_request_id,
        case_id: &request.service_request_id,
        partner_id: &request.partner_id,
        ..whose::Told::default()
    };
    whose::learn(tx, case, call.now).await?;
    match request.fact() {
        ServiceRequestFact::Created if request.complaint_id.is_empty() => open_by_request(ctx, call, tx, request).await,
        ServiceRequestFact::Created => {
            act(ctx, call, tx, &request, |complaint| {
                Ok(complaint.request_created(&request.service_request_id, &request.kind, call.now))
            })
            .await
        }
        ServiceRequestFact::Resolved | ServiceRequestFact::Closed => {
            act(ctx, call, tx, &request, |complaint| {
                complaint.request_resolved(&request.service_request_id, &request.kind, &ctx.policy, call.now)
            })
            .await
        }
        ServiceRequestFact::Cancelled => {
            act(ctx, call, tx, &request, |complaint| {
                Ok(complaint.request_cancelled(&request.service_request_id, &request.reason, call.now))
            })
            .await
        }
        ServiceRequestFact::Unspecified
        | ServiceRequestFact::Updated
        | ServiceRequestFact::Triaged
        | ServiceRequestFact::Answered
        | ServiceRequestFact::ApprovalAsked
        | ServiceRequestFact::Approved
        | ServiceRequestFact::Rejected
        | ServiceRequestFact::Quoted
        | ServiceRequestFact::QuoteAccepted
        | ServiceRequestFact::QuoteDeclined
        | ServiceRequestFact::QuoteExpired
        | ServiceRequestFact::Released
        | ServiceRequestFact::Scheduled
        | ServiceRequestFact::Started
        | ServiceRequestFact::VisitNeeded
        | ServiceRequestFact::Held
        | ServiceRequestFact::Resumed
        | ServiceRequestFact::Reopened
        | ServiceRequestFact::Escalated
        | ServiceRequestFact::Merged => Ok(()),
    }
}

/// A request of kind complaint opens a complaint, linked to it and to what it was caused by.
async fn open_by_request(ctx: &Context, call: &Call, tx: &Tx, request: ServiceRequestEvent) -> Result<()> {
    if request.kind != "complaint" {
        return Ok(());
    }
    let severity = if request.urgency == "emergency" { Severity::Major } else { Severity::Normal };
    let mut links = Links::default();
    links.add(Links {
        service_requests: vec![request.service_request_id.clone(), request.caused_by_id],
        work_orders: vec![request.work_order_id],
        products: vec![request.product_id],
        ..Links::default()
    });
    let matter = Matter {
        channel: Channel::Hotline,
        subject: Subject::Other,
        reason_code: GENERAL.to_owned(),
        severity,
        customer_id: request.customer_id,
        complainant: Complainant::default(),
        description: format!("service request {}", request.number),
        wanted: String::new(),
        links,
        about_org_unit_id: request.org_unit_id.clone(),
        org_unit_id: request.org_unit_id,
        partner_id: request.partner_id,
        owner_id: String::new(),
        received_at: call.now,
        outside_due_at: None,
        accepted_at: None,
        survey_consent: request.survey_consent,
        source: format!("service_request:{}", request.service_request_id),
    };
    open(ctx, call, tx, matter).await
}

/// An answer unhappy enough opens a complaint, linked to all it speaks of.
async fn response(ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    let answer = ResponseEvent::decode(event.payload.as_slice()).map_err(Error::internal)?;
    match answer.fact() {
        ResponseFact::Answered if answer.follow_up == "complaint" => {}
        ResponseFact::Answered | ResponseFact::FollowedUp | ResponseFact::Linked | ResponseFact::Unspecified => {
            return Ok(());
        }
    }
    let mut links = Links::default();
    links.add(Links {
        service_requests: vec![answer.service_request_id],
        work_orders: vec![answer.work_order_id],
        technicians: vec![answer.technician_id],
        survey_responses: vec![answer.response_id.clone()],
        ..Links::default()
    });
    let matter = Matter {
        channel: Channel::Survey,
        subject: Subject::Other,
        reason_code: UNHAPPY.to_owned(),
        severity: Severity::Normal,
        customer_id: answer.customer_id,
        complainant: Complainant::default(),
        description: format!("survey answer {}: NPS {}, CSAT {}", answer.response_id, answer.nps, answer.csat),
        wanted: String::new(),
        links,
        about_org_unit_id: answer.org_unit_id.clone(),
        org_unit_id: answer.org_unit_id,
        // Whose case it is, the case itself tells.
        partner_id: String::new(),
        owner_id: String::new(),
        received_at: call.now,
        outside_due_at: None,
        accepted_at: None,
        // Who answers one survey has agreed to be asked.
        survey_consent: true,
        source: format!("survey_response:{}", answer.response_id),
    };
    open(ctx, call, tx, matter).await
}

async fn open(ctx: &Context, call: &Call, tx: &Tx, matter: Matter) -> Result<()> {
    let number = ctx.core.numbers.within(tx, "CP", call.now).await?;
    store::complaint::receive(tx, call, &ctx.policy, matter, number).await?;
    Ok(())
}

/// Does something to the complaint that asked for this request.
async fn act(
    ctx: &Context,
    call: &Call,
    tx: &Tx,
    request: &ServiceRequestEvent,
    change: impl FnOnce(Complaint) -> Result<Option<Changed<Complaint>>> + Send,
) -> Result<()> {
    if request.complaint_id.is_empty() {
        return Ok(());
    }
    let Some(complaint) = store::complaint::find(tx, &request.complaint_id).await? else {
        tracing::warn!(
            complaint.id = request.complaint_id,
            service_request.id = request.service_request_id,
            "a request names a complaint that is not here"
        );
        return Ok(());
    };
    if let Some(changed) = change(complaint)? {
        store::complaint::save(tx, call, &ctx.policy, changed).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
