//! Every edge of the service point's states, and every other action refused.

use chrono::DateTime;
use common::error::reason as shared;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_416_800, 0).unwrap()
}

fn actor(id: &str, role: Role) -> Actor {
    Actor::new(id, role, "ou_1")
}

fn contract() -> Contract {
    Contract {
        number: "C-1".to_owned(),
        territories: vec!["3301".to_owned()],
        categories: vec!["Lighting".to_owned()],
        capacity_per_day: 10,
        valid_from: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(),
        valid_until: NaiveDate::from_ymd_opt(2026, 12, 31).unwrap(),
        rates: Vec::new(),
        documents: Vec::new(),
    }
}

pub(crate) fn point(state: State) -> ServicePoint {
    let blank = ServicePoint {
        id: common::id::Ids::seeded(7).make(now()),
        version: 1,
        number: "SP-2026-000001".to_owned(),
        created_at: now(),
        updated_at: now(),
        org_unit_id: "ou_1".to_owned(),
        name: "West Lake Service".to_owned(),
        contact_name: String::new(),
        contact_phone: String::new(),
        address: Address {
            province: String::new(),
            city: String::new(),
            district: String::new(),
            line: String::new(),
            division_code: "330106".to_owned(),
            position: None,
        },
        time_zone: "Asia/Shanghai".to_owned(),
        state: State::Applied,
        contract: None,
        steps: Vec::new(),
    };
    let mut point = ServicePoint::apply(blank, &actor("di-1", Role::Dispatcher), Papers::default());
    point.state = state;
    point.contract = (state != State::Applied).then(contract);
    point
}

fn act(point: ServicePoint, action: &str) -> Result<Changed<ServicePoint>> {
    let boss = actor("ma-1", Role::Manager);
    match action {
        "update" => point.update(Patch::default(), now()),
        "inspect" => point.inspect(&boss, Papers::default(), now()),
        "approve" => point.approve(&boss, Papers::default(), now()),
        "contract" => point.sign(contract(), &boss, String::new(), now()),
        "activate" => point.activate(&boss, String::new(), now()),
        "suspend" => point.suspend(&boss, "late".to_owned(), now()),
        "terminate" => point.terminate(&boss, Papers::default(), now()),
        other => panic!("{other}"),
    }
}

#[test]
fn only_the_edges_of_the_table_are_taken() {
    let edges = [
        (State::Applied, "inspect", State::Inspected),
        (State::Inspected, "approve", State::Approved),
        (State::Approved, "contract", State::Contracted),
        (State::Contracted, "contract", State::Contracted),
        (State::Active, "contract", State::Active),
        (State::Suspended, "contract", State::Suspended),
        (State::Contracted, "activate", State::Active),
        (State::Suspended, "activate", State::Active),
        (State::Active, "suspend", State::Suspended),
    ];
    for state in State::ALL {
        for action in ["update", "inspect", "approve", "contract", "activate", "suspend", "terminate"] {
            let to = match action {
                "update" if state != State::Terminated => Some(state),
                "terminate" if state != State::Terminated => Some(State::Terminated),
                _ => edges.iter().find(|edge| (edge.0, edge.1) == (state, action)).map(|edge| edge.2),
            };
            match (act(point(state), action), to) {
                (Ok(changed), Some(to)) => {
                    assert_eq!(changed.record.state, to, "{state:?} {action}");
                    assert_eq!((changed.action, changed.from), (action, state.name()));
                    let told = usize::from(action != "update");
                    assert_eq!(changed.record.steps.len(), 1 + told, "{state:?} {action} leaves its step");
                }
                (Err(error), None) => {
                    assert_eq!(error.reason, shared::ILLEGAL_TRANSITION);
                    assert_eq!(error.facts["allowed"], state.allowed().join(", "));
                }
                (result, to) => panic!("{state:?} {action}: {result:?} instead of {to:?}"),
            }
        }
    }
}

#[test]
fn a_failed_line_keeps_the_point_where_it_is() {
    let line = |passed| InspectionItem { item: "tools".to_owned(), passed, note: String::new() };
    let papers = Papers { checklist: vec![line(true), line(false)], ..Papers::default() };
    let changed = point(State::Applied).inspect(&actor("q-1", Role::Quality), papers, now()).unwrap();
    assert_eq!(changed.record.state, State::Applied);
    assert_eq!(changed.record.steps.len(), 2);
}

#[test]
fn who_inspected_does_not_approve_and_only_chiefs_do() {
    let inspected =
        point(State::Applied).inspect(&actor("su-1", Role::Supervisor), Papers::default(), now()).unwrap().record;
    let own = inspected.clone().approve(&actor("su-1", Role::Supervisor), Papers::default(), now()).unwrap_err();
    assert_eq!(own.reason, reason::APPROVER_INSPECTED);
    let low = inspected.clone().approve(&actor("di-1", Role::Dispatcher), Papers::default(), now()).unwrap_err();
    assert_eq!(low.reason, shared::NOT_ALLOWED);
    assert!(inspected.approve(&actor("su-2", Role::Supervisor), Papers::default(), now()).is_ok());
}

#[test]
fn a_contract_that_ends_before_it_begins_is_refused() {
    let mut broken = contract();
    std::mem::swap(&mut broken.valid_from, &mut broken.valid_until);
    let error = point(State::Approved).sign(broken, &actor("ma-1", Role::Manager), String::new(), now()).unwrap_err();
    assert_eq!(error.fields[0].field, "contract.valid_until");
}

#[test]
fn a_contract_serves_by_prefix() {
    let contract = contract();
    assert!(contract.serves_division("330106") && !contract.serves_division("310101"));
    assert!(contract.serves_category("LIGHTING.LED") && !contract.serves_category("curtain"));
    assert!(contract.holds_on(contract.valid_until) && !contract.holds_on(contract.valid_until.succ_opt().unwrap()));
}
