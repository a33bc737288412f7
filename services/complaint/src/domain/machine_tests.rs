//! The state machine against the table of the specification: every legal edge leads where the table says, everything
//! else is refused and says what is allowed, whatever the order of actions.

use chrono::{DateTime, Duration, Utc};
use common::{
    Result,
    error::reason,
    record::{Actor, Changed, Record as _, Role},
};
use proptest::prelude::*;

use super::{
    complaint::{Complaint, Links},
    receive::Update,
    testing::*,
    values::{ActionDecision, FollowUpResult, Verdict},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Acknowledge,
    Founded,
    Partly,
    Unfounded,
    Investigate,
    Propose,
    Approve,
    SendBack,
    Agree,
    Complete(i32),
    Decide,
    Satisfied,
    NotSatisfied,
    Unreachable,
    Archive,
    Promise,
    KeepPromise,
    Update,
    Link,
    Created,
    Resolved,
    Cancelled,
    Escalate,
}

use Act::*;

const ACTS: [Act; 24] = [
    Acknowledge,
    Founded,
    Partly,
    Unfounded,
    Investigate,
    Propose,
    Approve,
    SendBack,
    Agree,
    Complete(1),
    Complete(2),
    Decide,
    Satisfied,
    NotSatisfied,
    Unreachable,
    Archive,
    Promise,
    KeepPromise,
    Update,
    Link,
    Created,
    Resolved,
    Cancelled,
    Escalate,
];

/// The table of spec/complaint-survey.md: from, action, to.
const TABLE: &[(&str, Act, &[&str])] = &[
    ("received", Acknowledge, &["acknowledged"]),
    ("acknowledged", Founded, &["investigating"]),
    ("acknowledged", Partly, &["investigating"]),
    ("acknowledged", Unfounded, &["replied"]),
    ("investigating", Investigate, &["proposing"]),
    ("proposing", Propose, &["pending_approval"]),
    ("pending_approval", Approve, &["implementing"]),
    ("pending_approval", SendBack, &["proposing"]),
    ("implementing", Agree, &["implementing", "follow_up"]),
    ("implementing", Complete(1), &["implementing", "follow_up"]),
    ("implementing", Complete(2), &["implementing", "follow_up"]),
    ("implementing", Decide, &["implementing", "follow_up"]),
    ("implementing", Resolved, &["implementing", "follow_up"]),
    ("implementing", Cancelled, &["implementing"]),
    ("follow_up", Satisfied, &["closed"]),
    ("follow_up", NotSatisfied, &["investigating"]),
    ("follow_up", Unreachable, &["follow_up", "closed"]),
    ("replied", Satisfied, &["closed"]),
    ("replied", NotSatisfied, &["investigating"]),
    ("replied", Unreachable, &["replied", "closed"]),
    ("closed", Archive, &["archived"]),
];

/// Actions that change no state, and the states that refuse them.
fn keeps_state(act: Act, from: &str) -> bool {
    match act {
        Promise | Update => from != "closed" && from != "archived",
        KeepPromise | Link | Created | Escalate => from != "archived",
        _ => false,
    }
}

fn legal(from: &str, act: Act) -> Vec<&str> {
    let listed = TABLE.iter().find(|(state, edge, _)| *state == from && *edge == act);
    match listed {
        Some((_, _, to)) => to.to_vec(),
        None if keeps_state(act, from) => vec![from],
        None => Vec::new(),
    }
}

