//! Judges a complaint: ACKNOWLEDGED > INVESTIGATING (founded, partly) or REPLIED (unfounded, with the reply given).

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{Complaint, JudgeComplaintRequest};

use crate::{
    Context, convert,
    domain::{ComplaintId, judgement::Judgement},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: JudgeComplaintRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let judgement = Judgement {
        verdict: convert::verdict(request.verdict)?,
        reply: request.reply.clone(),
        grounds: request.grounds.clone(),
        evidence: convert::evidence(request.evidence.clone()),
        by: call.actor.clone(),
        at: call.now,
    };
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed = complaint.judge(judgement, &ctx.policy, call.now)?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    work.commit(convert::complaint(&complaint)).await
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use common::{convert::timestamp, record::Role, testing::Backend};
    use proto::aftercare::complaint::v1::{ComplaintState, JudgeComplaintRequest, Severity, Verdict};
    use rstest::rstest;

    use crate::rpc::testing::*;

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn who_caused_it_and_whose_unit_it_is_about_do_not_judge(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let mut request = receive_request();
        request.severity = Severity::Major.into();
        let complaint = run!(desk, desk.call(Role::Agent), receive_complaint, request).unwrap();
        let judge = JudgeComplaintRequest {
            complaint_id: complaint.complaint_id.clone(),
            verdict: Verdict::Partly.into(),
            grounds: "photos".to_owned(),
            ..Default::default()
        };
        let early = run!(desk, desk.call(Role::Quality), judge_complaint, judge.clone());
        assert_eq!(refusal(early), "ILLEGAL_TRANSITION");
        let complaint = desk.acknowledge(&complaint).await;
        let culprit = desk.bench.call_by("te_1", Role::Supervisor, "ou_head");
        assert_eq!(refusal(run!(desk, culprit, judge_complaint, judge.clone())), "CAUSED_BY_ACTOR");
        let own_unit = desk.bench.call_by("boss", Role::Supervisor, "ou_2");
        assert_eq!(refusal(run!(desk, own_unit, judge_complaint, judge.clone())), "JUDGED_BY_OWN_UNIT");
        unchanged(&desk, &complaint).await;
        // Above head office there is nobody.
        let head = desk.bench.call_by("head", Role::Admin, "ou_2");
        let id = common::id::Id::parse(&complaint.complaint_id).unwrap();
        let kept = crate::store::complaint::load(&desk.bench.core.db.everything(), &id).await.unwrap();
        let verdict = crate::domain::testing::judgement(crate::domain::values::Verdict::Founded);
        let verdict = crate::domain::judgement::Judgement { by: head.actor.clone(), ..verdict };
        assert!(kept.judge(verdict, &desk.ctx.policy, head.now).is_ok());
        let judged = run!(desk, desk.call(Role::Quality), judge_complaint, judge).unwrap();
        assert_eq!(judged.state(), ComplaintState::Investigating);
        assert_eq!(judged.judgement.unwrap().judged_by.unwrap().id, "quality-1");
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn unfounded_needs_a_reply_and_a_presumed_defect_needs_proof(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let mut request = receive_request();
        request.accepted_at = Some(timestamp(desk.bench.core.clock.now() - Duration::days(100)));
        let complaint = run!(desk, desk.call(Role::Agent), receive_complaint, request).unwrap();
        let complaint = desk.acknowledge(&complaint).await;
        let mut judge = JudgeComplaintRequest {
            complaint_id: complaint.complaint_id.clone(),
            verdict: Verdict::Unfounded.into(),
            grounds: "the pipe is the customer's".to_owned(),
            ..Default::default()
        };
        assert_eq!(refusal(run!(desk, desk.call(Role::Quality), judge_complaint, judge.clone())), "REPLY_MISSING");
        judge.reply = "your pipe leaks, not ours".to_owned();
        assert_eq!(refusal(run!(desk, desk.call(Role::Quality), judge_complaint, judge.clone())), "PROOF_MISSING");
        unchanged(&desk, &complaint).await;
        judge.evidence = photo();
        let replied = run!(desk, desk.call(Role::Quality), judge_complaint, judge).unwrap();
        assert_eq!(replied.state(), ComplaintState::Replied);
        assert!(replied.next_due_at.is_some());
    }
}
