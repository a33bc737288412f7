//! The state machine, edge by edge and by random sequences; and the rules of release, approval and quote.

use chrono::{DateTime, Duration, Utc};
use common::{
    convert::Money,
    error::{Error, Result, reason},
    id::{Id as _, Ids},
    record::{Actor, Changed, Record as _, Role},
};
use proptest::prelude::*;

use super::*;
use crate::error::*;

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::hours(hours)
}

fn actor(id: &str, role: Role) -> Actor {
    Actor::new(id, role, "east")
}

fn rules() -> ApprovalRules {
    ApprovalRules {
        kinds: vec![Kind::Return, Kind::Exchange],
        quote_from_minor: 500_000,
        supervisor_limit_minor: 200_000,
    }
}

fn money(minor_units: i64) -> Money {
    Money { minor_units, currency: "CNY".to_owned() }
}

pub(crate) fn request() -> ServiceRequest {
    let ids = Ids::seeded(7);
    let now = at(0);
    let mut request = ServiceRequest {
        id: ids.make(now),
        version: 1,
        number: "SR-1970-000001".to_owned(),
        created_at: now,
        updated_at: now,
        org_unit_id: "east".to_owned(),
        requested_at: now,
        channel: Channel::Web,
        kind: Kind::Repair,
        urgency: Urgency::Normal,
        asker: Asker { customer_id: ids.make(now), tier: Tier::C, survey_consent: true, language: "zh-CN".to_owned() },
        contact_name: "Li Ming".to_owned(),
        contact_phone: "+8613800138000".to_owned(),
        address: Some(Address {
            division_code: "310104".to_owned(),
            line: "1 Long Road".to_owned(),
            ..Address::default()
        }),
        product_id: Some(ids.make(now)),
        product_text: String::new(),
        category_code: "fridge".to_owned(),
        fault_code: "no_cooling".to_owned(),
        cause_code: String::new(),
        description: String::new(),
        photos: vec![],
        windows: vec![],
        parts_wanted: vec![],
        assignee_id: String::new(),
        warranty: None,
        charge: Some(Charge::InWarranty),
        on_site_quote_consent: false,
        links: Links::default(),
        hold: None,
        visit_number: 0,
        approvals: vec![],
        quotes: vec![],
        escalations: vec![],
        reopen_count: 0,
        log: vec![],
        next_due_at: None,
        state_reason: String::new(),
        state: State::New,
    };
    request.log = request.first_entries();
    request
}

fn lines(minor: i64) -> Vec<QuoteLine> {
    vec![QuoteLine::new("labour".to_owned(), String::new(), 1000, money(minor)).unwrap()]
}

/// A request in each stage, each reached by its own actions.
pub(crate) fn in_stage(stage: Stage) -> ServiceRequest {
    let agent = actor("agent-1", Role::Agent);
    let new = request();
    let triaged = new.clone().triage(Triage::default(), "agent-1", "", at(1)).unwrap().record;
    let ids = Ids::seeded(9);
    let ready = triaged.clone().release(&rules(), Consented::Nothing, at(2)).unwrap().record;
    let scheduled = ready.clone().visit(VisitFact::Created, "wo_1", 1, "", at(3)).unwrap().record;
    let in_service = scheduled.clone().visit(VisitFact::Started, "wo_1", 1, "", at(4)).unwrap().record;
    let resolved = in_service.clone().visit(VisitFact::Completed, "wo_1", 1, "", at(5)).unwrap().record;
    match stage {
        Stage::New => new,
        Stage::Triaged => triaged,
        Stage::PendingApproval => {
            triaged.ask_approval(ids.make(at(2)), &agent, "old customer", Some(money(100)), at(2)).unwrap().record
        }
        Stage::PendingQuote => {
            triaged.quote(ids.make(at(2)), &agent, lines(100), at(50), &rules(), at(2)).unwrap().record
        }
        Stage::Ready => ready,
        Stage::Scheduled => scheduled,
        Stage::InService => in_service,
        Stage::Resolved => resolved,
        Stage::Closed => resolved.close("", at(6)).unwrap().record,
        Stage::Cancelled => new.cancel("no", at(2)).unwrap().record,
        Stage::Merged => {
            let other = ServiceRequest { id: ids.make(at(0)), ..request() };
            new.merge(&other, "same", at(2)).unwrap().record
        }
    }
}

