//! Proposes one or more solutions with their cost: PROPOSING > PENDING_APPROVAL.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{Complaint, ProposeSolutionsRequest, ProposedSolution};

use crate::{
    Context, convert,
    domain::{
        ComplaintId,
        implementation::{PlannedRemedy, Solution},
    },
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ProposeSolutionsRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let currency = &ctx.policy.currency;
    let solutions = (1..).zip(&request.solutions).map(|(no, proposed)| solution(call, no, proposed, currency));
    let solutions = solutions.collect::<Result<_>>()?;
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed = complaint.propose(solutions, call.now)?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    work.commit(convert::complaint(&complaint)).await
}

fn solution(call: &Call, no: i32, proposed: &ProposedSolution, currency: &str) -> Result<Solution> {
    let remedies = proposed.remedies.iter().map(|planned| {
        Ok(PlannedRemedy {
            remedy: convert::remedy(planned.remedy)?,
            description: planned.description.clone(),
            cost: convert::house_money(planned.cost.as_ref(), currency, "solutions.remedies.cost")?,
        })
    });
    Ok(Solution {
        no,
        description: proposed.description.clone(),
        remedies: remedies.collect::<Result<_>>()?,
        currency: currency.to_owned(),
        by: call.actor.clone(),
        at: call.now,
    })
}
