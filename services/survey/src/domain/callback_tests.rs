//! Every edge of the callback's table, and the rule of the three tries.

use common::{error::reason, id::Ids};
use proptest::prelude::*;

use super::*;
use crate::domain::local::Zone;

const ACTIONS: [&str; 9] =
    ["assign", "no_answer", "busy", "wrong_number", "refused", "call_again", "complete", "settle", "mark_overdue"];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    at("2026-11-20T02:00:00Z")
}

fn rest() -> RestHours {
    let spans = ["12:00-14:00".to_owned(), "21:00-08:00".to_owned()];
    RestHours::new(Zone::named("Asia/Shanghai").unwrap(), &spans).unwrap()
}

fn policy() -> TryPolicy {
    TryPolicy { count: 3, gap: Duration::hours(20), different_days: true, different_time: Duration::hours(1) }
}

fn open() -> Callback {
    Callback {
        id: Ids::seeded(1).make(now()),
        version: 1,
        invitation_id: Ids::seeded(2).make(now()),
        customer_id: "cu_1".to_owned(),
        service_request_id: Some("sr_1".to_owned()),
        org_unit_id: "ou_1".to_owned(),
        due_at: now() + Duration::days(3),
        overdue_at: None,
        tries: vec![],
        state: State::Open { agent_id: Some("ag_1".to_owned()), next_try_at: now() },
        created_at: now(),
        updated_at: now(),
    }
}

fn record(callback: Callback, outcome: Outcome, now: DateTime<Utc>) -> Result<Changed<Callback>> {
    callback.record_try(outcome, "ag_1", "note", &policy(), &rest(), now)
}

fn act(callback: Callback, action: &str, now: DateTime<Utc>) -> Result<Changed<Callback>> {
    match action {
        "assign" => callback.assign("ag_2", now),
        "no_answer" => record(callback, Outcome::NoAnswer, now),
        "busy" => record(callback, Outcome::Busy, now),
        "wrong_number" => record(callback, Outcome::WrongNumber, now),
        "refused" => record(callback, Outcome::Refused, now),
        "call_again" => record(callback, Outcome::CallAgain(now + Duration::hours(5)), now),
        "complete" => callback.complete(Ids::seeded(3).make(now), "ag_1", "", now),
        "settle" => callback.settle(now),
        _ => callback.mark_overdue(now),
    }
}

#[test]
fn every_edge_of_the_table_and_no_other() {
    for (action, to) in [
        ("assign", "open"),
        ("no_answer", "open"),
        ("busy", "open"),
        ("wrong_number", "wrong_number"),
        ("refused", "refused"),
        ("call_again", "open"),
        ("complete", "done"),
        ("settle", "settled"),
        ("mark_overdue", "open"),
    ] {
        let changed = act(open(), action, now()).unwrap();
        assert_eq!((changed.record.state(), changed.from), (to, "open"), "{action}");
        assert_eq!(changed.record.ended_at().is_some(), to != "open");
        if to == "open" {
            continue;
        }
        for next in ACTIONS {
            let error = act(changed.record.clone(), next, now()).unwrap_err();
            assert_eq!(
                (error.reason, error.facts["allowed"].as_str()),
                (reason::ILLEGAL_TRANSITION, ""),
                "{next} {to}"
            );
        }
    }
    let overdue = open().mark_overdue(now()).unwrap().record;
    assert_eq!(overdue.mark_overdue(now()).unwrap_err().reason, reason::ILLEGAL_TRANSITION);
}

#[test]
fn three_tries_on_different_days_and_times_and_we_give_up() {
    let first = record(open(), Outcome::NoAnswer, at("2026-11-20T02:00:00Z")).unwrap().record;
    let State::Open { next_try_at, .. } = first.state else { panic!("{first:?}") };
    assert_eq!(next_try_at, at("2026-11-21T00:00:00Z"), "21 hours later is 07:00, moved out of the rest hours");
    let second = record(first, Outcome::Busy, at("2026-11-21T07:00:00Z")).unwrap().record;
    assert_eq!(second.state(), "open");
    let third = record(second, Outcome::NoAnswer, at("2026-11-22T09:30:00Z")).unwrap().record;
    assert_eq!(third.state(), "unreachable");
    assert_eq!(third.tries.iter().map(|one| one.counted).collect::<Vec<_>>(), [true, true, true]);
}

#[test]
fn tries_on_the_same_day_or_at_the_same_time_are_recorded_and_do_not_count() {
    let first = record(open(), Outcome::NoAnswer, at("2026-11-20T02:00:00Z")).unwrap().record;
    let same_day = record(first, Outcome::NoAnswer, at("2026-11-20T09:00:00Z")).unwrap().record;
    let same_time = record(same_day, Outcome::NoAnswer, at("2026-11-21T02:30:00Z")).unwrap().record;
    let fourth = record(same_time, Outcome::NoAnswer, at("2026-11-22T04:00:00Z")).unwrap().record;
    assert_eq!(fourth.state(), "open");
    assert_eq!(fourth.tries.iter().map(|one| one.counted).collect::<Vec<_>>(), [true, false, false, true]);
}

#[test]
fn the_customers_own_time_is_kept_and_must_be_ahead() {
    let night = at("2026-11-20T15:00:00Z");
    let changed = record(open(), Outcome::CallAgain(night), now()).unwrap();
    assert!(matches!(changed.record.state, State::Open { next_try_at, .. } if next_try_at == night));
    assert!(!changed.record.tries[0].counted);
    let error = record(open(), Outcome::CallAgain(now()), now()).unwrap_err();
    assert_eq!(error.fields[0].field, "call_again_time");
}

proptest! {
    /// Whatever happens at whatever time: each try is recorded, no more than three count, those that count are on
    /// different days, the next try is never in rest hours, and an ended callback stays as it is.
    #[test]
    fn random_actions_keep_to_the_rules(steps in prop::collection::vec((0_usize..9, 1_i64..2_000), 0..25)) {
        let (mut callback, mut now, mut tries) = (open(), now(), 0);
        for (action, minutes) in steps {
            now += Duration::minutes(minutes);
            let before = callback.clone();
            match act(callback.clone(), ACTIONS[action], now) {
                Ok(changed) => {
                    prop_assert_eq!(before.state(), "open");
                    tries += usize::from((1..=6).contains(&action));
                    callback = changed.record;
                }
                Err(error) => {
                    prop_assert_eq!(error.reason, reason::ILLEGAL_TRANSITION);
                    prop_assert!(before.state() != "open" || before.overdue_at.is_some());
                }
            }
            prop_assert_eq!(callback.tries.len(), tries);
            let counted: Vec<_> = callback.tries.iter().filter(|one| one.counted).map(|one| rest().zone().wall(one.at).date).collect();
            let mut days = counted.clone();
            days.dedup();
            prop_assert_eq!(days.len(), counted.len());
            prop_assert!(counted.len() <= 3 && (counted.len() == 3) == (callback.state() == "unreachable"));
            if let (State::Open { next_try_at, .. }, Some(last)) = (&callback.state, callback.tries.last())
                && last.result != TryResult::CallAgain {
                prop_assert!(!rest().holds(*next_try_at));
            }
        }
    }
}
