//! Returned goods, and old parts.

use chrono::Duration;
use common::{convert::timestamp, record::Role, testing::Backend};
use proto::aftercare::{
    common::v1::{Money, UsedPart},
    parts_inventory::v1::*,
};
use rstest::rstest;

use crate::world::{Tree, World, a_part, call, line, reason, want};

async fn world(backend: Backend) -> (World, Tree) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    let mut lamp = a_part("LAMP", PartTracking::Serial);
    lamp.kind = PartKind::Product as i32;
    call!(world, Warehouse, create_part, lamp).unwrap();
    (world, tree)
}

fn open(world: &World, wish: ReturnWish, bought_days_ago: i64) -> OpenReturnRequest {
    OpenReturnRequest {
        wish: wish as i32,
        service_request_id: "sr_1".into(),
        customer_id: "cu_1".into(),
        sku: "LAMP".into(),
        serial: "OLD".into(),
        reason: "flickers".into(),
        purchase_time: Some(timestamp(world.bench.core.clock.now() - Duration::days(bought_days_ago))),
        ..Default::default()
    }
}

fn approve(goods: &Return) -> ApproveReturnRequest {
    ApproveReturnRequest { return_id: goods.return_id.clone(), ..Default::default() }
}

fn receive(goods: &Return, tree: &Tree, serial: &str) -> ReceiveReturnRequest {
    ReceiveReturnRequest {
        return_id: goods.return_id.clone(),
        location_id: tree.region.clone(),
        serial: serial.into(),
        ..Default::default()
    }
}

fn inspect(goods: &Return) -> InspectReturnRequest {
    InspectReturnRequest {
        return_id: goods.return_id.clone(),
        condition: GoodsCondition::Defective as i32,
        cause_code: "driver".into(),
        responsibility: Responsibility::Production as i32,
        responsible_unit: "factory 2".into(),
        ..Default::default()
    }
}

fn dispose(goods: &Return, disposition: Disposition) -> DisposeReturnRequest {
    DisposeReturnRequest { return_id: goods.return_id.clone(), disposition: disposition as i32, ..Default::default() }
}

async fn disposed(world: &World, tree: &Tree, wish: ReturnWish, disposition: Disposition) -> Return {
    let goods = call!(world, Agent, open_return, open(world, wish, 3)).unwrap();
    call!(world, Agent, approve_return, approve(&goods)).unwrap();
    call!(world, Warehouse, receive_return, receive(&goods, tree, "OLD")).unwrap();
    call!(world, Quality, inspect_return, inspect(&goods)).unwrap();
    call!(world, Quality, dispose_return, dispose(&goods, disposition)).unwrap()
}

