//! Tests of the return's state machine, its windows and its goods.

use common::{error::reason, id::Id as _};
use proptest::prelude::*;

use super::*;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;
const DAY: u64 = 86_400;
const WINDOWS: Windows = Windows { refund: Duration::from_secs(7 * DAY), exchange: Duration::from_secs(15 * DAY) };

fn actor(role: Role) -> Actor {
    Actor::new("x_1", role, "")
}

fn goods(serial: &str) -> Line {
    Line { part_id: "pt_1".into(), sku: "LAMP".into(), tracking: serial.into(), serial: true, milli: 1000 }
}

fn inspection() -> Inspection {
    Inspection {
        condition: GoodsCondition::Defective,
        cause_code: "driver".into(),
        responsibility: Responsibility::Production,
        responsible_unit: "factory 2".into(),
        note: String::new(),
        photos: Vec::new(),
    }
}

fn opened() -> Return {
    Return {
        id: ReturnId::wrap("rma_1".into()),
        version: 1,
        number: "RMA-1".into(),
        org_unit_id: String::new(),
        created_at: NOW,
        updated_at: NOW,
        wish: ReturnWish::Exchange,
        service_request_id: "sr_1".into(),
        customer_id: "cu_1".into(),
        product_id: String::new(),
        sku: String::new(),
        serial: "OLD".into(),
        reason: "flickers".into(),
        purchased_at: Some(NOW),
        decision: None,
        intake: None,
        inspection: None,
        disposition: None,
        settlement: None,
        state: State::Opened,
    }
}

fn act(record: Return, action: &str) -> Result<Return> {
    let done = |changed: Changed<Return>| changed.record;
    match action {
        "approve" => record.approve(&actor(Role::Agent), None, "", WINDOWS, NOW).map(done),
        "reject" => record.reject(&actor(Role::Agent), "r", NOW).map(done),
        "receive" => record.receive(goods("OLD"), "loc_a", NOW).map(|(changed, _)| done(changed)),
        "inspect" => record.inspect(inspection(), NOW).map(done),
        "dispose" => record.dispose(Disposition::Exchange, NOW).map(|(changed, _)| done(changed)),
        "settle" => record
            .settle(Settlement::Exchanged { line: goods("NEW"), location_id: "loc_a".into() }, NOW)
            .map(|(changed, _)| done(changed)),
        "close" => record.close(NOW).map(done),
        "cancel" => record.cancel(&actor(Role::Agent), "r", NOW).map(done),
        other => panic!("{other}"),
    }
}

/// From, action, to: the whole machine.
const EDGES: &[(State, &str, State)] = &[
    (State::Opened, "approve", State::Approved),
    (State::Opened, "reject", State::Rejected),
    (State::Opened, "cancel", State::Cancelled),
    (State::Approved, "receive", State::Received),
    (State::Approved, "cancel", State::Cancelled),
    (State::Received, "inspect", State::Inspected),
    (State::Inspected, "dispose", State::Disposed),
    (State::Disposed, "settle", State::Settled),
    (State::Settled, "close", State::Closed),
];
const ACTIONS: &[&str] = &["approve", "reject", "receive", "inspect", "dispose", "settle", "close", "cancel"];

fn after(actions: &[&str]) -> Return {
    actions.iter().fold(opened(), |record, action| act(record, action).unwrap())
}

#[test]
fn exactly_the_edges_of_the_table_exist() {
    let way = ["approve", "receive", "inspect", "dispose", "settle", "close"];
    let mut states: Vec<_> = (0..=way.len()).map(|steps| after(&way[..steps])).collect();
    states.push(after(&["reject"]));
    states.push(after(&["cancel"]));
    assert_eq!(states.len(), State::ALL.len());
    for record in states {
        for action in ACTIONS {
            let edge = EDGES.iter().find(|(from, name, _)| *from == record.state && name == action);
            match (act(record.clone(), action), edge) {
                (Ok(after), Some((_, _, to))) => assert_eq!(after.state, *to),
                (Err(refused), None) => {
                    assert_eq!(refused.reason, reason::ILLEGAL_TRANSITION);
                    assert_eq!(refused.facts["allowed"], record.allowed().join(", "));
                }
                (result, edge) => panic!("{:?} {action}: {result:?} but {edge:?}", record.state),
            }
        }
    }
}

