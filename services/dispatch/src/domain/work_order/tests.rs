//! Every edge of the table, every other action refused, and random sequences of actions against the table.

mod fixtures;

use chrono::Duration;
use common::{error::reason as shared, record::Record as _};
use proptest::prelude::*;
use rstest::rstest;

use self::fixtures::*;
use super::*;
use crate::{
    domain::site::{Additions, ConsentMethod, Receipt, Signature},
    error::reason,
};

/// The table of the specification: from, action, to.
const TABLE: &[(&str, &str, &str)] = &[
    ("unassigned", "update", "unassigned"),
    ("assigned", "update", "assigned"),
    ("accepted", "update", "accepted"),
    ("en_route", "update", "en_route"),
    ("on_site", "update", "on_site"),
    ("unassigned", "assign", "assigned"),
    ("assigned", "accept", "accepted"),
    ("assigned", "refuse", "unassigned"),
    ("accepted", "contact", "accepted"),
    ("accepted", "depart", "en_route"),
    ("en_route", "arrive", "on_site"),
    ("on_site", "start", "in_progress"),
    ("on_site", "record", "on_site"),
    ("in_progress", "record", "in_progress"),
    ("suspended", "record", "suspended"),
    ("in_progress", "suspend", "suspended"),
    ("in_progress", "take_away", "suspended"),
    ("suspended", "resume", "in_progress"),
    ("in_progress", "complete", "completed"),
    ("on_site", "fail", "failed"),
    ("in_progress", "fail", "failed"),
    ("unassigned", "reschedule", "unassigned"),
    ("assigned", "reschedule", "unassigned"),
    ("accepted", "reschedule", "unassigned"),
    ("en_route", "reschedule", "unassigned"),
    ("on_site", "reschedule", "unassigned"),
    ("unassigned", "cancel", "cancelled"),
    ("assigned", "cancel", "cancelled"),
    ("accepted", "cancel", "cancelled"),
    ("en_route", "cancel", "cancelled"),
    ("on_site", "cancel", "cancelled"),
    ("in_progress", "cancel", "cancelled"),
    ("suspended", "cancel", "cancelled"),
    ("completed", "verify", "verified"),
    ("completed", "bounce", "completed"),
];

#[rstest]
fn only_the_edges_of_the_table_are_taken(
    #[values(
        "unassigned",
        "assigned",
        "accepted",
        "en_route",
        "on_site",
        "in_progress",
        "suspended",
        "completed",
        "failed",
        "cancelled",
        "verified"
    )]
    state: &str,
) {
    for action in ACTIONS {
        let before = in_state(state);
        assert_eq!(before.state(), state);
        let to = TABLE.iter().find(|edge| (edge.0, edge.1) == (state, action)).map(|edge| edge.2);
        match (act(before.clone(), action), to) {
            (Ok(changed), Some(to)) => {
                assert_eq!((changed.from, changed.record.state()), (state, to), "{state} {action}");
                let named = if action == "take_away" { "suspend" } else { action };
                assert_eq!(changed.action, named);
            }
            (Err(error), None) if action == "return_item" && before.state.allowed().contains(&action) => {
                assert_eq!(error.reason, reason::NO_ITEM_AWAY);
            }
            (Err(error), None) => {
                assert_eq!(error.reason, shared::ILLEGAL_TRANSITION, "{state} {action}");
                assert_eq!(error.facts["allowed"], before.state.allowed().join(", "));
                assert_eq!(error.facts["state"], state);
            }
            (result, to) => panic!("{state} {action}: {result:?} instead of {to:?}"),
        }
    }
}

#[test]
fn a_refused_or_ignored_offer_is_counted_and_climbs_three_steps() {
    let mut order = order();
    for step in 1..=4 {
        let assigned = act(order, "assign").unwrap().record;
        let back = if step == 2 { assigned.expire_offer(later(15)).unwrap() } else { act(assigned, "refuse").unwrap() };
        let cause = if step == 2 { Cause::OfferExpired } else { Cause::Refused };
        order = back.record.escalate(cause, &policy(), now()).record;
        assert_eq!((order.refusals, order.attention), (step, step.min(3)));
    }
    assert_eq!(order.refused_by().len(), 4);
    let accepted = act(act(order, "assign").unwrap().record, "accept").unwrap().record;
    assert_eq!(accepted.attention, 0, "whoever takes it calms it down");
}