fn quiet(
    action: Action,
    got: Option<Changed<ServiceRequest>>,
    before: &ServiceRequest,
) -> Result<Changed<ServiceRequest>> {
    got.ok_or_else(|| Error::illegal(ServiceRequest::KIND, action.as_str(), before.state(), &before.allowed(at(7))))
}

/// Does the action with ordinary arguments.
fn act(request: ServiceRequest, action: Action, now: DateTime<Utc>) -> Result<Changed<ServiceRequest>> {
    let ids = Ids::seeded(11);
    let agent = actor("agent-1", Role::Agent);
    let manager = actor("manager-1", Role::Manager);
    let before = request.clone();
    let work_order = match request.work_order_id() {
        "" => "wo_1".to_owned(),
        id => id.to_owned(),
    };
    let visit = |request: ServiceRequest, fact: VisitFact| {
        let number = request.visit_number;
        quiet(action, request.visit(fact, &work_order, number, "", now), &before)
    };
    match action {
        Action::Triage => request.triage(Triage::default(), "agent-1", "", now),
        Action::Answer => request.answer("switch it on", None, now),
        Action::AskApproval => {
            let text = format!("try {}", request.approvals.len());
            request.ask_approval(ids.make(now), &agent, &text, None, now)
        }
        Action::Approve => request.approve(&manager, &rules(), "", now),
        Action::Reject => request.reject(&manager, "no", now),
        Action::Quote => request.quote(ids.make(now), &agent, lines(100), now + Duration::hours(1), &rules(), now),
        Action::AcceptQuote => request.accept_quote("phone", now),
        Action::DeclineQuote => request.decline_quote("dear", now),
        Action::ExpireQuote => request.expire_quote(now),
        Action::Release => request.release(&rules(), Consented::OnSiteQuote, now),
        Action::ReleaseVisit => request.release_visit(now),
        Action::Schedule => visit(request, VisitFact::Created),
        Action::Start => visit(request, VisitFact::Started),
        Action::CompleteVisit => visit(request, VisitFact::Completed),
        Action::NeedVisit => visit(request, VisitFact::Failed),
        Action::Settle => {
            let goods = ServiceRequest { kind: Kind::Exchange, ..request };
            quiet(action, goods.settle_goods("rt_1", None, "", now), &before)
        }
        Action::Hold => request.hold(HoldFor::Customer, None, "away", now),
        Action::Resume => request.resume("back", now),
        Action::Update => request.update(Details::default(), now),
        Action::Track => request.note_contact(now, now),
        Action::Escalate => request.escalate("resolution", 1, now),
        Action::Cancel => request.cancel("no", now),
        Action::Close => request.close("", now),
        Action::Reopen => request.reopen("again", now),
        Action::Merge => {
            let other = ServiceRequest { id: ServiceRequestId::wrap("sr_other".to_owned()), ..self::request() };
            request.merge(&other, "same", now)
        }
    }
}

/// The table of the specification: where each action leads from each stage; `None` where it is refused.
fn leads(stage: Stage, action: Action) -> Option<Stage> {
    use Stage::{
        Cancelled, Closed, InService, Merged, New, PendingApproval, PendingQuote, Ready, Resolved, Scheduled, Triaged,
    };
    let open = [New, Triaged, PendingApproval, PendingQuote, Ready, Scheduled, InService].contains(&stage);
    match (stage, action) {
        (New, Action::Triage) => Some(Triaged),
        (New | Triaged, Action::Answer) => Some(Resolved),
        (New | Triaged, Action::Merge) => Some(Merged),
        (Triaged, Action::AskApproval) => Some(PendingApproval),
        (PendingApproval, Action::Approve | Action::Reject) => Some(Triaged),
        (Triaged, Action::Quote) => Some(PendingQuote),
        (PendingQuote, Action::AcceptQuote) | (Triaged, Action::Release) | (Ready, Action::ReleaseVisit) => Some(Ready),
        (PendingQuote, Action::DeclineQuote | Action::ExpireQuote) => Some(Triaged),
        (Ready, Action::Schedule) => Some(Scheduled),
        (Scheduled, Action::Start) => Some(InService),
        (Scheduled | InService, Action::CompleteVisit) => Some(Resolved),
        (Scheduled | InService, Action::NeedVisit) => Some(Ready),
        (_, Action::Settle) if open => Some(Resolved),
        (_, Action::Cancel) if open => Some(Cancelled),
        (_, Action::Hold | Action::Update | Action::Track | Action::Escalate) if open => Some(stage),
        (Resolved, Action::Close) => Some(Closed),
        (Resolved | Closed, Action::Reopen) => Some(Triaged),
        _ => None,
    }
}

