//! The feed of changes: every fact of every service becomes one numbered row, from which push streams and webhooks are
//! served. Rows hold ids and states, no personal data.

mod facts;
mod hub;
pub(crate) mod reader;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

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

/// Writes events, each of another record, as changes, in the transaction of their inbox rows.
pub(crate) async fn record(ctx: &Context, call: &Call, tx: &Tx, events: &[&Event]) -> Result<()> {
    let facts = events.iter().map(|event| facts::read(event)).collect::<Result<Vec<_>>>()?;
    let mut places = Places::default();
    let named = events.iter().map(|event| &event.aggregate_id).chain(facts.iter().map(|facts| &facts.work_order_id));
    places.load(tx, named.cloned()).await?;
    let cases = facts.iter().zip(events).flat_map(|(facts, event)| {
        let known = [&event.aggregate_id, &facts.work_order_id].map(|id| places.of(id));
        [facts.service_request_id.clone()].into_iter().chain(known.map(|place| place.service_request_id))
    });
    let cases: Vec<String> = cases.collect();
    places.load(tx, cases).await?;

    let mut changes = Vec::new();
    for (event, facts) in events.iter().zip(facts) {
        let id = &event.aggregate_id;
        let known = places.of(id);
        let visit = if facts.work_order_id == *id { Place::default() } else { places.of(&facts.work_order_id) };
        let case = case(ctx, call, &places, id, &facts, &known, &visit).await?;
        let (place, former_technician_id) = locate(&facts, &known, &visit, &case);
        places.keep(id, &place);
        changes.push(Change {
            number: 0,
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
        });
    }
    store::feed::keep_places(tx, places.changed).await?;
    // As late as can be: whoever else writes changes waits from here on.
    let first = store::feed::take_numbers(tx, changes.len()).await?;
    for (number, change) in (first..).zip(&mut changes) {
        change.number = number;
    }
    store::feed::insert(tx, &changes).await?;
    webhooks::enqueue(call, tx, &changes).await?;
    for (event, change) in events.iter().zip(&changes) {
        notifications::facts::consider(ctx, call, tx, event, change).await?;
    }
    Ok(())
}

/// Where records belong: as it stands in the database, and as these events change it.
#[derive(Default)]
struct Places {
    known: HashMap<String, Option<Place>>,
    changed: BTreeMap<String, Place>,
}

impl Places {
    async fn load(&mut self, tx: &Tx, ids: impl IntoIterator<Item = String>) -> Result<()> {
        let new: BTreeSet<String> =
            ids.into_iter().filter(|id| !id.is_empty() && !self.known.contains_key(id)).collect();
        let mut found = store::feed::places(tx, new.clone()).await?;
        for id in new {
            let place = found.remove(&id);
            self.known.insert(id, place);
        }
        Ok(())
    }

    fn find(&self, id: &str) -> Option<&Place> {
        self.known.get(id).and_then(Option::as_ref)
    }

    fn of(&self, id: &str) -> Place {
        self.find(id).cloned().unwrap_or_default()
    }

    fn keep(&mut self, id: &str, place: &Place) {
        if self.find(id) != Some(place) && *place != Place::default() {
            self.known.insert(id.to_owned(), Some(place.clone()));
            self.changed.insert(id.to_owned(), place.clone());
        }
    }
}

/// What is known of the case that a record belongs to. Facts of one case come from several services, each in its own
/// order: when a record is told of before its case is, intake is asked where the case belongs.
async fn case(
    ctx: &Context,
    call: &Call,
    places: &Places,
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
    if let Some(place) = places.find(case_id) {
        return Ok(place.clone());
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