#[test]
fn an_offer_runs_out_at_its_instant_and_not_before() {
    let assigned = in_state("assigned");
    assert_eq!(assigned.deadlines().offer, Some(later(15)));
    assert!(assigned.clone().expire_offer(later(15) - Duration::microseconds(1)).is_none());
    assert_eq!(assigned.clone().accept(&policy(), later(15)).unwrap_err().reason, reason::OFFER_EXPIRED);
    assert!(assigned.clone().accept(&policy(), later(15) - Duration::microseconds(1)).is_ok());
    let expired = assigned.expire_offer(later(15)).unwrap().record;
    assert_eq!((expired.state(), expired.refusals), ("unassigned", 1));
    assert!(expired.expire_offer(later(30)).is_none(), "an offer runs out once");
}

#[test]
fn an_unassigned_order_climbs_by_itself_until_the_manager_and_stops_when_it_is_assigned() {
    let order = act(in_state("assigned"), "refuse").unwrap().record.escalate(Cause::Refused, &policy(), now()).record;
    assert_eq!(order.deadlines().escalation, Some(later(30)));
    assert!(order.clone().escalate_further(&policy(), later(29)).is_none());
    let second = order.clone().escalate_further(&policy(), later(30)).unwrap().record;
    let third = second.escalate_further(&policy(), later(60)).unwrap().record;
    assert_eq!((third.attention, third.deadlines().escalation), (3, None));
    let assigned = act(order, "assign").unwrap().record;
    assert!(assigned.escalate_further(&policy(), later(90)).is_none());
}

#[test]
fn a_missed_contact_is_told_once_and_a_contact_stops_it() {
    let accepted = in_state("accepted");
    assert_eq!(accepted.deadlines().contact, Some(later(5)));
    let unanswered = accepted.contact(ContactResult::NoAnswer, String::new(), later(1)).unwrap().record;
    assert_eq!(unanswered.deadlines().contact, Some(later(5)), "a try is not a contact");
    assert!(unanswered.clone().miss_contact(&policy(), later(4)).is_none());
    let missed = unanswered.clone().miss_contact(&policy(), later(5)).unwrap().record;
    assert_eq!((missed.attention, missed.escalations[0].cause), (1, Cause::ContactMissed));
    assert!(missed.clone().miss_contact(&policy(), later(6)).is_none());
    let reached = missed.contact(ContactResult::Reached, String::new(), later(7)).unwrap().record;
    assert_eq!(reached.attention, 0);
    let in_time = unanswered.contact(ContactResult::Reached, String::new(), later(2)).unwrap().record;
    assert!(in_time.miss_contact(&policy(), later(5)).is_none());
}

#[test]
fn lateness_is_told_once_and_before_it_happens_when_it_is_foreseen() {
    let en_route = in_state("en_route");
    let end = window(60).end;
    assert!(en_route.clone().miss_window(&policy(), end - Duration::seconds(1)).is_none());
    let late = en_route.miss_window(&policy(), end).unwrap().record;
    assert!(late.clone().miss_window(&policy(), end + Duration::hours(1)).is_none());
    assert_eq!(act(late, "arrive").unwrap().record.attention, 0);
    let foreseen = in_state("accepted").depart(Some(end + Duration::minutes(1)), mark()).unwrap().record;
    assert_eq!(foreseen.miss_window(&policy(), now()).unwrap().record.escalations[0].cause, Cause::Late);
    let in_time = in_state("accepted").depart(Some(end), mark()).unwrap().record;
    assert!(in_time.miss_window(&policy(), now()).is_none());
    assert!(in_state("on_site").miss_window(&policy(), end).is_none());
}

