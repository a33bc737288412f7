//! Supplementary orders, from the wish to the technician's hand.

use chrono::Duration;
use common::{convert::timestamp, record::Role, testing::Backend};
use proto::aftercare::{common::v1::PartLine, parts_inventory::v1::*};
use rstest::rstest;

use crate::world::{Tree, World, a_part, call, line, reason, want};

fn wish(tree: &Tree, lines: Vec<PartLine>) -> RequestSupplementaryOrderRequest {
    RequestSupplementaryOrderRequest {
        work_order_id: "wo_1".into(),
        service_request_id: "sr_1".into(),
        customer_id: "cu_1".into(),
        lines,
        location_id: tree.point.clone(),
        reason: "missing_on_delivery".into(),
        responsibility: Responsibility::Production as i32,
        ..Default::default()
    }
}

fn approve(order: &SupplementaryOrder) -> ApproveSupplementaryOrderRequest {
    ApproveSupplementaryOrderRequest {
        supplementary_order_id: order.supplementary_order_id.clone(),
        signature_file_id: "sig".into(),
        ..Default::default()
    }
}

fn ship(order: &SupplementaryOrder) -> ShipSupplementaryOrderRequest {
    ShipSupplementaryOrderRequest {
        supplementary_order_id: order.supplementary_order_id.clone(),
        consignment: "SF-1".into(),
        ..Default::default()
    }
}

fn receive(order: &SupplementaryOrder, lines: Vec<StockLine>) -> ReceiveSupplementaryOrderRequest {
    ReceiveSupplementaryOrderRequest {
        supplementary_order_id: order.supplementary_order_id.clone(),
        lines,
        ..Default::default()
    }
}

async fn shipped(world: &World, order: &SupplementaryOrder) {
    call!(world, Supervisor, approve_supplementary_order, approve(order)).unwrap();
    let place = PlaceSupplementaryOrderRequest {
        supplementary_order_id: order.supplementary_order_id.clone(),
        factory_reference: "F-1".into(),
        expected_time: Some(timestamp(world.bench.core.clock.now() + Duration::days(3))),
        ..Default::default()
    };
    call!(world, Warehouse, place_supplementary_order, place).unwrap();
    call!(world, Warehouse, ship_supplementary_order, ship(order)).unwrap();
}

