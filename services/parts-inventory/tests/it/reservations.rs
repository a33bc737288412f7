//! Reservations: all or none, once per work order, and never for ever.

use chrono::Duration;
use common::{convert::timestamp, testing::Backend};
use proto::aftercare::{common::v1::UsedPart, parts_inventory::v1::*};
use rstest::rstest;

use crate::world::{World, a_part, call, fact, line, reason, want};

async fn stocked(backend: Backend) -> (World, crate::world::Tree) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    world.part("A", PartTracking::Plain).await;
    world.part("B", PartTracking::Plain).await;
    (world, tree)
}

fn used(sku: &str, pieces: i64) -> UsedPart {
    UsedPart { sku: sku.into(), used_milli: pieces * 1000, ..Default::default() }
}

fn consume(reservation: &Reservation, used: Vec<UsedPart>) -> ConsumeReservationRequest {
    ConsumeReservationRequest { reservation_id: reservation.reservation_id.clone(), used, ..Default::default() }
}

#[rstest]
#[tokio::test]
async fn the_nearest_stock_is_promised(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, tree) = stocked(backend).await;
    for place in [&tree.central, &tree.point, &tree.van, &tree.other_van] {
        world.stock(place, "A", 2).await;
    }
    world.stock(&tree.region, "B", 1).await;
    let both = world.reserve("wo_1", &[want("A", 2), want("B", 1)]).await.unwrap();
    assert_eq!(both.state(), ReservationState::Reserved);
    let places: Vec<_> = both.allocations.iter().map(|part| part.location_id.as_str()).collect();
    assert_eq!(places, [tree.van.as_str(), tree.region.as_str()]);
    assert_eq!(world.good("A", &tree.van).await, (2, 2));
    let next = world.reserve("wo_2", &[want("A", 1)]).await.unwrap();
    assert_eq!(next.allocations[0].location_id, tree.point);
    let told = world.told::<ReservationEvent>().await;
    assert_eq!(told[0].fact(), ReservationFact::Reserved);
    assert_eq!((told[0].work_order_id.as_str(), told[0].lines.len()), ("wo_1", 2));
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn the_nearest_service_point_on_the_map_serves_a_job_without_technician(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    use proto::aftercare::common::v1::LatLng;
    let (world, tree) = stocked(backend).await;
    let mut points = Vec::new();
    for (code, longitude) in [("FAR", 116.4), ("NEAR", 121.5)] {
        let request = CreateLocationRequest {
            code: code.into(),
            name: code.into(),
            kind: LocationKind::ServicePoint as i32,
            parent_id: tree.region.clone(),
            position: Some(LatLng { latitude: 31.2, longitude }),
            ..Default::default()
        };
        let point = call!(world, Warehouse, create_location, request).unwrap().location_id;
        world.stock(&point, "A", 1).await;
        points.push(point);
    }
    let request = ReservePartsRequest {
        work_order_id: "wo_1".into(),
        lines: vec![want("A", 1)],
        position: Some(LatLng { latitude: 31.21, longitude: 121.45 }),
        ..Default::default()
    };
    let promised = call!(world, Dispatcher, reserve_parts, request).unwrap();
    assert_eq!(promised.allocations[0].location_id, points[1]);
}

