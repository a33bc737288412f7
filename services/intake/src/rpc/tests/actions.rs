//! The ordinary way of a request, and refusals that change nothing.

use chrono::Duration;
use common::{
    error::reason,
    record::Role,
    rpc::{Outcome, leave},
    testing::Backend,
};
use proto::aftercare::{dispatch::v1::WorkOrderFact, intake::v1::*};
use rstest::rstest;

use super::{names, world};
use crate::{error::*, rpc::*};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn from_the_call_to_the_closed_file(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = world.request().await.service_request_id;
    let triaged = world.triage(&id).await;
    assert_eq!((triaged.state(), triaged.assignee_id.as_str()), (RequestState::Triaged, "agent-1"));
    let ready = world.release(&id).await;
    assert_eq!((ready.state(), ready.visit_number), (RequestState::Ready, 1));
    world.visit(&id, "wo_1", 1, WorkOrderFact::Created).await;
    world.visit(&id, "wo_1", 1, WorkOrderFact::Accepted).await;
    let taken = world.get(&id).await;
    assert_eq!((taken.state(), taken.work_order_id.as_str()), (RequestState::Scheduled, "wo_1"));
    assert_eq!(taken.deadlines.iter().find(|one| one.target == "contact").unwrap().allowed_seconds, 300);
    world.visit(&id, "wo_1", 1, WorkOrderFact::Contacted).await;
    world.visit(&id, "wo_1", 1, WorkOrderFact::Arrived).await;
    world.visit(&id, "wo_1", 1, WorkOrderFact::Started).await;
    assert_eq!(world.get(&id).await.state(), RequestState::InService);
    world.visit(&id, "wo_1", 1, WorkOrderFact::Completed).await;
    let solved = world.get(&id).await;
    assert_eq!((solved.state(), solved.work_order_id.as_str()), (RequestState::Resolved, "wo_1"));
    assert!(solved.deadlines.iter().all(|one| one.state == "met"), "{:?}", solved.deadlines);
    let close = CloseServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    let closed = close_service_request::handle(&world.ctx, &world.agent(), close).await.unwrap();
    assert_eq!((closed.state(), closed.allowed_actions), (RequestState::Closed, vec!["reopen".to_owned()]));
    let told = world.facts(&id).await;
    use ServiceRequestFact::{Closed, Created, Released, Resolved, Scheduled, Started, Triaged, Updated};
    assert_eq!(
        names(&told),
        [Created, Triaged, Released, Scheduled, Updated, Updated, Updated, Started, Resolved, Closed]
    );
    assert_eq!(
        (told[2].visit_number, told[3].work_order_id.as_str(), told[8].work_order_id.as_str()),
        (1, "wo_1", "wo_1")
    );
    let timeline = ListTimelineRequest { service_request_id: id, ..Default::default() };
    let history = list_timeline::handle(&world.ctx, &world.agent(), timeline).await.unwrap().entries;
    let actions: Vec<_> = history.iter().map(|entry| (entry.action.as_str(), entry.to_state.as_str())).collect();
    assert_eq!(actions[1], ("triage", "triaged"));
    assert_eq!(actions[9], ("close", "closed"));
    assert_eq!(
        (history[1].actor.as_ref().unwrap().id.as_str(), history[3].actor.as_ref().unwrap().role.as_str()),
        ("agent-1", "service")
    );
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn refusals_name_what_is_allowed_and_change_nothing(#[case] backend: Backend) {
    let world = world(backend).await;
    let before = world.request().await;
    let id = before.service_request_id.clone();
    let release = ReleaseServiceRequestRequest {
        service_request_id: id.clone(),
        request_id: "r-1".to_owned(),
        ..Default::default()
    };
    let refused = release_service_request::handle(&world.ctx, &world.agent(), release.clone()).await.unwrap_err();
    assert_eq!(refused.reason, reason::ILLEGAL_TRANSITION);
    assert_eq!(refused.facts["allowed"], "triage, answer, hold, update, cancel, merge");
    let stale =
        TriageServiceRequestRequest { service_request_id: id.clone(), etag: "7".to_owned(), ..Default::default() };
    let refused = triage_service_request::handle(&world.ctx, &world.agent(), stale).await.unwrap_err();
    assert_eq!(refused.reason, reason::STALE_ETAG);
    assert_eq!(world.get(&id).await, before);
    assert_eq!(world.facts(&id).await.len(), 1);
    // A refused call used its request id up for nothing: once it is possible, the same call succeeds.
    world.triage(&id).await;
    let call = world.agent();
    let first = release_service_request::handle(&world.ctx, &call, release.clone()).await.unwrap();
    let again = release_service_request::handle(&world.ctx, &call, release.clone()).await;
    match leave(&world.ctx.core, &call, 0, again).await {
        Outcome::Done(answer) => assert_eq!(answer.unwrap().into_inner(), first),
        Outcome::Again(_) => panic!("a repeat is answered at once"),
    }
    let other = ReleaseServiceRequestRequest { on_site_quote_consent: true, ..release };
    let reused = release_service_request::handle(&world.ctx, &call, other).await.unwrap_err();
    assert_eq!(reused.reason, reason::REQUEST_ID_REUSED);
    let released = world.facts(&id).await.iter().filter(|told| told.fact() == ServiceRequestFact::Released).count();
    assert_eq!(released, 1);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn waiting_for_the_customer_stops_the_clock_and_resuming_starts_it(#[case] backend: Backend) {
    let world = world(backend).await;
    let made = world.request().await;
    let id = made.service_request_id;
    let hold = HoldServiceRequestRequest {
        service_request_id: id.clone(),
        hold: HoldReason::Customer.into(),
        reason: "away until noon".to_owned(),
        ..Default::default()
    };
    let held = hold_service_request::handle(&world.ctx, &world.agent(), hold.clone()).await.unwrap();
    assert_eq!(
        (held.state(), held.on_hold(), held.deadlines[0].state.as_str()),
        (RequestState::New, HoldReason::Customer, "paused")
    );
    world.advance(Duration::hours(1)).await;
    assert!(world.get(&id).await.escalations.is_empty(), "a pause takes pending warnings away");
    let twice = hold_service_request::handle(&world.ctx, &world.agent(), hold).await.unwrap_err();
    assert_eq!(twice.reason, reason::ILLEGAL_TRANSITION);
    let triaged = world.triage(&id).await;
    assert_eq!(triaged.on_hold(), HoldReason::Customer);
    let release = ReleaseServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    assert_eq!(
        release_service_request::handle(&world.ctx, &world.agent(), release).await.unwrap_err().reason,
        REQUEST_ON_HOLD
    );
    let resume = ResumeServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    let resumed = resume_service_request::handle(&world.ctx, &world.agent(), resume).await.unwrap();
    let due = |request: &ServiceRequest| request.deadlines[0].due_at.unwrap().seconds;
    assert_eq!(due(&resumed) - made.deadlines[0].due_at.unwrap().seconds, 3600);
    assert_eq!(world.facts(&id).await[1].reason, "customer", "the event tells the code, not the words");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn approvals_are_asked_refused_asked_again_and_given(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = world.request().await.service_request_id;
    let triage = TriageServiceRequestRequest {
        service_request_id: id.clone(),
        charge_kind: ChargeKind::Goodwill.into(),
        ..Default::default()
    };
    triage_service_request::handle(&world.ctx, &world.agent(), triage).await.unwrap();
    let release = ReleaseServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    let release = async || release_service_request::handle(&world.ctx, &world.agent(), release.clone()).await;
    assert_eq!(release().await.unwrap_err().reason, APPROVAL_NEEDED);
    let ask = |reason: &str| AskApprovalRequest {
        service_request_id: id.clone(),
        reason: reason.to_owned(),
        amount: super::yuan(300),
        ..Default::default()
    };
    let asked = ask_approval::handle(&world.ctx, &world.agent(), ask("old customer")).await.unwrap();
    assert_eq!((asked.state(), asked.approvals[0].state.as_str()), (RequestState::PendingApproval, "pending"));
    let reject = RejectServiceRequestRequest {
        service_request_id: id.clone(),
        reason: "too vague".to_owned(),
        ..Default::default()
    };
    let refused = reject_service_request::handle(&world.ctx, &world.agent(), reject.clone()).await.unwrap_err();
    assert_eq!(refused.reason, reason::NOT_ALLOWED);
    let rejected =
        reject_service_request::handle(&world.ctx, &world.bench.call(Role::Supervisor), reject).await.unwrap();
    assert_eq!(rejected.allowed_actions, ["answer", "ask_approval", "hold", "update", "cancel"]);
    assert_eq!(release().await.unwrap_err().reason, reason::ILLEGAL_TRANSITION);
    let same = ask_approval::handle(&world.ctx, &world.agent(), ask("old customer")).await.unwrap_err();
    assert_eq!(same.reason, APPROVAL_UNCHANGED);
    ask_approval::handle(&world.ctx, &world.agent(), ask("bought three units in May")).await.unwrap();
    let approve = ApproveServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    let approved =
        approve_service_request::handle(&world.ctx, &world.bench.call(Role::Supervisor), approve).await.unwrap();
    let states: Vec<_> = approved.approvals.iter().map(|one| one.state.as_str()).collect();
    assert_eq!(states, ["rejected", "approved"]);
    assert_eq!(release().await.unwrap().state(), RequestState::Ready);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_solved_case_opens_again_and_goes_on_with_a_new_visit(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = world.solved().await.service_request_id;
    world.advance(Duration::hours(3)).await;
    let reopen = ReopenServiceRequestRequest {
        service_request_id: id.clone(),
        reason: "warm again".to_owned(),
        ..Default::default()
    };
    let again = reopen_service_request::handle(&world.ctx, &world.agent(), reopen).await.unwrap();
    assert_eq!((again.state(), again.reopen_count), (RequestState::Triaged, 1));
    let resolution = again.deadlines.iter().find(|one| one.target == "resolution").unwrap();
    assert_eq!((resolution.state.as_str(), resolution.used_seconds), ("running", 0), "the solved time does not count");
    assert_eq!(world.release(&id).await.visit_number, 2);
    world.visit(&id, "wo_2", 2, WorkOrderFact::Created).await;
    assert_eq!(world.get(&id).await.work_order_id, "wo_2");
    let cancel =
        CancelServiceRequestRequest { service_request_id: id.clone(), reason: "gone".to_owned(), ..Default::default() };
    let cancelled = cancel_service_request::handle(&world.ctx, &world.agent(), cancel.clone()).await.unwrap();
    assert_eq!((cancelled.state(), cancelled.allowed_actions), (RequestState::Cancelled, vec![]));
    assert_eq!(
        cancel_service_request::handle(&world.ctx, &world.agent(), cancel).await.unwrap_err().reason,
        reason::ILLEGAL_TRANSITION
    );
    world.visit(&id, "wo_2", 2, WorkOrderFact::Cancelled).await;
    assert_eq!(
        world.get(&id).await.state(),
        RequestState::Cancelled,
        "dispatch's answer to our cancelling changes nothing"
    );
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn of_two_racing_changes_one_wins_and_the_other_is_told(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = world.request().await.service_request_id;
    let triage = TriageServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    let call = world.agent();
    let racing = (0..8).map(|_| triage_service_request::handle(&world.ctx, &call, triage.clone()));
    let mut reasons = Vec::new();
    for result in futures::future::join_all(racing).await {
        reasons.push(result.map(|_| ()).map_err(|error| error.reason));
    }
    assert_eq!(reasons.iter().filter(|result| result.is_ok()).count(), 1, "{reasons:?}");
    let lost = [reason::CONFLICT, reason::ILLEGAL_TRANSITION];
    assert!(reasons.iter().filter_map(|result| result.err()).all(|why| lost.contains(&why)), "{reasons:?}");
    assert_eq!(world.facts(&id).await.len(), 2);
}