#[rstest]
#[tokio::test]
async fn a_new_lamp_is_given_only_against_the_old_one(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, tree) = world(backend).await;
    world.receive(&tree.region, vec![line("LAMP", 1, "NEW")]).await.unwrap();
    let goods = call!(world, Agent, open_return, open(&world, ReturnWish::Exchange, 3)).unwrap();
    assert!(goods.number.starts_with("RMA-2026-"), "{}", goods.number);
    let settle = SettleReturnRequest {
        return_id: goods.return_id.clone(),
        location_id: tree.region.clone(),
        new_sku: "LAMP".into(),
        new_serial: "NEW".into(),
        ..Default::default()
    };
    let early = |status: tonic::Status| assert_eq!(reason(&status), "ILLEGAL_TRANSITION");
    early(call!(world, Warehouse, settle_return, settle.clone()).unwrap_err());
    early(call!(world, Warehouse, receive_return, receive(&goods, &tree, "OLD")).unwrap_err());
    call!(world, Agent, approve_return, approve(&goods)).unwrap();
    early(call!(world, Warehouse, settle_return, settle.clone()).unwrap_err());
    let other = call!(world, Warehouse, receive_return, receive(&goods, &tree, "OTHER")).unwrap_err();
    assert_eq!(reason(&other), "SERIAL_DIFFERS");
    call!(world, Warehouse, receive_return, receive(&goods, &tree, "")).unwrap();
    assert_eq!(world.held("LAMP", &tree.region, StockCondition::Quarantine).await, (1, 0));
    let mut vague = inspect(&goods);
    vague.responsible_unit.clear();
    assert_eq!(reason(&call!(world, Quality, inspect_return, vague).unwrap_err()), "INVALID_FIELDS");
    call!(world, Quality, inspect_return, inspect(&goods)).unwrap();
    call!(world, Quality, dispose_return, dispose(&goods, Disposition::Exchange)).unwrap();
    assert_eq!(world.held("LAMP", &tree.region, StockCondition::Defective).await, (1, 0));

    let mut missing = settle.clone();
    missing.new_serial = "NONE".into();
    assert_eq!(reason(&call!(world, Warehouse, settle_return, missing).unwrap_err()), "INSUFFICIENT_STOCK");
    let settled = call!(world, Warehouse, settle_return, settle).unwrap();
    assert_eq!((settled.state(), settled.new_serial.as_str()), (ReturnState::Settled, "NEW"));
    assert_eq!(world.good("LAMP", &tree.region).await, (0, 0));
    let close = CloseReturnRequest { return_id: goods.return_id.clone(), ..Default::default() };
    assert_eq!(call!(world, Agent, close_return, close).unwrap().state(), ReturnState::Closed);
    let told = world.told::<ReturnEvent>().await;
    use ReturnFact as Fact;
    assert_eq!(
        told.iter().map(ReturnEvent::fact).collect::<Vec<_>>(),
        [Fact::Opened, Fact::Approved, Fact::Received, Fact::Inspected, Fact::Disposed, Fact::Settled, Fact::Closed]
    );
    assert_eq!((told[5].new_serial.as_str(), told[5].disposition.as_str()), ("NEW", "exchange"));
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn late_goods_need_a_superior_with_a_reason(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, _) = world(backend).await;
    let goods = call!(world, Agent, open_return, open(&world, ReturnWish::Return, 8)).unwrap();
    let mut request = approve(&goods);
    request.reason = "good customer".into();
    let refused = call!(world, Agent, approve_return, request.clone()).unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (tonic::Code::FailedPrecondition, "OUTSIDE_WINDOW"));
    let agreed = call!(world, Supervisor, approve_return, request).unwrap();
    assert!(agreed.outside_window);
    assert_eq!(
        (agreed.decided_by.unwrap().id.as_str(), agreed.decision_reason.as_str()),
        ("supervisor-1", "good customer")
    );

    let in_time = call!(world, Agent, open_return, open(&world, ReturnWish::Exchange, 8)).unwrap();
    assert!(!call!(world, Agent, approve_return, approve(&in_time)).unwrap().outside_window);
    let rejected = call!(world, Agent, open_return, open(&world, ReturnWish::Return, 1)).unwrap();
    let reject = RejectReturnRequest { return_id: rejected.return_id, reason: "misuse".into(), ..Default::default() };
    assert_eq!(call!(world, Agent, reject_return, reject).unwrap().state(), ReturnState::Rejected);
    let cancel = CancelReturnRequest { return_id: in_time.return_id, reason: "kept".into(), ..Default::default() };
    assert_eq!(call!(world, Agent, cancel_return, cancel).unwrap().state(), ReturnState::Cancelled);
    let open = ListReturnsRequest { state: ReturnState::Approved as i32, serial: "OLD".into(), ..Default::default() };
    assert_eq!(call!(world, Agent, list_returns, open).unwrap().returns.len(), 1);
}

#[rstest]
#[tokio::test]
async fn money_and_scrap_settle_as_decided(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, tree) = world(backend).await;
    let goods = disposed(&world, &tree, ReturnWish::Return, Disposition::Scrap).await;
    assert_eq!(world.held("LAMP", &tree.region, StockCondition::Quarantine).await, (0, 0));
    assert_eq!(world.held("LAMP", &tree.region, StockCondition::Defective).await, (0, 0));
    let mut settle = SettleReturnRequest { return_id: goods.return_id, ..Default::default() };
    assert_eq!(reason(&call!(world, Warehouse, settle_return, settle.clone()).unwrap_err()), "INVALID_FIELDS");
    settle.reference = "LIST-7".into();
    assert_eq!(call!(world, Warehouse, settle_return, settle).unwrap().settlement_reference, "LIST-7");

    let goods = disposed(&world, &tree, ReturnWish::Return, Disposition::Refund).await;
    let mut settle = SettleReturnRequest { return_id: goods.return_id, reference: "RF-1".into(), ..Default::default() };
    assert_eq!(reason(&call!(world, Finance, settle_return, settle.clone()).unwrap_err()), "INVALID_FIELDS");
    settle.refund = Some(Money { minor_units: 19_900, currency_code: "CNY".into() });
    let settled = call!(world, Finance, settle_return, settle).unwrap();
    assert_eq!((settled.refund.unwrap().minor_units, settled.state), (19_900, ReturnState::Settled as i32));
    world.books_are_right().await;
}