#[rstest]
#[tokio::test]
async fn one_short_line_leaves_nothing_promised_and_says_what_is_known(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (world, tree) = stocked(backend).await;
    let mut rare = a_part("RARE", PartTracking::Plain);
    rare.substitutes = vec!["B".into(), "A".into()];
    call!(world, Warehouse, create_part, rare).unwrap();
    world.stock(&tree.van, "A", 5).await;
    world.stock(&tree.other_van, "RARE", 1).await;
    let order = RequestSupplementaryOrderRequest {
        lines: vec![want("RARE", 7)],
        location_id: tree.point.clone(),
        reason: "missing_on_delivery".into(),
        responsibility: Responsibility::Transport as i32,
        ..Default::default()
    };
    let order = call!(world, Dispatcher, request_supplementary_order, order).unwrap();

    let short = world.reserve("wo_1", &[want("A", 2), want("RARE", 1)]).await.unwrap();
    assert_eq!(short.state(), ReservationState::Short);
    assert_eq!(world.good("A", &tree.van).await, (5, 0));
    let known = &short.shortages[0];
    assert_eq!((known.sku.as_str(), known.wanted_milli, short.shortages.len()), ("RARE", 1000, 1));
    assert_eq!(known.places.iter().map(|place| &place.location_id).collect::<Vec<_>>(), [&tree.other_van]);
    let substitutes: Vec<_> = known.substitutes.iter().map(|part| (part.sku.as_str(), part.available_milli)).collect();
    assert_eq!(substitutes, [("A", 5000)]);
    assert_eq!((known.expected[0].number.as_str(), known.expected[0].quantity_milli), (order.number.as_str(), 7000));
    let told = world.told::<ReservationEvent>().await;
    assert_eq!((told[0].fact(), told[0].short_skus.as_slice()), (ReservationFact::Short, &["RARE".to_owned()][..]));
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn a_work_order_has_one_reservation(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, tree) = stocked(backend).await;
    world.stock(&tree.van, "A", 9).await;
    let first = world.reserve("wo_1", &[want("A", 2)]).await.unwrap();
    let again = world.reserve("wo_1", &[want("A", 1), want("A", 1)]).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(world.good("A", &tree.van).await, (9, 2));
    let other = world.reserve("wo_1", &[want("A", 3)]).await.unwrap_err();
    assert_eq!((other.code(), reason(&other).as_str()), (tonic::Code::AlreadyExists, "RESERVATION_DIFFERS"));

    let release = ReleaseReservationRequest {
        reservation_id: first.reservation_id.clone(),
        reason: "other parts".into(),
        ..Default::default()
    };
    let released = call!(world, Dispatcher, release_reservation, release.clone()).unwrap();
    assert_eq!((released.state(), released.reason.as_str()), (ReservationState::Released, "other parts"));
    assert_eq!(world.good("A", &tree.van).await, (9, 0));
    let twice = call!(world, Dispatcher, release_reservation, release).unwrap_err();
    assert_eq!((reason(&twice).as_str(), fact(&twice, "allowed").as_str()), ("ILLEGAL_TRANSITION", "reserve, consume"));
    let third = world.reserve("wo_1", &[want("A", 3)]).await.unwrap();
    assert_eq!((third.reservation_id, third.state), (first.reservation_id, ReservationState::Reserved as i32));
    assert_eq!(world.good("A", &tree.van).await, (9, 3));
    assert_eq!(reason(&world.reserve("wo_2", &[want("NONE", 1)]).await.unwrap_err()), "UNKNOWN_PART");
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn a_promise_ends_by_itself_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, tree) = stocked(backend).await;
    world.stock(&tree.van, "A", 2).await;
    let made = world.reserve("wo_1", &[want("A", 2)]).await.unwrap();
    let until = world.bench.core.clock.now() + Duration::days(20);
    let extend = |until| ExtendReservationRequest {
        reservation_id: made.reservation_id.clone(),
        etag: made.etag.clone(),
        expire_time: Some(timestamp(until)),
        ..Default::default()
    };
    let sooner = call!(world, Dispatcher, extend_reservation, extend(until - Duration::days(10))).unwrap_err();
    assert_eq!(reason(&sooner), "EXPIRY_NOT_LATER");
    call!(world, Dispatcher, extend_reservation, extend(until)).unwrap();
    let stale = call!(world, Dispatcher, extend_reservation, extend(until + Duration::days(1))).unwrap_err();
    assert_eq!(reason(&stale), "STALE_ETAG");

    world.bench.advance(Duration::days(20) - Duration::seconds(1)).await.unwrap();
    assert_eq!(world.good("A", &tree.van).await, (2, 2));
    world.bench.advance(Duration::seconds(1)).await.unwrap();
    assert_eq!(world.good("A", &tree.van).await, (2, 0));
    world.bench.advance(Duration::days(30)).await.unwrap();
    let facts: Vec<_> = world.told::<ReservationEvent>().await.iter().map(ReservationEvent::fact).collect();
    assert_eq!(facts, [ReservationFact::Reserved, ReservationFact::Extended, ReservationFact::Expired]);
    let retry = RetryReservationRequest { reservation_id: made.reservation_id.clone(), ..Default::default() };
    assert_eq!(call!(world, Dispatcher, retry_reservation, retry).unwrap().state(), ReservationState::Reserved);
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn a_receipt_serves_those_who_wait_in_their_order(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (world, tree) = stocked(backend).await;
    for number in 1..=3 {
        world.reserve(&format!("wo_{number}"), &[want("A", 2)]).await.unwrap();
        world.bench.advance(Duration::seconds(1)).await.unwrap();
    }
    world.stock(&tree.point, "A", 4).await;
    world.bench.advance(Duration::seconds(1)).await.unwrap();
    let mut states = Vec::new();
    for number in 1..=3 {
        states.push(world.reservation_of(&format!("wo_{number}")).await.unwrap().state());
    }
    assert_eq!(states, [ReservationState::Reserved, ReservationState::Reserved, ReservationState::Short]);
    let reserved: Vec<_> = world
        .told::<ReservationEvent>()
        .await
        .into_iter()
        .filter(|event| event.fact() == ReservationFact::Reserved)
        .map(|event| event.work_order_id)
        .collect();
    assert_eq!(reserved, ["wo_1", "wo_2"]);
    let waiting = ListReservationsRequest { state: ReservationState::Short as i32, ..Default::default() };
    assert_eq!(call!(world, Dispatcher, list_reservations, waiting).unwrap().reservations.len(), 1);
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn a_done_job_takes_what_it_used(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, tree) = stocked(backend).await;
    world.stock(&tree.van, "A", 5).await;
    world.stock(&tree.van, "B", 1).await;
    let made = world.reserve("wo_1", &[want("A", 3), want("B", 1)]).await.unwrap();
    // One A fewer than promised, no B; and the answer to a repeat of the call is the same.
    let mut request = consume(&made, vec![used("A", 2)]);
    request.request_id = "c-1".into();
    let done = call!(world, Dispatcher, consume_reservation, request.clone()).unwrap();
    assert_eq!(call!(world, Dispatcher, consume_reservation, request).unwrap(), done);
    assert_eq!((done.state(), done.uncovered.len()), (ReservationState::Consumed, 0));
    assert_eq!((world.good("A", &tree.van).await, world.good("B", &tree.van).await), ((3, 0), (1, 0)));
    let moves = ListStockMovementsRequest { document_id: made.reservation_id.clone(), ..Default::default() };
    let moves = call!(world, Warehouse, list_stock_movements, moves).unwrap().stock_movements;
    assert_eq!((moves.len(), moves[0].reason()), (1, MovementReason::Consumption));
    let again = call!(world, Dispatcher, consume_reservation, consume(&made, vec![])).unwrap_err();
    assert_eq!(reason(&again), "ILLEGAL_TRANSITION");
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn more_than_was_promised_comes_from_the_van_and_the_rest_is_told(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (world, tree) = stocked(backend).await;
    world.part("S", PartTracking::Serial).await;
    world.receive(&tree.van, vec![line("A", 4, ""), line("S", 1, "N1"), line("S", 1, "N2")]).await.unwrap();
    let made = world.reserve("wo_1", &[want("A", 1), want("S", 1)]).await.unwrap();
    let promised = made.allocations.iter().find(|part| part.sku == "S").unwrap().tracking.clone();
    let put_in = if promised == "N1" { "N2" } else { "N1" };
    let mut serial = used("S", 1);
    serial.new_serial = put_in.into();
    let request = consume(&made, vec![used("A", 3), used("B", 2), serial]);
    let done = call!(world, Dispatcher, consume_reservation, request).unwrap();
    assert_eq!(done.uncovered, [want("B", 2)]);
    assert_eq!(world.good("A", &tree.van).await, (1, 0));
    let left = ListStockBalancesRequest { sku: "S".into(), in_stock: true, ..Default::default() };
    let left = call!(world, Warehouse, list_stock_balances, left).unwrap().stock_balances;
    assert_eq!(
        left.iter().map(|row| (row.tracking.as_str(), row.reserved_milli)).collect::<Vec<_>>(),
        [(promised.as_str(), 0)]
    );
    let open = ListReservationsRequest { uncovered: true, ..Default::default() };
    assert_eq!(call!(world, Warehouse, list_reservations, open).unwrap().reservations.len(), 1);
    world.books_are_right().await;
}
