//! What time brings: deadlines of complaints, checks of corrective actions, the authority's clocks. A timer that finds
//! nothing to do any more does nothing.

use common::{
    db::Tx,
    error::Result,
    handler,
    id::Id as _,
    service::Call,
    timer::{Handler, Timer},
};

use crate::{
    Context,
    domain::{ComplaintId, CorrectiveActionId, RegulatorCaseId},
    store::{self, complaint::DEADLINE, corrective::CHECK, regulator::CLOCK},
};

/// What this service's timers do.
pub(crate) fn timers(context: &Context) -> Vec<(&'static str, Handler)> {
    vec![(DEADLINE, handler!(context, deadline)), (CHECK, handler!(context, check)), (CLOCK, handler!(context, clock))]
}

/// Climbs one step; saving sets the timer of the next one.
async fn deadline(ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let complaint = store::complaint::load(tx, &ComplaintId::parse(&timer.subject)?).await?;
    match complaint.clone().escalate(&ctx.policy, call.now) {
        Some(changed) => store::complaint::save(tx, call, &ctx.policy, changed).await.map(|_| ()),
        // The timer rang before the step, for example after a changed configuration: ring again in time.
        None => store::wake(tx, DEADLINE, complaint.id.as_str(), complaint.wake_at(&ctx.policy)).await,
    }
}

/// Calls for the check of the effect.
async fn check(_ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let action = store::corrective::load(tx, &CorrectiveActionId::parse(&timer.subject)?).await?;
    match action.call_check(call.now) {
        Some(changed) => store::corrective::save(tx, call, changed).await.map(|_| ()),
        None => Ok(()),
    }
}

/// Tells of a clock that ran out.
async fn clock(_ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let case = store::regulator::load(tx, &RegulatorCaseId::parse(&timer.subject)?).await?;
    match case.overrun(call.now) {
        Some(changed) => store::regulator::save(tx, call, changed).await.map(|_| ()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use common::{convert::timestamp, record::Role, testing::Backend};
    use proto::aftercare::{
        common::v1::ListTimelineRequest,
        complaint::v1::{Complaint, ListComplaintsRequest, MakePromiseRequest},
    };
    use rstest::rstest;

    use crate::rpc::testing::*;

    /// What was escalated: why, and minutes after the start.
    async fn ladder(desk: &Desk, complaint: &Complaint) -> Vec<(String, i64)> {
        let request = ListTimelineRequest { record_id: complaint.complaint_id.clone(), ..Default::default() };
        let history = run!(desk, desk.call(Role::Agent), list_timeline, request).unwrap();
        let steps = history.entries.into_iter().filter(|entry| entry.action == "escalate");
        let start = common::testing::start().timestamp();
        steps.map(|entry| (entry.reason, (entry.at.unwrap().seconds - start) / 60)).collect()
    }

    fn reasons(steps: &[(&str, i64)]) -> Vec<(String, i64)> {
        steps.iter().map(|(reason, at)| ((*reason).to_owned(), *at)).collect()
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn the_ladder_is_climbed_step_by_step_and_each_step_once(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let complaint = desk.received().await;
        desk.bench.advance(Duration::minutes(119)).await.unwrap();
        assert_eq!(ladder(&desk, &complaint).await, []);
        desk.bench.advance(Duration::hours(24)).await.unwrap();
        let late = "acknowledge_overdue";
        assert_eq!(ladder(&desk, &complaint).await, reasons(&[(late, 120), (late, 360), (late, 600)]));
        let late_one = desk.get(&complaint).await;
        assert_eq!(late_one.escalation_step, 3);
        let overdue = ListComplaintsRequest { overdue: true, ..Default::default() };
        let listed = run!(desk, desk.call(Role::Agent), list_complaints, overdue.clone()).unwrap();
        assert_eq!(listed.complaints, [late_one]);
        // Once acknowledged, the next deadline is the solution, five days after receipt.
        desk.acknowledge(&complaint).await;
        let listed = run!(desk, desk.call(Role::Agent), list_complaints, overdue).unwrap();
        assert_eq!(listed.complaints, []);
        desk.bench.advance(Duration::days(4)).await.unwrap();
        let steps = ladder(&desk, &complaint).await;
        assert_eq!(steps[3..], reasons(&[("resolution_overdue", 5 * 24 * 60)]));
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn what_is_done_in_time_escalates_nothing(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let complaint = desk.followed().await;
        let done =
            desk.follow_up(&complaint, proto::aftercare::complaint::v1::FollowUpResult::Satisfied).await.unwrap();
        desk.bench.advance(Duration::days(60)).await.unwrap();
        assert_eq!(ladder(&desk, &complaint).await, []);
        unchanged(&desk, &done).await;
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn promises_and_actions_have_their_own_ladders(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let complaint = desk.implementing().await;
        let request = MakePromiseRequest {
            complaint_id: complaint.complaint_id.clone(),
            text: "a call back".to_owned(),
            due_at: Some(timestamp(desk.bench.core.clock.now() + Duration::hours(1))),
            ..Default::default()
        };
        run!(desk, desk.call(Role::Agent), make_promise, request).unwrap();
        desk.bench.advance(Duration::hours(2)).await.unwrap();
        assert_eq!(ladder(&desk, &complaint).await, reasons(&[("promise_overdue", 60)]));
        desk.bench.advance(Duration::days(8)).await.unwrap();
        let all = ladder(&desk, &complaint).await;
        for (reason, steps) in [("promise_overdue", 3), ("resolution_overdue", 3), ("action_overdue", 6)] {
            assert_eq!(all.iter().filter(|(why, _)| why == reason).count(), steps, "{reason}: {all:?}");
        }
    }
}
