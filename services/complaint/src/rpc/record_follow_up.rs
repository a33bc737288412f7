//! Records a follow-up: FOLLOW_UP, REPLIED > CLOSED (satisfied, or the third time unreachable) or INVESTIGATING one
//! level higher (not satisfied).

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{Complaint, RecordFollowUpRequest};

use crate::{Context, convert, domain::ComplaintId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RecordFollowUpRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let result = convert::result(request.result)?;
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed = complaint.follow_up(result, request.note, &call.actor, &ctx.policy, call.now)?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    work.commit(convert::complaint(&complaint)).await
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use common::{record::Role, testing::Backend};
    use proto::aftercare::complaint::v1::{ComplaintFact, ComplaintState, FollowUpResult, Verdict};
    use rstest::rstest;

    use crate::rpc::testing::*;

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn three_tries_at_different_times_close_it_as_unreachable(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let mut complaint = desk.followed().await;
        for tried in 1..=3 {
            complaint = desk.follow_up(&complaint, FollowUpResult::Unreachable).await.unwrap();
            assert_eq!(complaint.follow_up_tries.len(), tried);
            if tried < 3 {
                assert_eq!(complaint.state(), ComplaintState::FollowUp);
                assert_eq!(refusal(desk.follow_up(&complaint, FollowUpResult::Unreachable).await), "TRY_TOO_SOON");
                unchanged(&desk, &complaint).await;
                desk.bench.core.clock.advance(Duration::hours(4));
            }
        }
        assert_eq!((complaint.state(), complaint.outcome()), (ComplaintState::Closed, FollowUpResult::Unreachable));
        let facts = desk.facts(&complaint).await;
        let last: Vec<_> = facts.into_iter().rev().take(3).collect();
        assert_eq!(last, [ComplaintFact::Closed, ComplaintFact::FollowedUp, ComplaintFact::FollowedUp]);
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn an_unhappy_customer_takes_it_one_level_higher(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let complaint = desk.acknowledged().await;
        let mut complaint = desk.judge(&complaint, Verdict::Unfounded).await.unwrap();
        assert_eq!(complaint.state(), ComplaintState::Replied);
        for level in 1..=2 {
            complaint = desk.follow_up(&complaint, FollowUpResult::NotSatisfied).await.unwrap();
            assert_eq!(complaint.state(), ComplaintState::Investigating);
            assert_eq!((complaint.level, complaint.reopen_count), (level, level));
            complaint = desk.investigate(&complaint, "install.loose_fitting").await.unwrap();
            complaint = desk.propose(&complaint, 0).await;
            if level == 2 {
                // On the second level a supervisor no longer decides.
                assert_eq!(refusal(desk.approve(&complaint, Role::Supervisor).await), "LEVEL_TOO_LOW");
            }
            complaint = desk.approve(&complaint, Role::Manager).await.unwrap();
            complaint = desk.agree(&complaint).await;
            complaint = desk.complete(&complaint, 1).await.unwrap();
            complaint = desk.complete(&complaint, 2).await.unwrap();
        }
        let closed = desk.follow_up(&complaint, FollowUpResult::Satisfied).await.unwrap();
        assert_eq!(closed.state(), ComplaintState::Closed);
        assert!(desk.facts(&closed).await.contains(&ComplaintFact::Reopened));
    }
}
