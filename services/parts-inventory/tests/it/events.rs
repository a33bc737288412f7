//! What other services' facts do here, told once, twice and late.

use chrono::Duration;
use common::{convert::timestamp, testing::Backend};
use proto::aftercare::{
    common::v1::{PartLine, TimeWindow, UsedPart},
    dispatch::v1::{WorkOrderEvent, WorkOrderFact},
    intake::v1::{ServiceRequestEvent, ServiceRequestFact},
    parts_inventory::v1::*,
};
use rstest::rstest;

use crate::world::{Tree, World, a_part, call, want};

async fn world(backend: Backend) -> (World, Tree) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    let mut motor = a_part("A", PartTracking::Plain);
    motor.return_old_part = true;
    call!(world, Warehouse, create_part, motor).unwrap();
    (world, tree)
}

fn order(fact: WorkOrderFact, parts_wanted: Vec<PartLine>) -> WorkOrderEvent {
    WorkOrderEvent {
        fact: fact as i32,
        work_order_id: "wo_1".into(),
        service_request_id: "sr_1".into(),
        customer_id: "cu_1".into(),
        technician_id: "te_1".into(),
        org_unit_id: "ou_1".into(),
        parts_wanted,
        ..Default::default()
    }
}

impl World {
    async fn order(&self, version: i64, event: &WorkOrderEvent) {
        self.bench.deliver("dispatch", "work_order", "wo_1", version, event).await.unwrap();
    }

    async fn request(&self, version: i64, fact: ServiceRequestFact, kind: &str) {
        let event = ServiceRequestEvent {
            fact: fact as i32,
            service_request_id: "sr_1".into(),
            kind: kind.into(),
            customer_id: "cu_1".into(),
            product_id: "pr_1".into(),
            org_unit_id: "ou_1".into(),
            fault_code: "flickers".into(),
            ..Default::default()
        };
        self.bench.deliver("intake", "service_request", "sr_1", version, &event).await.unwrap();
    }

    async fn facts(&self) -> Vec<ReservationFact> {
        self.told::<ReservationEvent>().await.iter().map(ReservationEvent::fact).collect()
    }
}

#[rstest]
#[tokio::test]
async fn a_work_order_gets_its_parts_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, tree) = world(backend).await;
    world.stock(&tree.van, "A", 5).await;
    world.order(1, &order(WorkOrderFact::Created, vec![])).await;
    assert!(world.reservation_of("wo_1").await.is_none());
    let created = order(WorkOrderFact::Created, vec![want("A", 1), want("A", 1)]);
    world.order(1, &created).await;
    world.order(1, &created).await;
    let made = world.reservation_of("wo_1").await.unwrap();
    assert_eq!((made.state(), made.lines.clone()), (ReservationState::Reserved, vec![want("A", 2)]));
    assert_eq!((made.service_request_id.as_str(), made.org_unit_id.as_str()), ("sr_1", "ou_1"));
    assert_eq!(world.good("A", &tree.van).await, (5, 2));
    assert_eq!(world.facts().await, [ReservationFact::Reserved]);
}

#[rstest]
#[tokio::test]
async fn a_part_that_nobody_knows_is_short_and_poisons_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (world, _) = world(backend).await;
    world.order(1, &order(WorkOrderFact::Created, vec![want("NEW-PART", 1)])).await;
    assert_eq!(world.facts().await, [ReservationFact::Short]);
}

