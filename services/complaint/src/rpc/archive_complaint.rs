//! Files a complaint after its review: CLOSED > ARCHIVED. Refused while a corrective action of its cause is
//! unfinished.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{ArchiveComplaintRequest, Complaint};

use crate::{
    Context, convert,
    domain::{ComplaintId, follow_up::Review},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ArchiveComplaintRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let review = Review {
        lesson: request.lesson.clone(),
        prevention: request.prevention.clone(),
        by: call.actor.clone(),
        at: call.now,
    };
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let unfinished = store::corrective::unfinished(&*work, &complaint.cause_codes()).await?;
    let mine = unfinished.into_iter().filter(|action| action.complaint_ids.iter().any(|of| of == id.as_str()));
    let numbers: Vec<_> = mine.map(|action| action.number).collect();
    let changed = complaint.archive(review, &numbers, call.now)?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    work.commit(convert::complaint(&complaint)).await
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use common::{convert::timestamp, record::Role, testing::Backend};
    use proto::aftercare::{
        common::v1::ListTimelineRequest,
        complaint::v1::{
            ComplaintFact::{self, *},
            ComplaintState, FollowUpResult, KeepPromiseRequest, MakePromiseRequest,
        },
    };
    use rstest::rstest;

    use crate::rpc::testing::*;

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn a_founded_complaint_goes_all_the_way(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let complaint = desk.followed().await;
        assert_eq!(complaint.state(), ComplaintState::FollowUp);
        let closed = desk.follow_up(&complaint, FollowUpResult::Satisfied).await.unwrap();
        assert_eq!((closed.state(), closed.outcome()), (ComplaintState::Closed, FollowUpResult::Satisfied));
        let archived = desk.archive(&closed).await.unwrap();
        assert_eq!(archived.state(), ComplaintState::Archived);
        assert_eq!(archived.review.as_ref().map(|review| review.lesson.as_str()), Some("tighten"));
        assert_eq!(archived.next_due_at, None);
        let facts: Vec<ComplaintFact> = desk.facts(&complaint).await;
        let told = [
            Received,
            Acknowledged,
            Judged,
            Investigated,
            Proposed,
            Approved,
            Agreed,
            ActionDone,
            Implemented,
            Closed,
            Archived,
        ];
        assert_eq!(facts, told);

        let request = ListTimelineRequest { customer_id: "cu_1".to_owned(), ..Default::default() };
        let history = run!(desk, desk.call(Role::Agent), list_timeline, request).unwrap();
        let steps: Vec<_> =
            history.entries.iter().map(|entry| (entry.from_state.as_str(), entry.to_state.as_str())).collect();
        assert_eq!(steps.first(), Some(&("", "received")));
        assert_eq!(steps.last(), Some(&("closed", "archived")));
        assert_eq!(steps.len(), 11);
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn an_unkept_promise_and_an_open_state_keep_it_out_of_the_archive(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let complaint = desk.followed().await;
        assert_eq!(refusal(desk.archive(&complaint).await), "ILLEGAL_TRANSITION");
        let due = desk.bench.core.clock.now() + Duration::days(1);
        let promise = MakePromiseRequest {
            complaint_id: complaint.complaint_id.clone(),
            text: "a call back".to_owned(),
            due_at: Some(timestamp(due)),
            ..Default::default()
        };
        let mut late = promise.clone();
        late.due_at = Some(timestamp(due - Duration::days(2)));
        assert_eq!(refusal(run!(desk, desk.call(Role::Agent), make_promise, late)), "INVALID_FIELDS");
        let mut endless = promise.clone();
        endless.due_at = None;
        assert_eq!(refusal(run!(desk, desk.call(Role::Agent), make_promise, endless)), "INVALID_FIELDS");
        run!(desk, desk.call(Role::Agent), make_promise, promise).unwrap();

        let closed = desk.follow_up(&complaint, FollowUpResult::Satisfied).await.unwrap();
        assert_eq!(closed.next_due_at, Some(timestamp(due)));
        let refused = desk.archive(&closed).await.unwrap_err();
        assert_eq!(refused.reason.name, "ARCHIVE_INCOMPLETE");
        assert_eq!(refused.facts["missing"], "promise 1");
        unchanged(&desk, &closed).await;

        let keep =
            KeepPromiseRequest { complaint_id: complaint.complaint_id.clone(), promise_no: 1, ..Default::default() };
        run!(desk, desk.call(Role::Agent), keep_promise, keep.clone()).unwrap();
        assert_eq!(refusal(run!(desk, desk.call(Role::Agent), keep_promise, keep)), "PROMISE_UNKNOWN");
        desk.archive(&closed).await.unwrap();
    }
}
