//! Other services' facts: solved requests and closed complaints plan invitations, cancelled and reopened ones withdraw
//! them, completed visits say whom an answer is about, and complaints close the loop of the answers that opened them.

use chrono::{DateTime, Utc};
use common::{
    convert,
    db::Tx,
    error::{Error, Result},
    handler,
    service::{Call, EventHandler, Subscription},
};
use prost::Message;
use proto::aftercare::{
    common::v1::Event,
    complaint::v1::{ComplaintEvent, ComplaintFact},
    dispatch::v1::{WorkOrderEvent, WorkOrderFact},
    intake::v1::{ServiceRequestEvent, ServiceRequestFact},
    survey::v1::ResponseFact,
};

use crate::{
    Context,
    domain::{
        follow_up::Outcome,
        occasion::{Occasion, Trigger},
    },
    store::{answers, asking, customer, follow_up, invitation, response, visit},
};

/// What this service wants to hear.
pub(crate) fn subscriptions(ctx: &Context) -> Vec<Subscription> {
    vec![
        Subscription {
            from: "intake",
            kind: "service_request",
            handler: EventHandler::Each(handler!(ctx, service_request)),
        },
        Subscription { from: "dispatch", kind: "work_order", handler: EventHandler::Each(handler!(ctx, work_order)) },
        Subscription { from: "complaint", kind: "complaint", handler: EventHandler::Each(handler!(ctx, complaint)) },
    ]
}

fn payload<E: Message + Default>(event: &Event) -> Result<E> {
    E::decode(event.payload.as_slice()).map_err(Error::internal)
}

fn occurred(call: &Call, event: &Event) -> Result<DateTime<Utc>> {
    Ok(convert::optional_instant(event.occurred_at.as_ref(), "occurred_at")?.unwrap_or(call.now))
}

/// The languages of our texts; who speaks another one gets the first.
fn language(tag: &str) -> &'static str {
    if tag.to_ascii_lowercase().starts_with("en") { "en" } else { "zh-CN" }
}