#[rstest]
#[tokio::test]
async fn a_done_job_takes_its_parts_once_and_owes_the_old_ones(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (world, tree) = world(backend).await;
    world.stock(&tree.van, "A", 5).await;
    world.order(1, &order(WorkOrderFact::Created, vec![want("A", 3)])).await;
    let mut completed = order(WorkOrderFact::Completed, vec![]);
    completed.parts_used = vec![UsedPart {
        sku: "A".into(),
        used_milli: 2000,
        returned_milli: 1000,
        old_serial: "OLD".into(),
        old_part_taken_back: true,
        ..Default::default()
    }];
    world.order(2, &completed).await;
    world.order(2, &completed).await;
    // Late copies of what happened before change nothing.
    world.order(1, &order(WorkOrderFact::Created, vec![want("A", 3)])).await;
    world.order(3, &order(WorkOrderFact::Cancelled, vec![])).await;
    assert_eq!(world.good("A", &tree.van).await, (3, 0));
    assert_eq!(world.facts().await, [ReservationFact::Reserved, ReservationFact::Consumed]);
    let debts = call!(world, Warehouse, list_old_part_debts, ListOldPartDebtsRequest::default()).unwrap();
    assert_eq!(debts.old_part_debts.len(), 1);
    assert_eq!(debts.old_part_debts[0].technician_id, "te_1");
    assert_eq!(debts.old_part_debts[0].quantity_milli, 2000);
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn a_job_that_reserved_nothing_still_pays_for_what_it_used(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (world, tree) = world(backend).await;
    world.stock(&tree.van, "A", 1).await;
    world.order(2, &order(WorkOrderFact::Completed, vec![])).await;
    assert!(world.reservation_of("wo_1").await.is_none());
    let mut completed = order(WorkOrderFact::Completed, vec![]);
    completed.parts_used = vec![UsedPart { sku: "A".into(), used_milli: 1000, ..Default::default() }];
    world.order(2, &completed).await;
    world.order(2, &completed).await;
    assert_eq!(world.good("A", &tree.van).await, (0, 0));
    assert_eq!(world.facts().await, [ReservationFact::Consumed]);
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn a_failed_visit_pays_for_what_it_built_in(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, tree) = world(backend).await;
    world.stock(&tree.van, "A", 5).await;
    world.order(1, &order(WorkOrderFact::Created, vec![want("A", 3)])).await;
    let mut failed = order(WorkOrderFact::Failed, vec![]);
    failed.parts_used =
        vec![UsedPart { sku: "A".into(), used_milli: 1000, returned_milli: 2000, ..Default::default() }];
    world.order(2, &failed).await;
    world.order(2, &failed).await;
    assert_eq!(world.good("A", &tree.van).await, (4, 0));
    assert_eq!(world.facts().await, [ReservationFact::Reserved, ReservationFact::Consumed]);
    world.books_are_right().await;
}

#[rstest]
#[case(WorkOrderFact::Failed, "work_order_failed")]
#[case(WorkOrderFact::Cancelled, "work_order_cancelled")]
#[tokio::test]
async fn a_job_that_does_not_happen_gives_its_parts_back_once(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[case] ended: WorkOrderFact,
    #[case] why: &str,
) {
    let (world, tree) = world(backend).await;
    world.stock(&tree.van, "A", 5).await;
    world.order(1, &order(ended, vec![])).await;
    world.order(1, &order(WorkOrderFact::Created, vec![want("A", 3)])).await;
    world.order(2, &order(ended, vec![])).await;
    world.order(2, &order(ended, vec![])).await;
    assert_eq!(world.good("A", &tree.van).await, (5, 0));
    assert_eq!(world.facts().await, [ReservationFact::Reserved, ReservationFact::Released]);
    assert_eq!(world.reservation_of("wo_1").await.unwrap().reason, why);
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn a_late_visit_keeps_its_parts(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, tree) = world(backend).await;
    world.stock(&tree.van, "A", 1).await;
    world.order(1, &order(WorkOrderFact::Created, vec![want("A", 1)])).await;
    let start = world.bench.core.clock.now() + Duration::days(30);
    let mut planned = order(WorkOrderFact::Rescheduled, vec![]);
    planned.window =
        Some(TimeWindow { start: Some(timestamp(start)), end: Some(timestamp(start + Duration::hours(2))) });
    world.order(2, &planned).await;
    world.order(2, &planned).await;
    world.bench.advance(Duration::days(31)).await.unwrap();
    assert_eq!(world.good("A", &tree.van).await, (1, 1));
    assert_eq!(world.facts().await, [ReservationFact::Reserved, ReservationFact::Extended]);
}

#[rstest]
#[tokio::test]
async fn a_request_to_return_or_exchange_opens_one_return(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (world, _) = world(backend).await;
    world.request(1, ServiceRequestFact::Created, "repair").await;
    let list = ListReturnsRequest { service_request_id: "sr_1".into(), ..Default::default() };
    assert!(call!(world, Agent, list_returns, list.clone()).unwrap().returns.is_empty());
    world.request(1, ServiceRequestFact::Created, "exchange").await;
    world.request(1, ServiceRequestFact::Created, "exchange").await;
    let opened = call!(world, Agent, list_returns, list.clone()).unwrap().returns;
    assert_eq!(opened.len(), 1);
    assert_eq!((opened[0].wish(), opened[0].customer_id.as_str()), (ReturnWish::Exchange, "cu_1"));
    assert!(opened[0].number.starts_with("RMA-2026-"));
    world.request(2, ServiceRequestFact::Cancelled, "exchange").await;
    world.request(2, ServiceRequestFact::Cancelled, "exchange").await;
    world.request(1, ServiceRequestFact::Created, "exchange").await;
    let left = call!(world, Agent, list_returns, list).unwrap().returns;
    assert_eq!(left.iter().map(Return::state).collect::<Vec<_>>(), [ReturnState::Cancelled]);
    let facts: Vec<_> = world.told::<ReturnEvent>().await.iter().map(ReturnEvent::fact).collect();
    assert_eq!(facts, [ReturnFact::Opened, ReturnFact::Cancelled]);
}
