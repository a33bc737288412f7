//! Records cause, responsibility and evidence: INVESTIGATING > PROPOSING.

use common::{db::Tx, error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{Complaint as ComplaintMessage, InvestigateComplaintRequest};

use crate::{
    Context, convert,
    domain::{
        ComplaintId,
        complaint::Complaint,
        corrective::{Origin, Problem},
        judgement::{Investigation, Share},
    },
    store,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: InvestigateComplaintRequest,
) -> Result<ComplaintMessage> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let found = investigation(ctx, call, &request)?;
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed = complaint.investigate(found, call.now)?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    fight_cause(ctx, call, &work, &complaint).await?;
    work.commit(convert::complaint(&complaint)).await
}

fn investigation(ctx: &Context, call: &Call, request: &InvestigateComplaintRequest) -> Result<Investigation> {
    let currency = &ctx.policy.currency;
    let shares = request.shares.iter().map(|share| {
        Ok(Share {
            org_unit_id: share.org_unit_id.clone(),
            person_id: Some(share.person_id.clone()).filter(|id| !id.is_empty()),
            percent: share.percent,
            penalty: convert::house_money(share.penalty.as_ref(), currency, "shares.penalty")?,
        })
    });
    Ok(Investigation {
        cause_code: request.cause_code.clone(),
        cause: request.cause.clone(),
        shares: shares.collect::<Result<_>>()?,
        currency: currency.clone(),
        evidence: convert::evidence(request.evidence.clone()),
        product_problem: request.product_problem,
        by: call.actor.clone(),
        at: call.now,
    })
}

/// A product problem, or the same cause too often, opens a corrective action; an unfinished one of the cause takes the
/// complaint in.
async fn fight_cause(ctx: &Context, call: &Call, tx: &Tx, complaint: &Complaint) -> Result<()> {
    let cause = complaint.cause_code().to_owned();
    if let Some(open) = store::corrective::unfinished(tx, std::slice::from_ref(&cause)).await?.into_iter().next() {
        if let Some(changed) = open.join(complaint.id.as_str(), call.now)? {
            store::corrective::save(tx, call, changed).await?;
        }
        return Ok(());
    }
    let same = store::complaint::of_cause(tx, &cause, call.now - ctx.policy.repeated_within).await?;
    let product_problem = complaint.investigations.last().is_some_and(|found| found.product_problem);
    let (origin, complaint_ids) = if same.len() as u64 >= ctx.policy.repeated_cause {
        (Origin::RepeatedCause, same)
    } else if product_problem {
        (Origin::ProductProblem, vec![complaint.id.to_string()])
    } else {
        return Ok(());
    };
    let problem = Problem {
        text: complaint.investigations.last().map_or_else(String::new, |found| found.cause.clone()),
        cause_code: cause,
        origin,
        complaint_ids,
        org_unit_id: complaint.org_unit_id.clone(),
        owner_id: String::new(),
    };
    let number = ctx.core.numbers.within(tx, "CA", call.now).await?;
    store::corrective::open(tx, call, problem, number).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use common::{record::Role, testing::Backend};
    use proto::aftercare::complaint::v1::{
        Complaint, CorrectiveAction, CorrectiveActionState, FollowUpResult, InvestigateComplaintRequest,
        ListCorrectiveActionsRequest, Verdict,
    };
    use rstest::rstest;

    use crate::rpc::testing::*;

    async fn investigating(desk: &Desk, customer: &str) -> Complaint {
        let mut request = receive_request();
        request.customer_id = customer.to_owned();
        let complaint = run!(desk, desk.call(Role::Agent), receive_complaint, request).unwrap();
        let complaint = desk.acknowledge(&complaint).await;
        desk.judge(&complaint, Verdict::Founded).await.unwrap()
    }

    async fn of_cause(desk: &Desk, cause: &str) -> Vec<CorrectiveAction> {
        let request = ListCorrectiveActionsRequest { cause_code: cause.to_owned(), ..Default::default() };
        run!(desk, desk.call(Role::Quality), list_corrective_actions, request).unwrap().corrective_actions
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn the_third_of_one_cause_in_a_month_opens_a_corrective_action(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let cause = "install.loose_fitting";
        let mut ids = Vec::new();
        for customer in ["cu_0", "cu_1", "cu_2"] {
            let complaint = investigating(&desk, customer).await;
            desk.investigate(&complaint, cause).await.unwrap();
            ids.push(complaint.complaint_id);
            // The first one is too old to count when the third comes: 32 days.
            desk.bench.advance(Duration::days(16)).await.unwrap();
        }
        assert_eq!(of_cause(&desk, cause).await, []);
        let complaint = investigating(&desk, "cu_3").await;
        // Of the first three only the last is within the month: these are two.
        desk.investigate(&complaint, cause).await.unwrap();
        desk.bench.core.clock.advance(Duration::minutes(1));
        assert_eq!(of_cause(&desk, cause).await, []);
        ids.push(complaint.complaint_id);
        let complaint = investigating(&desk, "cu_4").await;
        desk.investigate(&complaint, cause).await.unwrap();
        ids.push(complaint.complaint_id);
        let opened = of_cause(&desk, cause).await;
        assert_eq!(opened.len(), 1);
        assert_eq!((&*opened[0].origin, &opened[0].complaint_ids), ("repeated_cause", &ids[2..].to_vec()));
        // The next one joins it.
        let complaint = investigating(&desk, "cu_5").await;
        desk.investigate(&complaint, cause).await.unwrap();
        ids.push(complaint.complaint_id);
        let joined = of_cause(&desk, cause).await;
        assert_eq!((joined.len(), &joined[0].complaint_ids), (1, &ids[2..].to_vec()));
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn an_unfinished_corrective_action_keeps_the_complaint_out_of_the_archive(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let complaint = investigating(&desk, "cu_1").await;
        let request = InvestigateComplaintRequest {
            complaint_id: complaint.complaint_id.clone(),
            cause_code: "product.seal".to_owned(),
            cause: "the seal is too thin".to_owned(),
            shares: vec![share("ou_factory", "", 100)],
            evidence: photo(),
            product_problem: true,
            ..Default::default()
        };
        let mut uneven = request.clone();
        uneven.shares.push(share("ou_2", "", 1));
        let refused = run!(desk, desk.call(Role::Quality), investigate_complaint, uneven);
        assert_eq!(refusal(refused), "SHARES_NOT_WHOLE");
        unchanged(&desk, &complaint).await;
        let complaint = run!(desk, desk.call(Role::Quality), investigate_complaint, request).unwrap();
        let opened = of_cause(&desk, "product.seal").await;
        assert_eq!((opened.len(), &*opened[0].origin), (1, "product_problem"));

        let complaint = desk.propose(&complaint, 0).await;
        let complaint = desk.approve(&complaint, Role::Manager).await.unwrap();
        let complaint = desk.agree(&complaint).await;
        desk.complete(&complaint, 1).await.unwrap();
        desk.complete(&complaint, 2).await.unwrap();
        let closed = desk.follow_up(&complaint, FollowUpResult::Satisfied).await.unwrap();
        let refused = desk.archive(&closed).await.unwrap_err();
        assert_eq!(refused.reason.name, "ARCHIVE_INCOMPLETE");
        assert_eq!(refused.facts["missing"], format!("corrective action {}", opened[0].number));
        let finished = crate::rpc::check_corrective_action::tests::finish(&desk, &opened[0]).await;
        assert_eq!(finished.state(), CorrectiveActionState::Closed);
        desk.archive(&closed).await.unwrap();
    }
}
