//! Tells how far a plan is, until it is no longer computed. Whichever replica computes it: the database knows.

use std::time::Duration;

use common::{error::Result, id::Id as _, rpc::Answers, service::Call};
use futures::{StreamExt as _, stream};
use proto::aftercare::dispatch::v1::{Plan, WatchPlanRequest};

use crate::{
    Context, convert,
    domain::{PlanId, plan::State},
    store,
};

/// How often the database is asked.
const LOOK: Duration = Duration::from_millis(300);

pub(crate) async fn handle(ctx: &Context, call: &Call, request: WatchPlanRequest) -> Result<Answers<Plan>> {
    let id = PlanId::parse(&request.plan_id)?;
    // A plan that nobody knows is refused before the stream begins.
    store::plan::load(&ctx.core.read(call), &id).await?;
    let ctx = ctx.clone();
    let source = stream::unfold(Some((ctx, id, None::<Plan>)), |state| async move {
        let (ctx, id, mut told) = state?;
        loop {
            match look(&ctx, &id).await {
                Ok((plan, _)) if told.as_ref() == Some(&plan) => tokio::time::sleep(LOOK).await,
                Ok((plan, true)) => return Some((Ok(plan), None)),
                Ok((plan, false)) => {
                    told = Some(plan.clone());
                    return Some((Ok(plan), Some((ctx, id, told))));
                }
                Err(error) => return Some((Err(error), None)),
            }
        }
    });
    Ok(source.boxed())
}

/// The plan, and whether nothing more will come.
async fn look(ctx: &Context, id: &PlanId) -> Result<(Plan, bool)> {
    // The caller was seen to see it.
    let db = &ctx.core.db.everything();
    let plan = store::plan::load(db, id).await?;
    let progress = store::plan::progress(db, id.as_str()).await?;
    let over = match plan.state {
        State::Running => false,
        State::Stopped => plan.outcome.is_some(),
        State::Ready | State::Applied | State::Dropped | State::Failed => true,
    };
    Ok((convert::plan::message(&plan, progress.as_ref()), over))
}