/// What somebody of head office does; `None` when there was nothing to do.
fn apply(act: Act, record: Complaint, now: DateTime<Utc>) -> Result<Option<Changed<Complaint>>> {
    let policy = policy();
    let boss: Actor = actor(Role::Admin);
    let asked = |record: Complaint, result| record.follow_up(result, "words".to_owned(), &boss, &policy, now);
    let judged = |record: Complaint, verdict| record.judge(judgement(verdict), &policy, now);
    let text = || "words".to_owned();
    match act {
        Acknowledge => record.acknowledge(text(), now),
        Founded => judged(record, Verdict::Founded),
        Partly => judged(record, Verdict::Partly),
        Unfounded => judged(record, Verdict::Unfounded),
        Investigate => record.investigate(investigation(), now),
        Propose => record.propose(solutions(), now),
        Approve => record.approve(approval(Role::Admin), &policy, now),
        SendBack => record.send_back(text(), &boss, now),
        Agree => record.agree(agreement(), &policy, now),
        Complete(no) => record.complete_action(no, text(), &policy, now),
        Decide => record.decide_action(1, ActionDecision::Drop, text(), &boss, &policy, now),
        Satisfied => asked(record, FollowUpResult::Satisfied),
        NotSatisfied => asked(record, FollowUpResult::NotSatisfied),
        Unreachable => asked(record, FollowUpResult::Unreachable),
        Archive => record.archive(review(), &[], now),
        Promise => record.promise(text(), now + Duration::hours(1), &boss, now),
        KeepPromise => record.keep_promise(1, text(), now),
        Update => record.update(Update { wanted: Some(text()), ..Update::default() }, &policy, text(), now),
        Link => {
            return record.link(Links { skus: vec![format!("SKU-{}", now.timestamp())], ..Links::default() }, now);
        }
        Created => return Ok(record.request_created("sr_9", "repair", now)),
        Resolved => return record.request_resolved("sr_9", "repair", &policy, now),
        Cancelled => return Ok(record.request_cancelled("sr_9", "customer", now)),
        Escalate => return Ok(record.escalate(&policy, now)),
    }
    .map(Some)
}

/// Tries one action and checks it against the table; gives the record as it is afterwards.
fn step(act: Act, before: Complaint, now: DateTime<Utc>) -> Complaint {
    let from = before.state();
    let allowed = before.allowed();
    let to = legal(from, act);
    match apply(act, before.clone(), now) {
        Ok(Some(changed)) => {
            let state = changed.record.state();
            assert!(to.contains(&state), "{act:?} led from {from} to {state}");
            assert_eq!(changed.from, from);
            assert_eq!(changed.record.updated_at, now);
            assert_eq!(changed.record.number, before.number);
            changed.record
        }
        // A fact that has nothing to say to this state.
        Ok(None) => before,
        Err(error) if error.reason == reason::ILLEGAL_TRANSITION => {
            assert!(to.is_empty(), "{act:?} was refused in {from}");
            assert_eq!(error.facts["state"], from);
            assert_eq!(error.facts["allowed"], allowed.join(", "));
            before
        }
        Err(error) => {
            assert!(!to.is_empty(), "{act:?} in {from} was refused by {error}, not by the state");
            before
        }
    }
}

#[test]
fn every_pair_of_state_and_action_is_as_the_table_says() {
    for before in every_state() {
        for act in ACTS {
            step(act, before.clone(), start() + Duration::minutes(1));
        }
    }
}

#[test]
fn every_edge_of_the_table_is_taken() {
    for (from, act, to) in TABLE {
        let mut seen = Vec::new();
        let now = start() + Duration::minutes(1);
        let befores: Vec<_> = every_state().into_iter().filter(|record| record.state() == *from).collect();
        for mut before in befores {
            // What the edge needs beside its state.
            if matches!(act, Decide | Resolved | Cancelled) {
                before = before.request_created("sr_9", "repair", now).unwrap().record;
            }
            if *act == Decide {
                before = before.request_cancelled("sr_9", "customer", now).unwrap().record;
            }
            let ended = apply(*act, before, now).unwrap().unwrap();
            seen.push(ended.record.state());
        }
        assert!(!seen.is_empty() && seen.iter().all(|state| to.contains(state)), "{from} {act:?}: {seen:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_order_of_actions_leaves_the_table(moves in prop::collection::vec((0..ACTS.len(), 0_i64..400), 1..60)) {
        let mut record = received();
        let mut now = start();
        for (act, minutes) in moves {
            now += Duration::minutes(minutes);
            let before = record.clone();
            record = step(ACTS[act], record, now);
            prop_assert!(record.escalations.len() >= before.escalations.len());
            prop_assert!(record.level <= 3 && record.level >= before.level);
            prop_assert_eq!(record.is_open(), record.matter_key().is_some());
            // What is kept is kept: nothing of the past disappears.
            prop_assert!(record.judgements.starts_with(&before.judgements));
            prop_assert!(record.tries.starts_with(&before.tries));
            prop_assert!(record.implementations.starts_with(&before.implementations));
        }
        // Who acted is kept by id, role and unit, not with how far they saw that day; all else comes back as it was.
        let kept = serde_json::to_value(&record).unwrap();
        let read: Complaint = serde_json::from_value(kept.clone()).unwrap();
        prop_assert_eq!(serde_json::to_value(&read).unwrap(), kept);
    }
}
