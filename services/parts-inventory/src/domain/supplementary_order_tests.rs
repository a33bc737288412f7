//! Tests of the supplementary order's state machine and of who approves what.

use common::{error::reason, id::Id as _};
use proptest::prelude::*;

use super::*;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;
const LIMITS: ApprovalLimits = ApprovalLimits { supervisor: 1_000, manager: 10_000 };

fn actor(id: &str, role: Role) -> Actor {
    Actor::new(id, role, "")
}

fn order(state: State, amount: i64) -> SupplementaryOrder {
    SupplementaryOrder {
        id: SupplementaryOrderId::wrap("so_1".into()),
        version: 1,
        number: "SO-1".into(),
        org_unit_id: String::new(),
        created_at: NOW,
        updated_at: NOW,
        work_order_id: "wo_1".into(),
        service_request_id: String::new(),
        customer_id: String::new(),
        lines: vec![Quantity::new("A", 2000)],
        location_id: "loc_a".into(),
        amount: Some(Money { minor_units: amount, currency: "CNY".into() }),
        reason: "missing_on_delivery".into(),
        note: String::new(),
        responsibility: Responsibility::Production,
        photos: Vec::new(),
        requested_by: actor("te_1", Role::Technician),
        approval: None,
        factory_reference: String::new(),
        expected_at: None,
        consignment: String::new(),
        received_at: None,
        technician_id: String::new(),
        hand_over_signature_file_id: String::new(),
        close_reason: String::new(),
        state,
    }
}

fn act(order: SupplementaryOrder, action: &str) -> Result<SupplementaryOrder> {
    let lines = order.lines.clone();
    match action {
        "approve" => order.approve(&actor("su_1", Role::Supervisor), "sig", LIMITS, NOW),
        "reject" => order.reject("r", NOW),
        "place" => order.place("F1", None, NOW),
        "ship" => order.ship("C1", None, NOW),
        "receive" => order.receive(&lines, NOW),
        "hand_on" => order.hand_on("te_1", "sig", NOW),
        "cancel" => order.cancel("r", NOW),
        other => panic!("{other}"),
    }
    .map(|changed| changed.record)
}

/// From, action, to: the whole machine.
const EDGES: &[(State, &str, State)] = &[
    (State::Requested, "approve", State::Approved),
    (State::Requested, "reject", State::Rejected),
    (State::Requested, "cancel", State::Cancelled),
    (State::Approved, "place", State::Ordered),
    (State::Approved, "cancel", State::Cancelled),
    (State::Ordered, "ship", State::Shipped),
    (State::Ordered, "cancel", State::Cancelled),
    (State::Shipped, "receive", State::Received),
    (State::Received, "hand_on", State::HandedOn),
];
const ACTIONS: &[&str] = &["approve", "reject", "place", "ship", "receive", "hand_on", "cancel"];

#[test]
fn exactly_the_edges_of_the_table_exist() {
    for &state in State::ALL {
        for action in ACTIONS {
            let edge = EDGES.iter().find(|(from, name, _)| *from == state && name == action);
            match (act(order(state, 500), action), edge) {
                (Ok(after), Some((_, _, to))) => assert_eq!(after.state, *to),
                (Err(refused), None) => {
                    assert_eq!(refused.reason, reason::ILLEGAL_TRANSITION);
                    assert_eq!(refused.facts["allowed"], order(state, 500).allowed().join(", "));
                }
                (result, edge) => panic!("{state:?} {action}: {result:?} but {edge:?}"),
            }
        }
    }
}

#[test]
fn the_amount_decides_who_approves() {
    for (role, amount, ok) in [
        (Role::Supervisor, 1_000, true),
        (Role::Supervisor, 1_001, false),
        (Role::Manager, 10_000, true),
        (Role::Manager, 10_001, false),
        (Role::Admin, i64::MAX, true),
        (Role::Warehouse, 0, false),
        (Role::Technician, 0, false),
        (Role::Service, 0, false),
    ] {
        let result = order(State::Requested, amount).approve(&actor("x_1", role), "sig", LIMITS, NOW);
        assert_eq!(result.is_ok(), ok, "{role:?} {amount}");
        if let Err(refused) = result {
            assert_eq!(refused.reason, error::APPROVAL_LIMIT);
        }
    }
}

#[test]
fn nobody_approves_their_own_wish() {
    let mut own = order(State::Requested, 0);
    own.requested_by = actor("su_1", Role::Supervisor);
    let refused = own.approve(&actor("su_1", Role::Manager), "sig", LIMITS, NOW).unwrap_err();
    assert_eq!(refused.reason, error::OWN_REQUEST);
}

#[test]
fn it_arrives_complete_or_not_at_all() {
    for arrived in [vec![], vec![Quantity::new("A", 1000)], vec![Quantity::new("A", 2000), Quantity::new("B", 1)]] {
        let refused = order(State::Shipped, 0).receive(&arrived, NOW).unwrap_err();
        assert_eq!(refused.reason, error::RECEIPT_DIFFERS);
    }
    let split = [Quantity::new("A", 500), Quantity::new("A", 1500)];
    assert_eq!(order(State::Shipped, 0).receive(&split, NOW).unwrap().record.state, State::Received);
}

proptest! {
    #[test]
    fn nothing_is_shipped_that_nobody_approved(steps in proptest::collection::vec(0..ACTIONS.len(), 0..40)) {
        let mut record = order(State::Requested, 500);
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
            let moved = [State::Ordered, State::Shipped, State::Received, State::HandedOn].contains(&record.state);
            prop_assert!(!moved || record.approval.is_some());
        }
    }
}
