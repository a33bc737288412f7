//! Bookings and transfers.

use common::{record::Role, testing::Backend};
use parts_inventory::domain::location::IN_TRANSIT;
use proto::aftercare::parts_inventory::v1::*;
use rstest::rstest;

use crate::world::{World, call, line, reason};

fn adjust(location: &str, pieces: i64) -> AdjustStockRequest {
    AdjustStockRequest {
        location_id: location.into(),
        lines: vec![AdjustmentLine { sku: "A".into(), delta_milli: pieces * 1000, tracking: String::new() }],
        condition: StockCondition::Good as i32,
        reason: "miscount".into(),
        ..Default::default()
    }
}

#[rstest]
#[tokio::test]
async fn every_kind_of_booking_moves_what_it_says(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    world.part("A", PartTracking::Plain).await;
    world.stock(&tree.point, "A", 10).await;

    let issue = IssueStockRequest {
        location_id: tree.point.clone(),
        lines: vec![line("A", 3, "")],
        work_order_id: "wo_1".into(),
        technician_id: "te_1".into(),
        signature_file_id: "sig".into(),
        ..Default::default()
    };
    let issued = call!(world, Warehouse, issue_stock, issue).unwrap();
    assert_eq!(issued.lines[0].delta_milli, -3000);
    assert_eq!(world.good("A", &tree.point).await, (7, 0));

    let back = ReturnStockRequest {
        location_id: tree.point.clone(),
        lines: vec![line("A", 1, "")],
        condition: StockCondition::Good as i32,
        work_order_id: "wo_1".into(),
        technician_id: "te_1".into(),
        signature_file_id: "sig".into(),
        ..Default::default()
    };
    call!(world, Warehouse, return_stock, back).unwrap();
    call!(world, Warehouse, adjust_stock, adjust(&tree.point, 2)).unwrap();
    call!(world, Warehouse, adjust_stock, adjust(&tree.point, -1)).unwrap();
    assert_eq!(world.good("A", &tree.point).await, (9, 0));

    let broken = ChangeStockConditionRequest {
        location_id: tree.point.clone(),
        lines: vec![line("A", 4, "")],
        from_condition: StockCondition::Good as i32,
        to_condition: StockCondition::Defective as i32,
        reason: "dropped".into(),
        ..Default::default()
    };
    call!(world, Quality, change_stock_condition, broken).unwrap();
    let scrap = |pieces, condition: StockCondition| ScrapStockRequest {
        location_id: tree.point.clone(),
        lines: vec![line("A", pieces, "")],
        condition: condition as i32,
        reason: "broken".into(),
        ..Default::default()
    };
    let document = call!(world, Warehouse, scrap_stock, scrap(3, StockCondition::Defective)).unwrap();
    assert_eq!(world.good("A", &tree.point).await, (5, 0));
    assert_eq!(world.held("A", &tree.point, StockCondition::Defective).await, (1, 0));
    // Conditions never mix: five good pieces do not help where two broken ones are missing.
    let refused = call!(world, Warehouse, scrap_stock, scrap(2, StockCondition::Defective)).unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (tonic::Code::FailedPrecondition, "INSUFFICIENT_STOCK"));
    assert_eq!(world.held("A", &tree.point, StockCondition::Defective).await, (1, 0));

    let kept = GetStockDocumentRequest { stock_document_id: document.stock_document_id.clone() };
    assert_eq!(call!(world, Warehouse, get_stock_document, kept).unwrap(), document);
    let by = ListStockMovementsRequest { document_id: document.stock_document_id, ..Default::default() };
    let moves = call!(world, Warehouse, list_stock_movements, by).unwrap().stock_movements;
    assert_eq!(moves.len(), 1);
    assert_eq!((moves[0].reason(), moves[0].quantity_milli), (MovementReason::Scrap, 3000));
    assert_eq!(moves[0].actor.as_ref().unwrap().id, "warehouse-1");
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn stock_never_falls_below_nothing_nor_below_what_is_promised(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    world.part("A", PartTracking::Plain).await;
    world.stock(&tree.van, "A", 3).await;
    world.reserve("wo_1", &[crate::world::want("A", 2)]).await.unwrap();
    for pieces in [-2, -3, -4] {
        let refused = call!(world, Warehouse, adjust_stock, adjust(&tree.van, pieces)).unwrap_err();
        assert_eq!(reason(&refused), "INSUFFICIENT_STOCK", "{pieces}");
    }
    assert_eq!(world.good("A", &tree.van).await, (3, 2));
    call!(world, Warehouse, adjust_stock, adjust(&tree.van, -1)).unwrap();
    assert_eq!(world.good("A", &tree.van).await, (2, 2));
    assert_eq!(reason(&call!(world, Warehouse, adjust_stock, adjust(&tree.van, 0)).unwrap_err()), "INVALID_FIELDS");
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn a_numbered_piece_lies_in_one_place(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    world.part("S", PartTracking::Serial).await;
    world.part("A", PartTracking::Plain).await;
    world.receive(&tree.point, vec![line("S", 1, "N1"), line("S", 1, "N2")]).await.unwrap();
    let twice = world.receive(&tree.van, vec![line("S", 1, "N1")]).await.unwrap_err();
    assert_eq!((twice.code(), reason(&twice).as_str()), (tonic::Code::AlreadyExists, "SERIAL_ON_HAND"));
    for (sent, expected) in [
        (line("S", 1, ""), "TRACKING_MISMATCH"),
        (line("S", 2, "N3"), "TRACKING_MISMATCH"),
        (line("A", 1, "N3"), "TRACKING_MISMATCH"),
        (StockLine { quantity_milli: 500, ..line("A", 1, "") }, "QUANTITY_DECIMALS"),
        (line("X", 1, ""), "UNKNOWN_PART"),
    ] {
        assert_eq!(reason(&world.receive(&tree.point, vec![sent]).await.unwrap_err()), expected);
    }
    // A half of a delivery is no delivery.
    let half = world.receive(&tree.van, vec![line("A", 1, ""), line("S", 1, "N2")]).await.unwrap_err();
    assert_eq!(reason(&half), "SERIAL_ON_HAND");
    assert_eq!(world.good("A", &tree.van).await, (0, 0));
    world.books_are_right().await;
}

fn ship(from: &str, to: &str, lines: Vec<StockLine>) -> ShipTransferRequest {
    ShipTransferRequest {
        from_location_id: from.into(),
        to_location_id: to.into(),
        condition: StockCondition::Good as i32,
        lines,
        signature_file_id: "sig".into(),
        ..Default::default()
    }
}

fn arrive(transfer: &Transfer, lines: Vec<StockLine>) -> ReceiveTransferRequest {
    ReceiveTransferRequest {
        transfer_id: transfer.transfer_id.clone(),
        lines,
        signature_file_id: "sig".into(),
        ..Default::default()
    }
}

#[rstest]
#[tokio::test]
async fn what_is_on_the_way_is_nobodys(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    world.part("A", PartTracking::Plain).await;
    world.part("S", PartTracking::Serial).await;
    world.receive(&tree.central, vec![line("A", 5, ""), line("S", 1, "N1")]).await.unwrap();
    let sent = ship(&tree.central, &tree.van, vec![line("A", 5, ""), line("S", 1, "N1")]);
    let sent = call!(world, Warehouse, ship_transfer, sent).unwrap();
    assert!(sent.number.starts_with("TR-2026-"), "{}", sent.number);
    assert_eq!(world.good("A", &tree.central).await, (0, 0));
    assert_eq!(world.good("A", IN_TRANSIT).await, (5, 0));
    let promised = world.reserve("wo_1", &[crate::world::want("A", 1)]).await.unwrap();
    assert_eq!(promised.state(), ReservationState::Short);
    assert!(promised.shortages[0].places.is_empty());

    // Whose van it is for takes it in; for every other technician it does not exist.
    let stranger = world.signed_by("te_2", Role::Technician, arrive(&sent, vec![]));
    assert_eq!(reason(&world.client().receive_transfer(stranger).await.unwrap_err()), "NOT_FOUND");
    let owner = || world.signed_by("te_1", Role::Technician, arrive(&sent, vec![]));
    let done = world.client().receive_transfer(owner()).await.unwrap().into_inner();
    assert_eq!(done.state(), TransferState::Closed);
    assert_eq!((world.good("A", &tree.van).await.0, world.good("S", &tree.van).await), (5, (1, 0)));
    assert_eq!(world.good("A", IN_TRANSIT).await, (0, 0));
    let again = world.client().receive_transfer(owner()).await.unwrap_err();
    assert_eq!(reason(&again), "ILLEGAL_TRANSITION");
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn a_short_arrival_is_accounted_for(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    world.part("A", PartTracking::Plain).await;
    world.stock(&tree.central, "A", 30).await;
    for (outcome, back, arrived) in
        [(ShortageOutcome::Found, 0, 5), (ShortageOutcome::SentBack, 2, 3), (ShortageOutcome::Lost, 0, 3)]
    {
        let before = (world.good("A", &tree.central).await.0, world.good("A", &tree.point).await.0);
        let sent = ship(&tree.central, &tree.point, vec![line("A", 5, "")]);
        let sent = call!(world, Warehouse, ship_transfer, sent).unwrap();
        let settle = SettleTransferShortageRequest {
            transfer_id: sent.transfer_id.clone(),
            outcome: outcome as i32,
            reason: "counted".into(),
            ..Default::default()
        };
        let early = call!(world, Supervisor, settle_transfer_shortage, settle.clone()).unwrap_err();
        assert_eq!(reason(&early), "ILLEGAL_TRANSITION");
        let more = call!(world, Warehouse, receive_transfer, arrive(&sent, vec![line("A", 6, "")])).unwrap_err();
        assert_eq!(reason(&more), "RECEIPT_DIFFERS");
        let short = call!(world, Warehouse, receive_transfer, arrive(&sent, vec![line("A", 3, "")])).unwrap();
        assert_eq!((short.state(), short.lines[0].received_milli), (TransferState::Short, 3000));
        assert_eq!(world.good("A", IN_TRANSIT).await, (2, 0));
        let settled = call!(world, Supervisor, settle_transfer_shortage, settle).unwrap();
        assert_eq!((settled.state(), settled.shortage_outcome()), (TransferState::Closed, outcome));
        let after = (world.good("A", &tree.central).await.0, world.good("A", &tree.point).await.0);
        assert_eq!((after.0 - before.0, after.1 - before.1), (back - 5, arrived), "{outcome:?}");
        assert_eq!(world.good("A", IN_TRANSIT).await, (0, 0));
    }
    let open = ListTransfersRequest { state: TransferState::Short as i32, ..Default::default() };
    assert!(call!(world, Warehouse, list_transfers, open).unwrap().transfers.is_empty());
    let closed = ListTransfersRequest { state: TransferState::Closed as i32, ..Default::default() };
    assert_eq!(call!(world, Warehouse, list_transfers, closed).unwrap().transfers.len(), 3);
    world.books_are_right().await;
}