#[rstest]
#[tokio::test]
async fn a_missing_part_is_ordered_arrives_and_is_promised_to_the_job_that_waits(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    world.part("A", PartTracking::Plain).await;
    // Somebody else waits longer; the order is for wo_1.
    world.reserve("wo_0", &[want("A", 2)]).await.unwrap();
    world.bench.advance(Duration::seconds(1)).await.unwrap();
    assert_eq!(world.reserve("wo_1", &[want("A", 2)]).await.unwrap().state(), ReservationState::Short);

    let order = call!(world, Dispatcher, request_supplementary_order, wish(&tree, vec![want("A", 2)])).unwrap();
    assert!(order.number.starts_with("SO-2026-"), "{}", order.number);
    assert_eq!(order.amount.as_ref().unwrap().minor_units, 2_000);
    let early = call!(world, Warehouse, ship_supplementary_order, ship(&order)).unwrap_err();
    assert_eq!(reason(&early), "ILLEGAL_TRANSITION");
    shipped(&world, &order).await;
    let received = call!(world, Warehouse, receive_supplementary_order, receive(&order, vec![])).unwrap();
    assert_eq!(
        (received.state(), received.approved_by.unwrap().id.as_str()),
        (SupplementaryOrderState::Received, "supervisor-1")
    );
    assert_eq!(world.good("A", &tree.point).await.0, 2);
    world.bench.advance(Duration::seconds(1)).await.unwrap();
    assert_eq!(world.reservation_of("wo_1").await.unwrap().state(), ReservationState::Reserved);
    assert_eq!(world.reservation_of("wo_0").await.unwrap().state(), ReservationState::Short);
    let last = world.told::<ReservationEvent>().await.pop().unwrap();
    assert_eq!((last.fact(), last.work_order_id.as_str()), (ReservationFact::Reserved, "wo_1"));

    let hand = HandOnSupplementaryOrderRequest {
        supplementary_order_id: order.supplementary_order_id.clone(),
        technician_id: "te_1".into(),
        signature_file_id: "sig".into(),
        ..Default::default()
    };
    let done = call!(world, Warehouse, hand_on_supplementary_order, hand).unwrap();
    assert_eq!((done.state(), done.technician_id.as_str()), (SupplementaryOrderState::HandedOn, "te_1"));
    let facts: Vec<_> = world.told::<SupplementaryOrderEvent>().await.iter().map(|event| event.fact()).collect();
    use SupplementaryOrderFact as Fact;
    assert_eq!(facts, [Fact::Requested, Fact::Approved, Fact::Ordered, Fact::Shipped, Fact::Received, Fact::HandedOn]);
    let mine = ListSupplementaryOrdersRequest {
        work_order_id: "wo_1".into(),
        state: SupplementaryOrderState::HandedOn as i32,
        ..Default::default()
    };
    assert_eq!(call!(world, Agent, list_supplementary_orders, mine).unwrap().supplementary_orders, [done]);
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn the_amount_and_the_person_decide_who_approves(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    world.part("A", PartTracking::Plain).await;
    // 1,000 minor units a piece; the defaults are 200,000 for a supervisor and 2,000,000 for a manager.
    for (pieces, supervisor, manager) in [(200, true, true), (201, false, true), (2_001, false, false)] {
        let order =
            call!(world, Dispatcher, request_supplementary_order, wish(&tree, vec![want("A", pieces)])).unwrap();
        let first = call!(world, Supervisor, approve_supplementary_order, approve(&order));
        assert_eq!(first.is_ok(), supervisor, "{pieces}");
        if let Err(refused) = first {
            assert_eq!((refused.code(), reason(&refused).as_str()), (tonic::Code::PermissionDenied, "APPROVAL_LIMIT"));
            assert_eq!(call!(world, Manager, approve_supplementary_order, approve(&order)).is_ok(), manager);
        }
        if !manager {
            assert!(call!(world, Admin, approve_supplementary_order, approve(&order)).is_ok());
        }
    }
    let own = call!(world, Supervisor, request_supplementary_order, wish(&tree, vec![want("A", 1)])).unwrap();
    let refused = call!(world, Supervisor, approve_supplementary_order, approve(&own)).unwrap_err();
    assert_eq!(reason(&refused), "OWN_REQUEST");
    let other = world.signed_by("supervisor-2", Role::Supervisor, approve(&own));
    assert!(world.client().approve_supplementary_order(other).await.is_ok());
}

#[rstest]
#[tokio::test]
async fn it_arrives_complete_with_its_numbers_or_not_at_all(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    world.part("S", PartTracking::Serial).await;
    world.part("A", PartTracking::Plain).await;
    let lines = vec![want("S", 2), want("A", 1)];
    let order = call!(world, Dispatcher, request_supplementary_order, wish(&tree, lines)).unwrap();
    shipped(&world, &order).await;
    for (arrived, expected) in [
        (vec![], "TRACKING_MISMATCH"),
        (vec![line("S", 1, "N1"), line("A", 1, "")], "RECEIPT_DIFFERS"),
        (vec![line("S", 1, "N1"), line("S", 1, "N1"), line("A", 1, "")], "SERIAL_ON_HAND"),
    ] {
        let refused = call!(world, Warehouse, receive_supplementary_order, receive(&order, arrived)).unwrap_err();
        assert_eq!(reason(&refused), expected);
    }
    assert_eq!(world.good("A", &tree.point).await, (0, 0));
    let all = vec![line("S", 1, "N1"), line("S", 1, "N2"), line("A", 1, "")];
    call!(world, Warehouse, receive_supplementary_order, receive(&order, all)).unwrap();
    assert_eq!(world.good("S", &tree.point).await, (2, 0));
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn a_wish_is_refused_or_cancelled_while_nothing_is_shipped(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    world.part("A", PartTracking::Plain).await;
    let mut dollars = a_part("D", PartTracking::Plain);
    dollars.price.as_mut().unwrap().currency_code = "USD".into();
    call!(world, Warehouse, create_part, dollars).unwrap();
    let mixed = wish(&tree, vec![want("A", 1), want("D", 1)]);
    let mixed = call!(world, Dispatcher, request_supplementary_order, mixed).unwrap_err();
    assert_eq!(reason(&mixed), "MIXED_CURRENCIES");

    let cancel = |order: &SupplementaryOrder| CancelSupplementaryOrderRequest {
        supplementary_order_id: order.supplementary_order_id.clone(),
        reason: "customer found it".into(),
        ..Default::default()
    };
    let order = call!(world, Dispatcher, request_supplementary_order, wish(&tree, vec![want("A", 1)])).unwrap();
    let reject = RejectSupplementaryOrderRequest {
        supplementary_order_id: order.supplementary_order_id.clone(),
        reason: "in stock".into(),
        ..Default::default()
    };
    let rejected = call!(world, Supervisor, reject_supplementary_order, reject).unwrap();
    assert_eq!((rejected.state(), rejected.close_reason.as_str()), (SupplementaryOrderState::Rejected, "in stock"));
    assert_eq!(
        reason(&call!(world, Agent, cancel_supplementary_order, cancel(&order)).unwrap_err()),
        "ILLEGAL_TRANSITION"
    );
    let order = call!(world, Dispatcher, request_supplementary_order, wish(&tree, vec![want("A", 1)])).unwrap();
    let cancelled = call!(world, Agent, cancel_supplementary_order, cancel(&order)).unwrap();
    assert_eq!(cancelled.state(), SupplementaryOrderState::Cancelled);
}
