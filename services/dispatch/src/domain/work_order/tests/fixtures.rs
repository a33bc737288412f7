//! A work order in every state, and every action with all it needs.

use chrono::{DateTime, Duration, Utc};
use common::{convert::Window, error::Result, id::Ids, record::Changed};

use super::super::*;
use crate::domain::{
    job::{ChecklistItem, Phase},
    site::{Additions, ChecklistEntry, Consent, ConsentMethod, FunctionalTest, Receipt, Signature},
};

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_416_800, 0).unwrap()
}

pub(super) fn later(minutes: i64) -> DateTime<Utc> {
    now() + Duration::minutes(minutes)
}

pub(super) fn policy() -> Policy {
    Policy {
        offer_timeout: Duration::minutes(15),
        contact_within: Duration::minutes(5),
        escalation_interval: Duration::minutes(30),
    }
}

pub(super) fn window(from: i64) -> Window {
    Window { start: later(from), end: later(from + 120) }
}

pub(super) fn part(sku: &str) -> PartQuantity {
    PartQuantity { sku: sku.to_owned(), milli: 1000 }
}

pub(super) fn order() -> WorkOrder {
    let request = RequestFacts {
        id: "sr_1".to_owned(),
        number: "SR-1".to_owned(),
        customer_id: "cu_1".to_owned(),
        kind: "repair".to_owned(),
        urgency: "normal".to_owned(),
        category_code: "lighting".to_owned(),
        fault_code: String::new(),
        charge_kind: "in_warranty".to_owned(),
        language: String::new(),
        org_unit_id: "ou_1".to_owned(),
        division_code: "330106".to_owned(),
        position: None,
        windows: vec![window(60)],
        contact_due_at: None,
        on_site_due_at: None,
        resolution_due_at: None,
    };
    let needs = JobNeeds {
        skills: Vec::new(),
        certificates: Vec::new(),
        minutes: 60,
        standard_minutes: 60,
        checklist: vec![
            ChecklistItem { item: "power_off".to_owned(), phase: Phase::Start },
            ChecklistItem { item: "cleaned".to_owned(), phase: Phase::Complete },
        ],
    };
    WorkOrder::create(Ids::seeded(1).make(now()), "WO-1".to_owned(), request, 1, needs, vec![part("DRV-1")], now())
}

pub(super) fn offer(at: Window) -> Offer {
    let ids = Ids::seeded(2);
    Offer {
        technician_id: ids.make(now()),
        crew: Vec::new(),
        service_point_id: ids.make(now()),
        window: at,
        planned: Window { start: at.start, end: at.start + Duration::minutes(60) },
        overridden: Vec::new(),
        override_reason: String::new(),
    }
}

pub(super) fn mark() -> Mark {
    Mark { at: now(), position: None, actor_id: "te_1".to_owned() }
}

pub(super) fn done(item: &str) -> ChecklistEntry {
    ChecklistEntry { item: item.to_owned(), done: true, note: String::new() }
}

pub(super) fn beginning() -> Additions {
    Additions {
        checklist: vec![done("power_off")],
        consent: Some(Consent {
            proposal: "new driver".to_owned(),
            price: None,
            agreed: true,
            method: ConsentMethod::Verbal,
            at: now(),
        }),
        ..Additions::default()
    }
}

pub(super) fn signed() -> Signature {
    Signature { file_id: "f1".to_owned(), vector: String::new(), signed_as: "customer".to_owned() }
}

pub(super) fn ending() -> Additions {
    Additions {
        checklist: vec![done("cleaned")],
        functional_test: Some(FunctionalTest { passed: true, note: String::new() }),
        signature: Some(signed()),
        ..Additions::default()
    }
}

pub(super) fn receipt() -> Receipt {
    Receipt {
        number: String::new(),
        item: "ceiling lamp, scratched".to_owned(),
        serial_number: String::new(),
        signature: signed(),
        taken_at: now(),
        returned_at: None,
        return_note: String::new(),
    }
}

pub(super) fn moved(asked_by: Asker, to: i64, consent: Option<ConsentMethod>) -> NewWindow {
    NewWindow { asked_by, reason: "asked".to_owned(), window: window(to), consent }
}

pub(super) const ACTIONS: [&str; 19] = [
    "update",
    "assign",
    "accept",
    "refuse",
    "contact",
    "depart",
    "arrive",
    "start",
    "record",
    "suspend",
    "resume",
    "take_away",
    "return_item",
    "complete",
    "fail",
    "reschedule",
    "cancel",
    "verify",
    "bounce",
];

/// The action with everything it needs, so that only the state can refuse it.
pub(super) fn act(order: WorkOrder, action: &str) -> Result<Changed<WorkOrder>> {
    match action {
        "update" => order.update(Patch::default(), now()),
        "assign" => {
            let at = order.default_window(now())?;
            order.assign(offer(at), &policy(), now())
        }
        "accept" => order.accept(&policy(), now()),
        "refuse" => order.refuse("ill".to_owned(), now()),
        "contact" => order.contact(ContactResult::Reached, String::new(), now()),
        "depart" => order.depart(None, mark()),
        "arrive" => order.arrive(mark()),
        "start" => order.start(beginning(), mark()),
        "record" => order.record(Additions::default(), "corrected".to_owned(), mark()),
        "suspend" => order.suspend(SuspendCause::Approval, String::new(), None, mark()),
        "take_away" => order.suspend(SuspendCause::TakeAway, String::new(), Some(receipt()), mark()),
        "resume" => order.resume(String::new(), mark()),
        "return_item" => order.return_item("paper taken back".to_owned(), mark()),
        "complete" => order.complete(ending(), mark()),
        "fail" => order.fail(FailReason::CustomerAbsent, Vec::new(), Additions::default(), mark()),
        "reschedule" => order.reschedule(moved(Asker::Customer, 600, None), None, &policy(), now()),
        "cancel" => order.cancel("changed mind".to_owned(), now()),
        "verify" => order.verify(String::new(), now()),
        "bounce" => order.bounce("photo missing".to_owned(), now()),
        other => panic!("{other}"),
    }
}

pub(super) fn walk(actions: &[&str]) -> WorkOrder {
    actions.iter().fold(order(), |order, action| act(order, action).unwrap().record)
}

pub(super) const TO_SITE: [&str; 4] = ["assign", "accept", "depart", "arrive"];

/// A work order in each state.
pub(super) fn in_state(state: &str) -> WorkOrder {
    let begun: Vec<&str> = TO_SITE.iter().copied().chain(["start"]).collect();
    let then = |more: &[&'static str]| walk(&begun.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>());
    match state {
        "unassigned" => order(),
        "assigned" => walk(&TO_SITE[..1]),
        "accepted" => walk(&TO_SITE[..2]),
        "en_route" => walk(&TO_SITE[..3]),
        "on_site" => walk(&TO_SITE),
        "in_progress" => then(&[]),
        "suspended" => then(&["suspend"]),
        "completed" => then(&["complete"]),
        "failed" => then(&["fail"]),
        "cancelled" => walk(&["cancel"]),
        "verified" => then(&["complete", "verify"]),
        other => panic!("{other}"),
    }
}
