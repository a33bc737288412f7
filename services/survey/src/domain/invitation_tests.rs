//! Every edge of the invitation's table, and no other.

use chrono::Duration;
use common::{
    error::reason,
    id::{Id as _, Ids},
};
use proptest::prelude::*;

use super::*;
use crate::domain::occasion::{Trigger, tests::occasion};

const ACTIONS: [&str; 10] =
    ["defer", "send", "suppress", "withdraw", "remind", "save_answers", "answer", "expire", "open_callback", "give_up"];

fn now() -> DateTime<Utc> {
    "2026-11-20T06:00:00Z".parse().unwrap()
}

pub(crate) fn planned() -> Invitation {
    let plan = Plan::Ask { send_at: now() + Duration::days(3), latest: now() + Duration::days(7) };
    let occasion = occasion("sr_1@2", Trigger::VisitCompleted);
    Invitation::plan(Ids::seeded(1).make(now()), occasion, plan, Duration::days(40), now())
}

fn id<T: common::id::Id>() -> T {
    Ids::seeded(2).make(now())
}

fn act(invitation: Invitation, action: &str) -> Result<Changed<Invitation>> {
    let now = now() + Duration::hours(1);
    match action {
        "defer" => invitation.defer(now + Duration::days(30), "cooldown", now),
        "send" => invitation.send(id(), now + Duration::days(14), Visit::default(), now),
        "suppress" => invitation.suppress("suppress", "asked_recently", now),
        "withdraw" => invitation.suppress("withdraw", "reopened", now),
        "remind" => invitation.remind(now),
        "save_answers" => invitation.save_answers(vec![], now),
        "answer" => invitation.answer(id(), Visit::default(), now),
        "expire" => invitation.expire(now),
        "open_callback" => invitation.open_callback(id(), id(), Visit::default(), now),
        _ => invitation.give_up("refused", now),
    }
}

fn walk(actions: &[&str]) -> Invitation {
    actions.iter().fold(planned(), |invitation, action| act(invitation, action).unwrap().record)
}

/// The table of the README: where each action leads from each state.
fn to(from: &str, reminded: bool, action: &str) -> Option<&'static str> {
    Some(match (from, action) {
        ("planned", "defer") => "planned",
        ("planned", "send") => "sent",
        ("planned", "suppress" | "withdraw") => "suppressed",
        ("planned" | "sent" | "started" | "expired", "open_callback") => "calling",
        ("sent", "remind") if !reminded => "sent",
        ("started", "remind") if !reminded => "started",
        ("sent" | "started", "save_answers") => "started",
        ("calling", "save_answers") => "calling",
        ("sent" | "started" | "calling", "answer") => "answered",
        ("sent" | "started", "expire") => "expired",
        ("calling", "give_up") => "given_up",
        _ => return None,
    })
}

#[test]
fn every_edge_of_the_table_and_no_other() {
    for way in [
        &[][..],
        &["defer"],
        &["send"],
        &["send", "remind"],
        &["send", "save_answers"],
        &["send", "save_answers", "remind"],
        &["send", "answer"],
        &["send", "expire"],
        &["suppress"],
        &["open_callback"],
        &["send", "open_callback"],
        &["open_callback", "give_up"],
    ] {
        let before = walk(way);
        let reminded = before.asked().is_some_and(|asked| asked.reminded_at.is_some());
        let allowed: Vec<_> =
            ACTIONS.into_iter().filter(|action| to(before.state(), reminded, action).is_some()).collect();
        let mut told = before.allowed();
        told.sort_unstable();
        let mut sorted = allowed.clone();
        sorted.sort_unstable();
        assert_eq!(told, sorted, "after {way:?}");
        for action in ACTIONS {
            match (act(before.clone(), action), to(before.state(), reminded, action)) {
                (Ok(changed), Some(state)) => {
                    assert_eq!((changed.record.state(), changed.from, changed.action), (state, before.state(), action));
                }
                (Err(error), None) => {
                    assert_eq!(error.reason, reason::ILLEGAL_TRANSITION);
                    assert_eq!(error.facts["allowed"], before.allowed().join(", "));
                }
                (result, wanted) => panic!("{action} after {way:?}: {result:?}, wanted {wanted:?}"),
            }
        }
    }
}

#[test]
fn who_is_not_asked_is_told_why_at_once() {
    let skipped = Invitation::plan(
        id(),
        occasion("sr_1@2", Trigger::Delivery),
        Plan::Skip { reason: "no_consent" },
        Duration::days(40),
        now(),
    );
    assert_eq!((skipped.state(), skipped.reason()), ("suppressed", "no_consent"));
    assert!(skipped.asked().is_none() && skipped.waiting().is_none() && skipped.link_until().is_none());
}

#[test]
fn the_link_works_while_somebody_may_answer() {
    for (way, works) in [
        (&["send"][..], true),
        (&["send", "save_answers"], true),
        (&["send", "open_callback"], true),
        (&["open_callback"], false),
        (&["send", "answer"], false),
        (&["send", "expire"], false),
        (&["send", "open_callback", "give_up"], false),
        (&[], false),
    ] {
        assert_eq!(walk(way).link_until().is_some(), works, "{way:?}");
    }
}

#[test]
fn the_visit_is_remembered_and_not_forgotten() {
    let visit = Visit {
        work_order_id: Some("wo_1".to_owned()),
        technician_id: Some("te_1".to_owned()),
        service_point_id: Some("sp_1".to_owned()),
    };
    let sent = planned().send(id(), now(), visit, now()).unwrap().record;
    let answered = sent.answer(id(), Visit::default(), now()).unwrap().record;
    assert_eq!(answered.technician_id.as_deref(), Some("te_1"));
    assert_eq!(answered.service_point_id.as_deref(), Some("sp_1"));
    assert_eq!(answered.occasion.work_order_id.as_deref(), Some("wo_1"));
}

proptest! {
    /// Whatever is tried in whatever order: only edges of the table are taken, reminders go out once, and what was
    /// asked stays what was asked.
    #[test]
    fn random_actions_keep_to_the_table(actions in prop::collection::vec(prop::sample::select(ACTIONS.to_vec()), 0..25)) {
        let mut invitation = planned();
        let mut reminders = 0;
        for action in actions {
            let before = invitation.clone();
            let reminded = before.asked().is_some_and(|asked| asked.reminded_at.is_some());
            let wanted = to(before.state(), reminded, action);
            match act(invitation.clone(), action) {
                Ok(changed) => {
                    prop_assert_eq!(Some(changed.record.state()), wanted);
                    reminders += usize::from(action == "remind");
                    if let (Some(old), Some(new)) = (before.asked(), changed.record.asked()) {
                        prop_assert_eq!((&old.questionnaire_id, old.at), (&new.questionnaire_id, new.at));
                    }
                    invitation = changed.record;
                }
                Err(error) => {
                    prop_assert_eq!(wanted, None);
                    prop_assert_eq!(error.reason, reason::ILLEGAL_TRANSITION);
                    prop_assert_eq!(&invitation, &before);
                }
            }
        }
        prop_assert!(reminders <= 1);
    }
}

#[test]
fn ids_have_their_prefix() {
    assert!(planned().id.as_str().starts_with("iv_"));
    assert!(InvitationId::parse("cb_01k0000000000000000000000a").is_err());
}
