//! The contact log and promises.

use chrono::Duration;
use common::{error::reason, testing::Backend};
use proto::aftercare::intake::v1::*;
use rstest::rstest;

use super::{World, at, world};
use crate::{error::REQUEST_OF_ANOTHER, rpc::*};

fn contact(request: &str) -> RecordContactRequest {
    RecordContactRequest {
        service_request_id: request.to_owned(),
        direction: ContactDirection::Outbound.into(),
        channel: "phone".to_owned(),
        summary: "spoke with the customer".to_owned(),
        ..Default::default()
    }
}

async fn in_state(world: &World, state: PromiseState) -> usize {
    let request = ListContactsRequest { promise_state: state.into(), ..Default::default() };
    list_contacts::handle(&world.ctx, &world.agent(), request).await.unwrap().contacts.len()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_outbound_contact_stops_the_callback_clock_and_an_inbound_one_does_not(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = world.request().await.service_request_id;
    let inbound = RecordContactRequest { direction: ContactDirection::Inbound.into(), ..contact(&id) };
    record_contact::handle(&world.ctx, &world.agent(), inbound).await.unwrap();
    assert_eq!(world.get(&id).await.deadlines[0].state, "running");
    record_contact::handle(&world.ctx, &world.agent(), contact(&id)).await.unwrap();
    let called = world.get(&id).await;
    assert_eq!((called.deadlines[0].state.as_str(), called.etag.as_str()), ("met", "2"));
    let future = RecordContactRequest { at: at(world.now() + Duration::seconds(1)), ..contact(&id) };
    assert_eq!(record_contact::handle(&world.ctx, &world.agent(), future).await.unwrap_err().fields[0].field, "at");
    let other = world.customer("13900139000").await;
    let foreign = RecordContactRequest { customer_id: other.customer_id, ..contact(&id) };
    assert_eq!(
        record_contact::handle(&world.ctx, &world.agent(), foreign).await.unwrap_err().reason,
        REQUEST_OF_ANOTHER
    );
    let nobody = record_contact::handle(&world.ctx, &world.agent(), contact("")).await.unwrap_err();
    assert_eq!(nobody.reason, reason::INVALID_FIELDS);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_promise_not_kept_is_listed_and_escalates_until_it_is_kept(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = world.request().await.service_request_id;
    let without_time = RecordContactRequest { promise: "call back".to_owned(), ..contact(&id) };
    let refused = record_contact::handle(&world.ctx, &world.agent(), without_time.clone()).await.unwrap_err();
    assert_eq!(refused.fields[0].field, "promise_due_at");
    let promised = RecordContactRequest { promise_due_at: at(world.now() + Duration::hours(1)), ..without_time };
    let made = record_contact::handle(&world.ctx, &world.agent(), promised).await.unwrap();
    assert_eq!(made.promise_state(), PromiseState::Open);
    assert_eq!((in_state(&world, PromiseState::Open).await, in_state(&world, PromiseState::Overdue).await), (1, 0));
    world.advance(Duration::minutes(61)).await;
    assert_eq!((in_state(&world, PromiseState::Open).await, in_state(&world, PromiseState::Overdue).await), (0, 1));
    world.advance(Duration::minutes(120)).await;
    let told: Vec<_> = world
        .facts(&id)
        .await
        .into_iter()
        .filter(|told| told.target == "promise")
        .map(|told| told.escalation_step)
        .collect();
    assert_eq!(told, [1, 2, 3, 4]);
    let keep =
        KeepPromiseRequest { contact_id: made.contact_id.clone(), reason: "called".to_owned(), ..Default::default() };
    let kept = keep_promise::handle(&world.ctx, &world.agent(), keep.clone()).await.unwrap();
    assert_eq!((kept.promise_state(), kept.escalation_step), (PromiseState::KeptLate, 4));
    assert_eq!(
        keep_promise::handle(&world.ctx, &world.agent(), keep).await.unwrap_err().reason,
        reason::ILLEGAL_TRANSITION
    );
    assert_eq!((in_state(&world, PromiseState::Overdue).await, in_state(&world, PromiseState::KeptLate).await), (0, 1));
    let steps = world.facts(&id).await.len();
    world.advance(Duration::hours(2)).await;
    let later = world.facts(&id).await;
    assert!(later[steps..].iter().all(|told| told.target != "promise"));
}