#[rstest]
#[case(Asker::Office, None, false)]
#[case(Asker::Technician, None, false)]
#[case(Asker::Customer, None, true)]
#[case(Asker::Office, Some(ConsentMethod::Phone), true)]
fn a_promised_window_moves_only_with_consent(
    #[case] asked_by: Asker,
    #[case] consent: Option<ConsentMethod>,
    #[case] moves: bool,
) {
    let promised = in_state("accepted").contact(ContactResult::WindowConfirmed, String::new(), now()).unwrap().record;
    assert_eq!(promised.promised, Some(window(60)));
    let result = promised.reschedule(moved(asked_by, 600, consent), None, &policy(), now());
    if !moves {
        assert_eq!(result.unwrap_err().reason, reason::WINDOW_PROMISED);
        return;
    }
    let order = result.unwrap().record;
    assert_eq!((order.promised, order.reschedules[0].from), (Some(window(600)), Some(window(60))));
    // The promise outlives the technician.
    let other = order.clone().assign(offer(window(60)), &policy(), now()).unwrap_err();
    assert_eq!(other.reason, reason::WINDOW_PROMISED);
    assert!(order.assign(offer(window(600)), &policy(), now()).is_ok());
}

#[test]
fn an_unpromised_window_may_be_moved_by_the_office_and_keeps_its_technician_when_named() {
    let order = in_state("accepted");
    let new = moved(Asker::Office, 600, None);
    let order = order.reschedule(new, Some(offer(window(600))), &policy(), now()).unwrap().record;
    assert_eq!((order.state(), order.promised), ("assigned", None));
    assert_eq!(order.past_offers[0].outcome, Outcome::Rescheduled);
    assert_eq!((order.refusals, order.refused_by().len()), (0, 0), "a moved visit is no refusal");
    let over = moved(Asker::Office, -300, None);
    assert_eq!(order.reschedule(over, None, &policy(), now()).unwrap_err().fields[0].field, "window");
}

#[test]
fn work_begins_only_with_checklist_and_consent() {
    let error = in_state("on_site").start(Additions::default(), mark()).unwrap_err();
    assert_eq!(error.reason, reason::RECORD_INCOMPLETE);
    let fields: Vec<_> = error.fields.iter().map(|field| field.field.as_str()).collect();
    assert_eq!(fields, ["checklist.power_off", "consent"]);
    let mut charged = in_state("on_site");
    charged.request.charge_kind = "charged".to_owned();
    assert_eq!(charged.start(beginning(), mark()).unwrap_err().fields[0].field, "consent.price");
}

#[test]
fn completion_reconciles_what_was_reserved() {
    let order = in_state("in_progress").parts_ready(vec![part("DRV-1")], now()).unwrap().record;
    let error = act(order, "complete").unwrap_err();
    assert_eq!(error.facts["missing"], "parts.DRV-1:used_plus_returned_equals_reserved");
}

#[test]
fn a_taken_item_must_come_back_before_the_end() {
    let away = act(in_state("in_progress"), "take_away").unwrap().record;
    assert_eq!(away.record.item_away().unwrap().number, "WO-1-R");
    let resumed = act(away.clone(), "resume").unwrap().record;
    assert_eq!(act(resumed.clone(), "complete").unwrap_err().fields[0].field, "receipt");
    assert_eq!(act(resumed.clone(), "fail").unwrap_err().reason, reason::ITEM_AWAY);
    assert_eq!(act(resumed.clone(), "take_away").unwrap_err().reason, reason::ITEM_AWAY);
    let back = act(resumed, "return_item").unwrap().record;
    assert_eq!(act(back.clone(), "return_item").unwrap_err().reason, reason::NO_ITEM_AWAY);
    assert_eq!(act(back, "complete").unwrap().record.state(), "completed");
    // A cancelled job still owes the customer the item.
    let cancelled = act(away, "cancel").unwrap().record;
    assert!(act(cancelled, "return_item").is_ok());
}

#[rstest]
#[case(None, "receipt")]
#[case(Some(Receipt { signature: Signature { file_id: String::new(), ..signed() }, ..receipt() }), "receipt.signature")]
fn an_item_leaves_only_with_a_signed_receipt(#[case] paper: Option<Receipt>, #[case] field: &str) {
    let error = in_state("in_progress").suspend(SuspendCause::TakeAway, String::new(), paper, mark()).unwrap_err();
    assert_eq!((error.reason, error.fields[0].field.as_str()), (reason::RECORD_INCOMPLETE, field));
}

