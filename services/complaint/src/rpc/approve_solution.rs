//! Chooses and approves one solution within the limit of the role: PENDING_APPROVAL > IMPLEMENTING.

use common::{convert::optional_instant, error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{ApproveSolutionRequest, Complaint};

use crate::{
    Context, convert,
    domain::{ComplaintId, approval::Approval, implementation::Implementation},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ApproveSolutionRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let approval = Approval {
        solution_no: request.solution_no,
        due_at: optional_instant(request.due_at.as_ref(), "due_at")?,
        reason: request.reason.clone(),
        by: call.actor.clone(),
    };
    let policy = &ctx.policy;
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed = complaint.approve(approval, policy, call.now)?;
    let granted = changed.record.running().map_or(0, |running: &Implementation| running.solution.compensation());
    let unit = changed.record.org_unit_id.as_str();
    store::budget::spend(&work, unit, granted, policy.compensation_budget, call.now).await?;
    let complaint = store::complaint::save(&work, call, policy, changed).await?;
    work.commit(convert::complaint(&complaint)).await
}

#[cfg(test)]
mod tests {
    use common::{record::Role, testing::Backend};
    use proto::aftercare::complaint::v1::{
        ApproveSolutionRequest, ComplaintState, ProposeSolutionsRequest, Remedy, RemedyActionState,
        SendBackSolutionsRequest, Verdict,
    };
    use rstest::rstest;

    use crate::rpc::testing::*;

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn limits_go_by_role_and_every_action_is_due(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let complaint = desk.pending_approval(50_000).await;
        for (role, reason) in
            [(Role::Agent, "NOT_ALLOWED"), (Role::Technician, "NOT_ALLOWED"), (Role::Supervisor, "COMPENSATION_LIMIT")]
        {
            assert_eq!(refusal(desk.approve(&complaint, role).await), reason);
        }
        // The technician with a share of the fault does not decide, whatever the role.
        let request = ApproveSolutionRequest {
            complaint_id: complaint.complaint_id.clone(),
            solution_no: 1,
            ..Default::default()
        };
        let culprit = desk.bench.call_by("te_1", Role::Admin, "ou_head");
        assert_eq!(refusal(run!(desk, culprit, approve_solution, request)), "CAUSED_BY_ACTOR");
        unchanged(&desk, &complaint).await;
        let approved = desk.approve(&complaint, Role::Quality).await.unwrap();
        assert_eq!(approved.state(), ComplaintState::Implementing);
        let work = approved.implementation.unwrap();
        let actions: Vec<_> = work.actions.iter().map(|action| (action.remedy(), action.state())).collect();
        let open = RemedyActionState::Open;
        assert_eq!(actions, [(Remedy::Rework, open), (Remedy::Compensation, open)]);
        assert!(work.actions.iter().all(|action| action.due_at.is_some()));
        assert_eq!(work.solution.unwrap().cost, money(50_000));
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn sent_back_solutions_are_proposed_anew(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let complaint = desk.pending_approval(9_000_000).await;
        assert_eq!(refusal(desk.approve(&complaint, Role::Manager).await), "APPROVAL_LIMIT");
        let back = SendBackSolutionsRequest {
            complaint_id: complaint.complaint_id.clone(),
            reason: "far too dear".to_owned(),
            ..Default::default()
        };
        let complaint = run!(desk, desk.call(Role::Manager), send_back_solutions, back.clone()).unwrap();
        assert_eq!((complaint.state(), &*complaint.sent_back_reason), (ComplaintState::Proposing, "far too dear"));
        assert_eq!(complaint.solutions.len(), 1);
        assert_eq!(refusal(run!(desk, desk.call(Role::Manager), send_back_solutions, back)), "ILLEGAL_TRANSITION");

        let mut twice = ProposeSolutionsRequest {
            complaint_id: complaint.complaint_id.clone(),
            solutions: rework_and(100),
            ..Default::default()
        };
        twice.solutions[0].remedies[1].remedy = Remedy::Rework.into();
        assert_eq!(refusal(run!(desk, desk.call(Role::Agent), propose_solutions, twice)), "INVALID_FIELDS");
        let mut dollars = ProposeSolutionsRequest {
            complaint_id: complaint.complaint_id.clone(),
            solutions: rework_and(100),
            ..Default::default()
        };
        dollars.solutions[0].remedies[1].cost.as_mut().unwrap().currency_code = "USD".to_owned();
        assert_eq!(refusal(run!(desk, desk.call(Role::Agent), propose_solutions, dollars)), "INVALID_FIELDS");
        unchanged(&desk, &complaint).await;

        let complaint = desk.propose(&complaint, 100).await;
        let wrong = ApproveSolutionRequest {
            complaint_id: complaint.complaint_id.clone(),
            solution_no: 2,
            ..Default::default()
        };
        assert_eq!(refusal(run!(desk, desk.call(Role::Manager), approve_solution, wrong)), "SOLUTION_UNKNOWN");
        let stale = ApproveSolutionRequest {
            complaint_id: complaint.complaint_id.clone(),
            etag: "1".to_owned(),
            solution_no: 1,
            ..Default::default()
        };
        assert_eq!(refusal(run!(desk, desk.call(Role::Manager), approve_solution, stale)), "STALE_ETAG");
        desk.approve(&complaint, Role::Manager).await.unwrap();
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn the_months_compensation_is_never_exceeded(#[case] backend: Backend) {
        let desk = desk(backend).await;
        // The budget is 5,000,000; twenty ask for 300,000 each.
        let mut pending = Vec::new();
        for customer in 0..20 {
            let mut request = receive_request();
            request.customer_id = format!("cu_{customer}");
            let complaint = run!(desk, desk.call(Role::Agent), receive_complaint, request).unwrap();
            let complaint = desk.acknowledge(&complaint).await;
            let complaint = desk.judge(&complaint, Verdict::Founded).await.unwrap();
            let cause = format!("cause.number{customer}");
            let complaint = desk.investigate(&complaint, &cause).await.unwrap();
            pending.push(desk.propose(&complaint, 300_000).await);
        }
        let approvals = pending.into_iter().map(|complaint| {
            let caller = desk.caller(Role::Manager);
            let request =
                ApproveSolutionRequest { complaint_id: complaint.complaint_id, solution_no: 1, ..Default::default() };
            tokio::spawn(async move { run!(caller, caller.call.clone(), approve_solution, request).map(|_| ()) })
        });
        let (mut granted, mut refused) = (0, 0);
        for approval in approvals.collect::<Vec<_>>() {
            match approval.await.unwrap() {
                Ok(()) => granted += 1,
                Err(error) => {
                    assert_eq!(error.reason.name, "COMPENSATION_BUDGET");
                    assert_eq!(error.facts["left"], "200000");
                    refused += 1;
                }
            }
        }
        assert_eq!((granted, refused), (16, 4));
    }
}