#[rstest]
#[tokio::test]
async fn an_old_part_is_owed_until_it_is_back(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, tree) = world(backend).await;
    let mut motor = a_part("MOTOR", PartTracking::Plain);
    motor.return_old_part = true;
    call!(world, Warehouse, create_part, motor).unwrap();
    world.stock(&tree.van, "MOTOR", 10).await;
    for number in 1..=5 {
        let made = world.reserve(&format!("wo_{number}"), &[want("MOTOR", 1)]).await.unwrap();
        let used =
            UsedPart { sku: "MOTOR".into(), used_milli: 1000, old_part_taken_back: number != 2, ..Default::default() };
        let done =
            ConsumeReservationRequest { reservation_id: made.reservation_id, used: vec![used], ..Default::default() };
        call!(world, Dispatcher, consume_reservation, done).unwrap();
    }
    let issue = IssueStockRequest {
        location_id: tree.van.clone(),
        lines: vec![line("MOTOR", 1, "")],
        work_order_id: "wo_9".into(),
        technician_id: "te_1".into(),
        signature_file_id: "sig".into(),
        ..Default::default()
    };
    call!(world, Warehouse, issue_stock, issue.clone()).unwrap();
    let list = |overdue| ListOldPartDebtsRequest { technician_id: "te_1".into(), overdue, ..Default::default() };
    assert!(call!(world, Warehouse, list_old_part_debts, list(true)).unwrap().old_part_debts.is_empty());
    world.bench.advance(Duration::days(15) + Duration::seconds(1)).await.unwrap();
    let owed = call!(world, Warehouse, list_old_part_debts, list(true)).unwrap().old_part_debts;
    assert_eq!(owed.iter().map(|debt| debt.taken_back).filter(|taken| !taken).count(), 1);
    assert_eq!(owed.len(), 5);
    let refused = call!(world, Warehouse, issue_stock, issue.clone()).unwrap_err();
    assert_eq!(reason(&refused), "OLD_PARTS_OWED");

    let back = ReceiveOldPartRequest {
        old_part_debt_id: owed[0].old_part_debt_id.clone(),
        location_id: tree.point.clone(),
        finding: "burnt".into(),
        ..Default::default()
    };
    let closed = call!(world, Warehouse, receive_old_part, back.clone()).unwrap();
    assert_eq!((closed.state(), closed.finding.as_str()), (OldPartDebtState::Received, "burnt"));
    assert_eq!(reason(&call!(world, Warehouse, receive_old_part, back).unwrap_err()), "ILLEGAL_TRANSITION");
    assert_eq!(world.held("MOTOR", &tree.point, StockCondition::Defective).await, (1, 0));
    call!(world, Warehouse, issue_stock, issue).unwrap();

    let waive = |id: &str| WaiveOldPartDebtRequest {
        old_part_debt_id: id.into(),
        reason: "customer kept it".into(),
        ..Default::default()
    };
    let own = world.signed_by("te_1", Role::Supervisor, waive(&owed[1].old_part_debt_id));
    assert_eq!(reason(&world.client().waive_old_part_debt(own).await.unwrap_err()), "NOT_ALLOWED");
    let waived = call!(world, Supervisor, waive_old_part_debt, waive(&owed[1].old_part_debt_id)).unwrap();
    assert_eq!(waived.state(), OldPartDebtState::Waived);
    let open = ListOldPartDebtsRequest { state: OldPartDebtState::Open as i32, ..Default::default() };
    assert_eq!(call!(world, Warehouse, list_old_part_debts, open).unwrap().old_part_debts.len(), 3);
    world.books_are_right().await;
}