#[test]
fn every_edge_of_the_table_and_no_other() {
    for stage in Stage::ALL {
        for action in Action::ALL {
            let before = in_stage(*stage);
            assert_eq!(before.stage(), *stage);
            match (act(before.clone(), *action, at(7)), leads(*stage, *action)) {
                (Ok(changed), Some(wanted)) => {
                    assert_eq!(changed.record.stage(), wanted, "{stage} {action}");
                    assert_eq!((changed.from, changed.action), (stage.as_str(), action.as_str()));
                }
                (Err(error), None) => {
                    assert_eq!(error.reason, reason::ILLEGAL_TRANSITION, "{stage} {action}");
                    assert_eq!(error.facts["allowed"], before.allowed(at(7)).join(", "));
                    assert_eq!(error.facts["state"], stage.as_str());
                }
                (got, wanted) => panic!("{stage} {action}: {got:?}, wanted {wanted:?}"),
            }
        }
    }
}

#[test]
fn a_request_on_hold_resumes_in_the_same_state_and_is_not_held_twice() {
    for stage in Stage::ALL.iter().filter(|stage| stage.is_open()) {
        let held = act(in_stage(*stage), Action::Hold, at(7)).unwrap().record;
        assert!(!held.allowed(at(7)).contains(&"hold") && held.allowed(at(7)).contains(&"resume"));
        assert_eq!(act(held.clone(), Action::Hold, at(8)).unwrap_err().reason, reason::ILLEGAL_TRANSITION);
        let resumed = act(held, Action::Resume, at(8)).unwrap().record;
        assert_eq!((resumed.stage(), resumed.hold), (*stage, None));
    }
}

#[test]
fn a_closed_request_reopens_within_thirty_days_only() {
    let closed = in_stage(Stage::Closed);
    let limit = at(6) + Duration::days(30);
    assert_eq!(closed.clone().reopen("again", limit).unwrap().record.reopen_count, 1);
    let late = closed.reopen("again", limit + Duration::seconds(1)).unwrap_err();
    assert_eq!((late.reason, late.facts["allowed"].as_str()), (reason::ILLEGAL_TRANSITION, ""));
}

#[test]
fn a_release_names_what_is_missing() {
    let triaged = |change: fn(&mut ServiceRequest)| {
        let mut request = in_stage(Stage::Triaged);
        change(&mut request);
        request.release(&rules(), Consented::Nothing, at(3)).map(|changed| changed.record).map_err(|error| error.reason)
    };
    assert_eq!(triaged(|_| {}).unwrap().visit_number, 1);
    assert_eq!(triaged(|request| request.kind = Kind::Consultation).unwrap_err(), KIND_HAS_NO_VISIT);
    assert_eq!(triaged(|request| request.address = None).unwrap_err(), ADDRESS_NEEDED);
    assert_eq!(triaged(|request| request.charge = None).unwrap_err(), CHARGE_UNDECIDED);
    assert_eq!(triaged(|request| request.charge = Some(Charge::Charged)).unwrap_err(), QUOTE_NEEDED);
    assert_eq!(triaged(|request| request.charge = Some(Charge::Goodwill)).unwrap_err(), APPROVAL_NEEDED);
    assert_eq!(triaged(|request| request.kind = Kind::Exchange).unwrap_err(), APPROVAL_NEEDED);
    assert!(triaged(|request| (request.kind, request.charge) = (Kind::Installation, None)).is_ok());
    let waits = |request: &mut ServiceRequest| {
        request.hold = Some(Hold { waits_for: HoldFor::Parts, since: at(2), until: None })
    };
    assert_eq!(triaged(waits).unwrap_err(), REQUEST_ON_HOLD);
    let mut charged = in_stage(Stage::Triaged);
    charged.charge = Some(Charge::Charged);
    assert_eq!(charged.release(&rules(), Consented::OnSiteQuote, at(3)).unwrap().record.stage(), Stage::Ready);
}

