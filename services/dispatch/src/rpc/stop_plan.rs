//! Stops a plan; the best found so far stays.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{Plan, StopPlanRequest};

use crate::{Context, convert, domain::PlanId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: StopPlanRequest) -> Result<Plan> {
    let id = PlanId::parse(&request.plan_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let plan = store::plan::load(&*work, &id).await?;
    call.check_etag(&request.etag, &plan)?;
    let plan = store::plan::save(&work, call, plan.stop(call.now)?).await?;
    work.commit(convert::plan::message(&plan, None)).await
}