fn given(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

async fn service_request(ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    let fact: ServiceRequestEvent = payload(event)?;
    let at = occurred(call, event)?;
    if !fact.customer_id.is_empty() {
        let seen = customer::Model {
            customer_id: fact.customer_id.clone(),
            tier: fact.customer_tier.clone(),
            language: language(&fact.language).to_owned(),
            consent: fact.survey_consent,
            seen_at: at,
        };
        customer::remember(tx, seen).await?;
    }
    match fact.fact() {
        ServiceRequestFact::Resolved => match Trigger::of_kind(&fact.kind) {
            Some(trigger) => plan_request(ctx, call, tx, event, &fact, trigger, at).await,
            None => Ok(()),
        },
        // Answered without a visit: whatever it was at first, the customer is asked about the answer.
        ServiceRequestFact::Answered => plan_request(ctx, call, tx, event, &fact, Trigger::Consultation, at).await,
        ServiceRequestFact::Cancelled => withdraw(call, tx, requested(&fact), "request_cancelled").await,
        ServiceRequestFact::Reopened => withdraw(call, tx, requested(&fact), "request_reopened").await,
        ServiceRequestFact::Merged => withdraw(call, tx, requested(&fact), "request_merged").await,
        ServiceRequestFact::Unspecified
        | ServiceRequestFact::Created
        | ServiceRequestFact::Updated
        | ServiceRequestFact::Triaged
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
        | ServiceRequestFact::Closed
        | ServiceRequestFact::Escalated => Ok(()),
    }
}

fn requested(fact: &ServiceRequestEvent) -> sea_orm::sea_query::SimpleExpr {
    invitation::of_service_request(&fact.service_request_id)
}

/// A case can be asked about once after each time it was solved: the version that solved it makes the occasion.
async fn plan_request(
    ctx: &Context,
    call: &Call,
    tx: &Tx,
    event: &Event,
    fact: &ServiceRequestEvent,
    trigger: Trigger,
    at: DateTime<Utc>,
) -> Result<()> {
    let occasion = Occasion {
        key: format!("{}@{}", event.aggregate_id, event.aggregate_version),
        trigger,
        at,
        customer_id: fact.customer_id.clone(),
        member: fact.customer_tier == "A",
        consent: fact.survey_consent,
        language: language(&fact.language).to_owned(),
        service_request_id: given(&fact.service_request_id),
        work_order_id: given(&fact.work_order_id),
        complaint_id: given(&fact.complaint_id),
        org_unit_id: fact.org_unit_id.clone(),
        kind: fact.kind.clone(),
        month: ctx.rules.rest.zone().month(at),
    };
    asking::plan(ctx, call, tx, occasion).await
}

/// What is planned and not sent yet is not asked any more.
async fn withdraw(call: &Call, tx: &Tx, filter: sea_orm::sea_query::SimpleExpr, why: &str) -> Result<()> {
    for planned in invitation::planned(tx, filter).await? {
        asking::suppress(call, tx, planned, "withdraw", why).await?;
    }
    Ok(())
}

async fn work_order(_ctx: &Context, _call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    let fact: WorkOrderEvent = payload(event)?;
    if fact.fact() != WorkOrderFact::Completed || fact.service_request_id.is_empty() {
        return Ok(());
    }
    let done = visit::Model {
        service_request_id: fact.service_request_id,
        visit_number: fact.visit_number,
        work_order_id: fact.work_order_id,
        technician_id: fact.technician_id,
        service_point_id: fact.service_point_id,
    };
    visit::remember(tx, done).await
}

async fn complaint(ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    let fact: ComplaintEvent = payload(event)?;
    match fact.fact() {
        ComplaintFact::Received | ComplaintFact::Linked => link(call, tx, &fact).await,
        ComplaintFact::Closed => {
            close_loop(call, tx, &fact).await?;
            plan_complaint(ctx, call, tx, event, fact).await
        }
        ComplaintFact::Reopened => {
            withdraw(call, tx, invitation::of_closed_complaint(&fact.complaint_id), "complaint_reopened").await
        }
        ComplaintFact::Unspecified
        | ComplaintFact::Updated
        | ComplaintFact::Acknowledged
        | ComplaintFact::Judged
        | ComplaintFact::Investigated
        | ComplaintFact::Proposed
        | ComplaintFact::SentBack
        | ComplaintFact::Approved
        | ComplaintFact::Agreed
        | ComplaintFact::ActionDone
        | ComplaintFact::Implemented
        | ComplaintFact::Archived
        | ComplaintFact::Escalated
        | ComplaintFact::FollowedUp => Ok(()),
    }
}

/// A complaint that an answer opened is linked to the answer and to its follow-up.
async fn link(call: &Call, tx: &Tx, fact: &ComplaintEvent) -> Result<()> {
    let Some(answer) = response::find(tx, &fact.survey_response_id).await? else { return Ok(()) };
    if answer.route.is_none() || answer.opened_complaint_id.is_some() {
        return Ok(());
    }
    if let Some(id) = &answer.follow_up_id
        && let Some(open) = follow_up::find(tx, id.as_str()).await?
        && open.closed_at().is_none()
        && open.complaint_id.is_none()
    {
        follow_up::save(tx, call, open.link_complaint(&fact.complaint_id, call.now)?).await?;
    }
    let linked = answer.link_complaint(&fact.complaint_id, call.now)?;
    response::save(tx, call, ResponseFact::Linked, linked).await?;
    Ok(())
}

/// A closed complaint closes the follow-ups it deals with.
async fn close_loop(call: &Call, tx: &Tx, fact: &ComplaintEvent) -> Result<()> {
    let outcome = match fact.outcome.as_str() {
        "satisfied" => Outcome::Satisfied,
        "unreachable" => Outcome::Unreachable,
        _ => Outcome::Explained,
    };
    for open in follow_up::of_complaint(tx, &fact.complaint_id).await? {
        if open.closed_at().is_none() {
            let closed = follow_up::save(tx, call, open.close_with_complaint(outcome, call.now)?).await?;
            answers::followed_up(call, tx, &closed, outcome).await?;
        }
    }
    Ok(())
}

async fn plan_complaint(ctx: &Context, call: &Call, tx: &Tx, event: &Event, fact: ComplaintEvent) -> Result<()> {
    if fact.customer_id.is_empty() {
        return Ok(());
    }
    let at = occurred(call, event)?;
    let known = customer::find(tx, &fact.customer_id).await?;
    let occasion = Occasion {
        key: format!("{}@{}", event.aggregate_id, event.aggregate_version),
        trigger: Trigger::ComplaintClosed,
        at,
        member: known.as_ref().is_some_and(|customer| customer.tier == "A"),
        consent: fact.survey_consent,
        language: known.map_or_else(|| language("").to_owned(), |customer| customer.language),
        customer_id: fact.customer_id,
        service_request_id: given(&fact.service_request_id),
        work_order_id: given(&fact.work_order_id),
        complaint_id: given(&fact.complaint_id),
        org_unit_id: fact.org_unit_id,
        kind: "complaint".to_owned(),
        month: ctx.rules.rest.zone().month(at),
    };
    asking::plan(ctx, call, tx, occasion).await
}