#[test]
fn who_may_approve_and_how_much() {
    let asked = |minor: i64| {
        in_stage(Stage::Triaged)
            .ask_approval(
                Ids::seeded(3).make(at(2)),
                &actor("sup-1", Role::Supervisor),
                "goodwill",
                Some(money(minor)),
                at(2),
            )
            .unwrap()
            .record
    };
    let approve = |minor: i64, id: &str, role| {
        asked(minor)
            .approve(&actor(id, role), &rules(), "fine", at(3))
            .map(|changed| changed.record)
            .map_err(|error| error.reason)
    };
    assert_eq!(approve(200_000, "sup-2", Role::Supervisor).unwrap().approval_mark(), Some(Outcome::Approved));
    assert_eq!(approve(200_001, "sup-2", Role::Supervisor).unwrap_err(), APPROVAL_BEYOND_LIMIT);
    assert!(approve(200_001, "man-1", Role::Manager).is_ok());
    assert_eq!(approve(1, "sup-1", Role::Supervisor).unwrap_err(), APPROVER_IS_ASKER);
    assert_eq!(approve(1, "sup-1", Role::Manager).unwrap_err(), APPROVER_IS_ASKER);
    assert_eq!(approve(1, "agent-1", Role::Agent).unwrap_err(), reason::NOT_ALLOWED);
    assert_eq!(asked(1).reject(&actor("agent-1", Role::Agent), "no", at(3)).unwrap_err().reason, reason::NOT_ALLOWED);
}

#[test]
fn a_rejected_request_is_cancelled_asked_again_with_changes_or_answered() {
    let rejected = act(in_stage(Stage::PendingApproval), Action::Reject, at(3)).unwrap().record;
    assert_eq!(rejected.allowed(at(4)), ["answer", "ask_approval", "hold", "update", "cancel"]);
    for action in [Action::Release, Action::Quote, Action::Merge] {
        assert_eq!(act(rejected.clone(), action, at(4)).unwrap_err().reason, reason::ILLEGAL_TRANSITION);
    }
    let agent = actor("agent-1", Role::Agent);
    let again = |why: &str, minor| {
        rejected.clone().ask_approval(Ids::seeded(4).make(at(4)), &agent, why, Some(money(minor)), at(4))
    };
    assert_eq!(again("old customer", 100).unwrap_err().reason, APPROVAL_UNCHANGED);
    assert!(again("old customer", 90).is_ok());
    let approved = act(again("new facts", 100).unwrap().record, Action::Approve, at(5)).unwrap().record;
    assert!(approved.release(&rules(), Consented::Nothing, at(6)).is_ok());
}

#[test]
fn quotes_add_up_and_large_ones_need_approval() {
    let agent = actor("agent-1", Role::Agent);
    let line = QuoteLine::new("cable".to_owned(), "CAB-1".to_owned(), 2500, money(333)).unwrap();
    assert_eq!(line.amount, money(833));
    assert!(QuoteLine::new(String::new(), String::new(), 1000, money(-1)).is_err());
    let quote = |lines: Vec<QuoteLine>, until: i64| {
        in_stage(Stage::Triaged)
            .quote(Ids::seeded(5).make(at(2)), &agent, lines, at(until), &rules(), at(2))
            .map(|changed| changed.record)
    };
    let made = quote([lines(1000), vec![line.clone()]].concat(), 50).unwrap();
    assert_eq!((made.quotes[0].total.clone(), made.charge), (money(1833), Some(Charge::Charged)));
    let dollars =
        QuoteLine::new("x".to_owned(), String::new(), 1000, Money { minor_units: 1, currency: "USD".to_owned() })
            .unwrap();
    assert_eq!(quote(vec![line, dollars], 50).unwrap_err().reason, reason::INVALID_FIELDS);
    assert_eq!(quote(lines(100), 2).unwrap_err().reason, reason::INVALID_FIELDS);
    assert_eq!(quote(lines(500_000), 50).unwrap_err().reason, APPROVAL_NEEDED);
    let accepted = made.accept_quote("phone", at(4)).unwrap().record;
    assert_eq!((accepted.visit_number, accepted.accepted_quote().is_some()), (1, true));
    let reopened = in_stage(Stage::Resolved);
    let old = ServiceRequest { quotes: accepted.quotes, charge: Some(Charge::Charged), ..reopened }
        .reopen("again", at(8))
        .unwrap()
        .record;
    assert_eq!(
        old.release(&rules(), Consented::Nothing, at(9)).unwrap_err().reason,
        QUOTE_NEEDED,
        "an old quote pays for no new visit"
    );
}