#[test]
fn the_record_is_sent_back_once_and_answered_before_it_is_verified() {
    let bounced = act(in_state("completed"), "bounce").unwrap().record;
    assert_eq!(act(bounced.clone(), "verify").unwrap_err().reason, reason::BOUNCE_OPEN);
    assert_eq!(act(bounced.clone(), "bounce").unwrap_err().reason, reason::ALREADY_BOUNCED);
    let silent = bounced.clone().record(Additions::default(), String::new(), mark()).unwrap_err();
    assert_eq!(silent.fields[0].field, "answer");
    let parts = Additions {
        parts: vec![crate::domain::site::PartUse {
            sku: "DRV-1".to_owned(),
            used_milli: 1000,
            returned_milli: 0,
            new_serial: String::new(),
            old_serial: String::new(),
            old_part_taken_back: false,
            van_reason: String::new(),
        }],
        ..Additions::default()
    };
    assert_eq!(bounced.clone().record(parts, "x".to_owned(), mark()).unwrap_err().reason, reason::PARTS_POSTED);
    let answered = act(bounced, "record").unwrap().record;
    assert_eq!(act(answered.clone(), "bounce").unwrap_err().reason, reason::ALREADY_BOUNCED);
    assert_eq!(act(answered, "verify").unwrap().record.state(), "verified");
}

#[test]
fn a_missing_part_is_named_and_carried_to_the_next_visit() {
    let on_site = in_state("on_site");
    let unnamed = on_site.clone().fail(FailReason::PartsMissing, Vec::new(), Additions::default(), mark()).unwrap_err();
    assert_eq!(unnamed.fields[0].field, "parts_wanted");
    let failed =
        on_site.fail(FailReason::PartsMissing, vec![part("LED-2")], Additions::default(), mark()).unwrap().record;
    assert_eq!(failed.carried_parts(), [part("DRV-1"), part("LED-2")]);
    let hopeless = in_state("on_site").fail(FailReason::NotRepairable, Vec::new(), Additions::default(), mark());
    assert_eq!(hopeless.unwrap().record.carried_parts(), []);
}

#[test]
fn answers_about_parts_count_once_and_not_for_a_visit_that_is_over() {
    let short = order().parts_short(vec!["DRV-1".to_owned()], now()).unwrap().record;
    assert!(short.clone().parts_short(vec!["DRV-1".to_owned()], now()).is_none());
    let ready = short.parts_ready(vec![part("DRV-1")], now()).unwrap().record;
    assert_eq!((ready.parts.state, ready.parts.short_skus.len()), (PartsState::Ready, 0));
    assert!(ready.parts_ready(vec![part("DRV-1")], now()).is_none());
    for state in ["completed", "failed", "cancelled", "verified"] {
        assert!(in_state(state).parts_ready(vec![part("DRV-1")], now()).is_none(), "{state}");
        assert!(in_state(state).parts_short(vec!["DRV-1".to_owned()], now()).is_none(), "{state}");
    }
}

proptest! {
    /// Whatever is tried in whatever order, only edges of the table are taken, every refusal names what is allowed, and the
    /// record written to its row comes back the same.
    #[test]
    fn no_sequence_leaves_the_table(actions in proptest::collection::vec(0..ACTIONS.len(), 1..60)) {
        let mut order = order();
        for action in actions.into_iter().map(|index| ACTIONS[index]) {
            let from = order.state();
            match act(order.clone(), action) {
                Ok(changed) => {
                    let edge = (from, action, changed.record.state());
                    let corrected = from == "completed" && action == "record";
                    prop_assert!(TABLE.contains(&edge) || action == "return_item" || corrected, "{edge:?}");
                    order = changed.record;
                }
                Err(error) if error.reason == shared::ILLEGAL_TRANSITION => {
                    prop_assert_eq!(&error.facts["allowed"], &order.state.allowed().join(", "));
                }
                Err(_) => {}
            }
            let body = serde_json::to_value(&order).unwrap();
            prop_assert_eq!(&serde_json::from_value::<WorkOrder>(body).unwrap(), &order);
        }
    }
}
