//! Facts of intake and parts-inventory: consumed twice, late, and out of turn.

use chrono::Duration;
use common::{convert::timestamp, testing::Backend};
use proto::aftercare::{
    common::v1::PartLine,
    dispatch::v1::*,
    intake::v1::{ServiceRequestEvent, ServiceRequestFact},
    parts_inventory::v1::{ReservationEvent, ReservationFact},
};
use rstest::rstest;

use super::world::{World, call, window};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_visit_has_one_work_order_however_often_it_is_told(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let event = world.released("sr_1", 1);
    world.tell(&event).await;
    world.tell(&event).await;
    let needed = ServiceRequestEvent { fact: ServiceRequestFact::VisitNeeded.into(), ..event };
    world.tell(&needed).await;
    let orders = world.of_request("sr_1").await;
    assert_eq!(orders.len(), 1);
    assert_eq!((orders[0].customer_id.as_str(), orders[0].visit_number), ("cu_1", 1));
    assert!(orders[0].number.starts_with("WO-2026-"), "{}", orders[0].number);
    world.tell(&ServiceRequestEvent { visit_number: 2, ..needed }).await;
    assert_eq!(world.of_request("sr_1").await.len(), 2);
    assert_eq!(world.facts().await, [WorkOrderFact::Created; 2]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_cancelled_request_cancels_what_is_not_over(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let first = world.order("sr_1").await;
    world.begun(&first, &technician).await;
    let cancelled = ServiceRequestEvent { fact: ServiceRequestFact::Cancelled.into(), ..world.released("sr_1", 1) };
    world.tell(&cancelled).await;
    let order = world.get(&first.work_order_id).await;
    assert_eq!((order.state(), order.cancel_reason.as_str()), (WorkOrderState::Cancelled, "request_cancelled"));
    let told = world.events().await.pop().unwrap();
    assert_eq!((told.fact(), told.reason.as_str()), (WorkOrderFact::Cancelled, "request_cancelled"));
    world.tell(&cancelled).await;
    assert_eq!(world.get(&first.work_order_id).await.etag, order.etag, "told twice, cancelled once");
    // A visit that is done stays done.
    let second = world.order("sr_2").await;
    world.bench.advance(Duration::hours(3)).await.unwrap();
    world.begun(&second, &technician).await;
    call!(world, Technician, complete_work_order, world.complete_request(&second)).unwrap();
    let cancelled = ServiceRequestEvent { service_request_id: "sr_2".to_owned(), ..cancelled };
    world.tell(&cancelled).await;
    assert_eq!(world.get(&second.work_order_id).await.state(), WorkOrderState::Completed);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_changed_request_changes_its_open_visit_and_only_then(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let order = world.order("sr_1").await;
    let due = timestamp(world.now() + Duration::hours(4));
    let mut event = world.released("sr_1", 1);
    event.fact = ServiceRequestFact::Updated.into();
    world.tell(&event).await;
    assert_eq!(world.get(&order.work_order_id).await.etag, "1", "nothing new is no new version");
    event.urgency = "emergency".to_owned();
    event.charge_kind = "goodwill".to_owned();
    event.resolution_due_at = Some(due);
    event.windows = vec![window(world.now(), 2)];
    world.tell(&event).await;
    let changed = world.get(&order.work_order_id).await;
    assert_eq!((changed.etag.as_str(), changed.urgency.as_str()), ("2", "emergency"));
    assert_eq!(changed.charge_kind, "goodwill");
    assert_eq!((changed.resolution_due_at, changed.windows), (Some(due), vec![window(world.now(), 2)]));
    assert_eq!(world.facts().await, [WorkOrderFact::Created, WorkOrderFact::Updated]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn answers_about_parts_are_taken_once_and_never_after_the_end(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let line = PartLine { sku: "DRV-1".to_owned(), quantity_milli: 1_000 };
    let order = world.order_with_parts("sr_1", vec![line.clone()]).await;
    let mut told = ReservationEvent {
        fact: ReservationFact::Short.into(),
        reservation_id: "rv_1".to_owned(),
        work_order_id: order.work_order_id.clone(),
        short_skus: vec!["DRV-1".to_owned()],
        lines: vec![line.clone()],
        ..ReservationEvent::default()
    };
    for (fact, state) in [
        (ReservationFact::Short, PartsState::Short),
        (ReservationFact::Short, PartsState::Short),
        (ReservationFact::Reserved, PartsState::Ready),
        (ReservationFact::Reserved, PartsState::Ready),
        (ReservationFact::Extended, PartsState::Ready),
        (ReservationFact::Expired, PartsState::Short),
    ] {
        told.fact = fact.into();
        world.bench.deliver("parts-inventory", "reservation", "rv_1", 1, &told).await.unwrap();
        assert_eq!(world.get(&order.work_order_id).await.parts_state(), state, "{fact:?}");
    }
    let cancel = CancelWorkOrderRequest {
        work_order_id: order.work_order_id.clone(),
        reason: "typed in twice".to_owned(),
        ..Default::default()
    };
    let cancelled = call!(world, Dispatcher, cancel_work_order, cancel).unwrap();
    told.fact = ReservationFact::Reserved.into();
    world.bench.deliver("parts-inventory", "reservation", "rv_1", 9, &told).await.unwrap();
    assert_eq!(world.get(&order.work_order_id).await, cancelled);
    told.work_order_id = "wo_00000000000000000000000000".to_owned();
    world.bench.deliver("parts-inventory", "reservation", "rv_1", 9, &told).await.unwrap();
    use WorkOrderFact as F;
    assert_eq!(world.facts().await, [F::Created, F::PartsShort, F::PartsReady, F::PartsShort, F::Cancelled]);
    assert_eq!(world.events().await.pop().unwrap().reason, "cancelled_by_office");
}
