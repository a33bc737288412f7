//! The feed of changes: every fact of every service becomes one numbered row, from which push streams and webhooks are
//! served. Rows hold ids and states, no personal data.

mod facts;
mod hub;
pub(crate) mod reader;
#[cfg(test)]
mod tests;

use common::{
    convert::optional_instant,
    db::Tx,
    error::{Error, Result, reason},
    service::Call,
};
use proto::aftercare::{
    common::v1::Event,
    intake::v1::{GetServiceRequestRequest, intake_service_client::IntakeServiceClient},
};
use tonic::Code;

pub(crate) use self::hub::Hub;
use crate::{
    domain::feed::{Change, Facts, Place, locate},
    notifications,
    service::Context,
    store, webhooks,
};

/// Every kind of record of every service, by the service that owns it. `tests/architecture.rs` holds that none is missing.
pub const KINDS: &[(&str, &[&str])] = &[
    ("intake", &["article", "contact", "customer", "product", "service_request"]),
    ("dispatch", &["plan", "service_point", "slot_hold", "technician", "work_order"]),
    (
        "parts-inventory",
        &[
            "location",
            "old_part_debt",
            "part",
            "reservation",
            "return",
            "stock_document",
            "supplementary_order",
            "transfer",
        ],
    ),
    ("complaint", &["complaint", "corrective_action", "regulator_case"]),
    ("survey", &["callback", "callback_agent", "follow_up", "invitation", "questionnaire", "response"]),
];

/// Writes one event as a change, in the transaction of its inbox row.
pub(crate) async fn record(ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    let facts = facts::read(event)?;
    let id = &event.aggregate_id;
    let before = store::feed::place(tx, id).await?;
    let known = before.clone().unwrap_or_default();
    let visit = match &*facts.work_order_id {
        "" => Place::default(),
        order if order == id => Place::default(),
        order => store::feed::place(tx, order).await?.unwrap_or_default(),
    };
    let case = case(ctx, call, tx, id, &facts, &known, &visit).await?;
    let (place, former_technician_id) = locate(&facts, &known, &visit, &case);
    if before.as_ref() != Some(&place) && place != Place::default() {
        store::feed::keep_place(tx, id, place.clone()).await?;
    }
    let change = Change {
        number: store::feed::next(tx).await?,
        event_id: event.id.clone(),
        service: event.service.clone(),
        record_kind: event.aggregate_kind.clone(),
        record_id: id.clone(),
        record_version: event.aggregate_version,
        fact: facts.fact,
        state: facts.state,
        place,
        former_technician_id,
        work_order_id: facts.work_order_id,
        occurred_at: optional_instant(event.occurred_at.as_ref(), "occurred_at")?.unwrap_or(call.now),
        recorded_at: call.now,
    };
    store::feed::insert(tx, &change).await?;
    webhooks::enqueue(call, tx, &change).await?;
    notifications::facts::consider(ctx, call, tx, event, &change).await
}

/// What is known of the case that a record belongs to. Facts of one case come from several services, each in its own
/// order: when a record is told of before its case is, intake is asked where the case belongs.
async fn case(
    ctx: &Context,
    call: &Call,
    tx: &Tx,
    record_id: &str,
    facts: &Facts,
    known: &Place,
    visit: &Place,
) -> Result<Place> {
    let of = [&facts.service_request_id, &known.service_request_id, &visit.service_request_id];
    let Some(case_id) = of.into_iter().find(|id| !id.is_empty()) else { return Ok(Place::default()) };
    if case_id == record_id {
        return Ok(Place::default());
    }
    if let Some(place) = store::feed::place(tx, case_id).await? {
        return Ok(place);
    }
    // The event says itself whose it is.
    if !facts.org_unit_id.is_empty() {
        return Ok(Place::default());
    }
    let request = GetServiceRequestRequest { service_request_id: case_id.clone() };
    let mut intake = IntakeServiceClient::new(ctx.core.way("intake", &call.actor, call.language)?);
    match intake.get_service_request(request).await {
        Ok(answer) => {
            let found = answer.into_inner();
            Ok(Place {
                org_unit_id: found.org_unit_id,
                technician_id: String::new(),
                partner_id: found.partner_id,
                service_request_id: found.service_request_id,
                customer_id: found.customer_id,
            })
        }
        // Erased, or never there: it stays visible to those who see everything.
        Err(status) if matches!(status.code(), Code::NotFound | Code::InvalidArgument) => Ok(Place::default()),
        // The event comes again until intake answers.
        Err(status) => Err(Error::new(reason::UNAVAILABLE).caused_by(status)),
    }
}
