//! Tests of the reservation's state machine and of settling a done job.

use common::{error::reason, id::Id as _};
use proptest::prelude::*;

use super::*;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn later(hours: i64) -> DateTime<Utc> {
    NOW + chrono::Duration::hours(hours)
}

fn allocation(sku: &str, tracking: &str, pieces: i64) -> Allocation {
    let part_id = format!("pt_{sku}");
    let place = Place::new("loc_a", StockCondition::Good);
    Allocation {
        balance_id: super::super::stock::balance_id(&part_id, &place, tracking),
        part_id,
        sku: sku.to_owned(),
        location_id: "loc_a".to_owned(),
        tracking: tracking.to_owned(),
        serial: !tracking.is_empty(),
        milli: pieces * 1000,
    }
}

fn used(sku: &str, pieces: i64, serial: &str) -> Used {
    Used {
        sku: sku.to_owned(),
        used: pieces * 1000,
        returned: 0,
        new_serial: serial.to_owned(),
        old_serial: String::new(),
        old_part_taken_back: false,
    }
}

fn need() -> Need {
    Need { work_order_id: "wo_1".into(), lines: vec![Quantity::new("A", 2000)], ..Need::default() }
}

fn reserved() -> Outcome {
    Outcome::Reserved(vec![allocation("A", "", 2)], later(1))
}

fn short() -> Outcome {
    Outcome::Short(vec![Shortage {
        wanted: Quantity::new("A", 2000),
        available: 0,
        places: Vec::new(),
        substitutes: Vec::new(),
        expected: Vec::new(),
    }])
}

fn fresh(outcome: Outcome) -> Reservation {
    Reservation::new(ReservationId::wrap("rsv_1".into()), need(), outcome, NOW)
}

fn act(record: Reservation, action: &str) -> Result<Reservation> {
    let done = |changed: Changed<Reservation>| changed.record;
    match action {
        "reserve" => record.reserve(need(), reserved(), NOW).map(done),
        "retry" => record.retry(reserved(), NOW).map(done),
        "extend" => {
            let until = record.expires_at().unwrap_or(NOW) + chrono::Duration::hours(1);
            record.extend(until, NOW).map(done)
        }
        "release" => record.release("r", NOW).map(|(changed, _)| done(changed)),
        "expire" => record.expire(NOW).map(|(changed, _)| done(changed)),
        "consume" => record.consume(Vec::new(), Vec::new(), NOW).map(done),
        other => panic!("{other}"),
    }
}

/// From, action, to: the whole machine.
const EDGES: &[(&str, &str, &str)] = &[
    ("short", "retry", "reserved"),
    ("short", "release", "released"),
    ("short", "consume", "consumed"),
    ("reserved", "extend", "reserved"),
    ("reserved", "release", "released"),
    ("reserved", "expire", "expired"),
    ("reserved", "consume", "consumed"),
    ("released", "reserve", "reserved"),
    ("released", "consume", "consumed"),
    ("expired", "reserve", "reserved"),
    ("expired", "retry", "reserved"),
    ("expired", "consume", "consumed"),
];
const ACTIONS: &[&str] = &["reserve", "retry", "extend", "release", "expire", "consume"];

fn in_every_state() -> Vec<Reservation> {
    vec![
        fresh(short()),
        fresh(reserved()),
        act(fresh(reserved()), "release").unwrap(),
        act(fresh(reserved()), "expire").unwrap(),
        act(fresh(reserved()), "consume").unwrap(),
    ]
}

#[test]
fn exactly_the_edges_of_the_table_exist() {
    for record in in_every_state() {
        for action in ACTIONS {
            let edge = EDGES.iter().find(|(from, name, _)| *from == record.state() && name == action);
            match (act(record.clone(), action), edge) {
                (Ok(after), Some((_, _, to))) => assert_eq!(after.state(), *to, "{} {action}", record.state()),
                (Err(refused), None) => {
                    assert_eq!(refused.reason, reason::ILLEGAL_TRANSITION);
                    assert_eq!(refused.facts["allowed"], record.allowed().join(", "));
                }
                (result, edge) => panic!("{} {action}: {result:?} but {edge:?}", record.state()),
            }
        }
    }
}

#[test]
fn a_retry_may_stay_short() {
    assert_eq!(fresh(short()).retry(short(), NOW).unwrap().record.state(), "short");
}

#[test]
fn an_extension_ends_later() {
    for (until, ok) in [(later(2), true), (later(1), false), (later(0), false)] {
        assert_eq!(fresh(reserved()).extend(until, NOW).is_ok(), ok);
    }
    let late = fresh(reserved()).extend(later(2), later(3)).unwrap_err();
    assert_eq!(late.reason, error::EXPIRY_NOT_LATER);
}