#[test]
fn a_kind_with_a_case_elsewhere_neither_begins_nor_ends_by_triage() {
    let to = |from: Kind, kind: Kind| {
        ServiceRequest { kind: from, ..request() }.triage(
            Triage { kind: Some(kind), ..Triage::default() },
            "a",
            "",
            at(1),
        )
    };
    assert_eq!(to(Kind::Repair, Kind::Exchange).unwrap_err().reason, CASE_ELSEWHERE);
    assert_eq!(to(Kind::Complaint, Kind::Repair).unwrap_err().reason, CASE_ELSEWHERE);
    assert_eq!(to(Kind::Consultation, Kind::Repair).unwrap().record.kind, Kind::Repair);
    assert!(to(Kind::Exchange, Kind::Exchange).is_ok());
    let exchange = ServiceRequest { kind: Kind::Exchange, ..request() };
    assert_eq!(exchange.merge(&request(), "", at(1)).unwrap_err().reason, MERGE_WITH_ITSELF);
}

#[test]
fn place_and_product_stay_after_the_release() {
    let moved = Details { address: Some((None, "west".to_owned())), ..Details::default() };
    assert_eq!(in_stage(Stage::Ready).update(moved.clone(), at(9)).unwrap_err().reason, TOO_LATE_TO_CHANGE);
    assert_eq!(in_stage(Stage::Triaged).update(moved, at(9)).unwrap().record.org_unit_id, "west");
}

#[test]
fn a_failed_or_lost_visit_needs_the_next_one() {
    for fact in [VisitFact::Failed, VisitFact::Cancelled] {
        let next = in_stage(Stage::Scheduled).visit(fact, "wo_1", 1, "customer_absent", at(8)).unwrap().record;
        assert_eq!((next.stage(), next.visit_number), (Stage::Ready, 2));
        assert!(
            next.clone().visit(VisitFact::Created, "wo_2", 1, "", at(9)).is_none(),
            "the first visit's work order comes late"
        );
        let again = next.visit(VisitFact::Created, "wo_2", 2, "", at(9)).unwrap().record;
        assert_eq!(again.work_order_id(), "wo_2");
        assert!(again.visit(VisitFact::Completed, "wo_1", 1, "", at(9)).is_none(), "of another work order");
    }
}

#[test]
fn facts_that_come_twice_or_late_change_nothing() {
    assert!(in_stage(Stage::Scheduled).visit(VisitFact::Created, "wo_1", 1, "", at(8)).is_none());
    assert!(in_stage(Stage::InService).visit(VisitFact::Started, "wo_1", 1, "", at(8)).is_none());
    assert!(in_stage(Stage::Resolved).visit(VisitFact::Completed, "wo_1", 1, "", at(8)).is_none());
    assert!(in_stage(Stage::Cancelled).visit(VisitFact::Cancelled, "wo_1", 1, "", at(8)).is_none());
    assert!(in_stage(Stage::Closed).survey_answered(at(8)).is_none());
    assert!(
        in_stage(Stage::Triaged).settle_goods("rt_1", None, "", at(8)).is_none(),
        "a repair is not settled by goods"
    );
}

proptest! {
    /// Random sequences: no edge outside the table, a refusal names the allowed actions, and what is allowed is possible.
    #[test]
    fn random_sequences_stay_on_the_table(steps in proptest::collection::vec(0..Action::ALL.len(), 1..60)) {
        let mut request = request();
        let mut now = at(0);
        for step in steps {
            now += Duration::minutes(1);
            let action = Action::ALL[step];
            let before = request.clone();
            match act(request.clone(), action, now) {
                Ok(changed) => {
                    prop_assert!(before.can(action, now));
                    let stage = changed.record.stage();
                    let wanted = if action == Action::Resume { Some(before.stage()) } else { leads(before.stage(), action) };
                    prop_assert_eq!(Some(stage), wanted);
                    prop_assert!(changed.record.visit_number >= before.visit_number);
                    prop_assert!(changed.record.log.len() >= before.log.len());
                    // A settled request became an exchange in the test's hands; keep its kind for the next steps.
                    request = ServiceRequest { kind: Kind::Repair, ..changed.record };
                }
                Err(error) => {
                    prop_assert_eq!(&request, &before);
                    if error.reason == reason::ILLEGAL_TRANSITION {
                        prop_assert!(!before.can(action, now) || !action.is_asked_for());
                        prop_assert_eq!(&error.facts["allowed"], &before.allowed(if action.is_asked_for() { now } else { at(7) }).join(", "));
                    } else {
                        prop_assert!([QUOTE_NEEDED, APPROVAL_NEEDED, REQUEST_ON_HOLD].contains(&error.reason), "{}", error);
                    }
                }
            }
        }
    }
}