#[test]
fn the_windows_are_checked_against_the_day_of_the_wish() {
    let day = |days: i64| Some(NOW - TimeDelta::days(days));
    for (wish, days, role, why, ok) in [
        (ReturnWish::Return, 7, Role::Agent, "", true),
        (ReturnWish::Return, 8, Role::Agent, "", false),
        (ReturnWish::Exchange, 15, Role::Agent, "", true),
        (ReturnWish::Exchange, 16, Role::Agent, "kind", false),
        (ReturnWish::Exchange, 16, Role::Supervisor, "", false),
        (ReturnWish::Exchange, 16, Role::Supervisor, "kind", true),
    ] {
        let record = Return { wish, ..opened() };
        let result = record.approve(&actor(role), day(days), why, WINDOWS, NOW);
        assert_eq!(result.is_ok(), ok, "{wish:?} {days} {role:?} {why}");
        match result {
            Ok(changed) => assert_eq!(changed.record.decision.unwrap().outside_window, days > 15),
            Err(refused) => assert_eq!(refused.reason, error::OUTSIDE_WINDOW),
        }
    }
    let unknown = Return { purchased_at: None, ..opened() };
    let refused = unknown.approve(&actor(Role::Manager), None, "kind", WINDOWS, NOW).unwrap_err();
    assert_eq!(refused.reason, reason::INVALID_FIELDS);
}

#[test]
fn another_lamp_is_not_taken_for_this_one() {
    let refused = after(&["approve"]).receive(goods("OTHER"), "loc_a", NOW).unwrap_err();
    assert_eq!(refused.reason, error::SERIAL_DIFFERS);
}

#[test]
fn goods_wait_in_quarantine_until_it_is_decided_about_them() {
    let (_, taken) = after(&["approve"]).receive(goods("OLD"), "loc_a", NOW).unwrap();
    assert_eq!(taken.to, Place::new("loc_a", StockCondition::Quarantine));
    for &disposition in Disposition::ALL {
        let (_, moves) = after(&["approve", "receive", "inspect"]).dispose(disposition, NOW).unwrap();
        let to = match disposition {
            Disposition::Scrap => Place::new(SCRAP, StockCondition::Quarantine),
            Disposition::Exchange | Disposition::Refund | Disposition::Repair | Disposition::Refurbish => {
                Place::new("loc_a", StockCondition::Defective)
            }
        };
        assert_eq!(moves.iter().map(|movement| &movement.to).collect::<Vec<_>>(), [&to]);
    }
}

#[test]
fn it_is_settled_as_it_was_decided() {
    let exchanged = Settlement::Exchanged { line: goods("NEW"), location_id: "loc_a".into() };
    let amount = Money { minor_units: 100, currency: "CNY".into() };
    let refunded = Settlement::Refunded { amount, reference: "R1".into() };
    let done = Settlement::Done { reference: "L1".into() };
    for &disposition in Disposition::ALL {
        let decided = after(&["approve", "receive", "inspect"]).dispose(disposition, NOW).unwrap().0.record;
        let right = match disposition {
            Disposition::Exchange => &exchanged,
            Disposition::Refund => &refunded,
            Disposition::Repair | Disposition::Refurbish | Disposition::Scrap => &done,
        };
        for settlement in [&exchanged, &refunded, &done] {
            let result = decided.clone().settle(settlement.clone(), NOW);
            assert_eq!(result.is_ok(), settlement == right, "{disposition:?} {settlement:?}");
        }
    }
}

proptest! {
    #[test]
    fn no_new_product_leaves_before_the_old_one_is_here(steps in proptest::collection::vec(0..ACTIONS.len(), 0..60)) {
        let mut record = opened();
        for step in steps {
            let action = ACTIONS[step];
            let legal = EDGES.iter().find(|(from, name, _)| *from == record.state && *name == action);
            match act(record.clone(), action) {
                Ok(after) => {
                    prop_assert_eq!(Some(after.state), legal.map(|(_, _, to)| *to));
                    record = after;
                }
                Err(_) => prop_assert!(legal.is_none()),
            }
            prop_assert!(record.settlement.is_none() || (record.intake.is_some() && record.inspection.is_some()));
        }
    }
}