#[test]
fn a_repeated_wish_is_answered_and_another_one_is_refused_while_it_lives() {
    let mut other = need();
    other.lines.push(Quantity::new("B", 1000));
    let mut split = need();
    split.lines = vec![Quantity::new("A", 1000), Quantity::new("A", 1000)];
    assert!(fresh(reserved()).answers(&split).unwrap());
    assert!(fresh(short()).answers(&need()).unwrap());
    assert_eq!(fresh(reserved()).answers(&other).unwrap_err().reason, error::RESERVATION_DIFFERS);
    assert!(!act(fresh(reserved()), "release").unwrap().answers(&other).unwrap());
    let done = act(fresh(reserved()), "consume").unwrap();
    assert_eq!(done.answers(&need()).unwrap_err().reason, reason::ILLEGAL_TRANSITION);
}

#[test]
fn used_pieces_leave_and_the_rest_is_free_again() {
    let settled = settle(&[allocation("A", "", 3), allocation("B", "", 1)], &[used("A", 2, "")]);
    assert_eq!(settled.extra, []);
    let touches = settled.touches.0;
    assert_eq!((touches["pt_A|loc_a|good|"].on_hand, touches["pt_A|loc_a|good|"].reserved), (-2000, -3000));
    assert_eq!((touches["pt_B|loc_a|good|"].on_hand, touches["pt_B|loc_a|good|"].reserved), (0, -1000));
}

#[test]
fn the_piece_that_was_put_in_is_the_one_that_leaves() {
    let pieces = [allocation("A", "S1", 1), allocation("A", "S2", 1)];
    let settled = settle(&pieces, &[used("A", 1, ""), used("A", 1, "S1")]);
    let left: Vec<_> = settled.moves.iter().map(|movement| movement.line.tracking.as_str()).collect();
    assert_eq!(left, ["S1", "S2"]);
    let foreign = settle(&pieces, &[used("A", 1, "S9")]);
    assert_eq!(foreign.moves, []);
    assert_eq!(foreign.extra, [Extra { quantity: Quantity::new("A", 1000), tracking: "S9".into() }]);
}

#[test]
fn more_than_was_promised_is_left_over() {
    let settled = settle(&[allocation("A", "", 1)], &[used("A", 3, ""), used("C", 1, "")]);
    let extra: Vec<_> = settled.extra.into_iter().map(|extra| extra.quantity).collect();
    assert_eq!(extra, [Quantity::new("A", 2000), Quantity::new("C", 1000)]);
}

proptest! {
    #[test]
    fn no_sequence_of_actions_takes_an_illegal_edge(steps in proptest::collection::vec(0..ACTIONS.len(), 0..30)) {
        let mut record = fresh(short());
        for step in steps {
            let action = ACTIONS[step];
            let legal = EDGES.iter().find(|(from, name, _)| *from == record.state() && *name == action);
            let before = record.clone();
            match act(record.clone(), action) {
                Ok(after) => {
                    prop_assert_eq!(Some(after.state()), legal.map(|(_, _, to)| *to));
                    record = after;
                }
                Err(_) => {
                    prop_assert!(legal.is_none());
                    prop_assert_eq!(&record, &before);
                }
            }
        }
    }

    #[test]
    fn a_settlement_ends_every_promise_and_loses_no_piece(
        promised in proptest::collection::vec((0..3_usize, 1..5_i64), 0..6),
        consumed in proptest::collection::vec((0..3_usize, 0..5_i64), 0..6),
    ) {
        let skus = ["A", "B", "C"];
        let mut promised: Vec<_> = promised.iter().map(|&(sku, n)| allocation(skus[sku], "", n)).collect();
        promised.dedup_by(|a, b| a.sku == b.sku);
        let consumed: Vec<_> = consumed.iter().map(|&(sku, n)| used(skus[sku], n, "")).collect();
        let settled = settle(&promised, &consumed);
        let ended: i64 = settled.touches.0.values().map(|touch| touch.reserved).sum();
        prop_assert_eq!(-ended, promised.iter().map(|allocation| allocation.milli).sum::<i64>());
        let left: i64 = settled.moves.iter().map(|movement| movement.line.milli).sum();
        let over: i64 = settled.extra.iter().map(|extra| extra.quantity.milli).sum();
        prop_assert_eq!(left + over, consumed.iter().map(|line| line.used).sum::<i64>());
        prop_assert!(settled.touches.0.values().all(|touch| touch.on_hand >= touch.reserved));
    }
}
