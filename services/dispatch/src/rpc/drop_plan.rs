//! Drops a plan.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{DropPlanRequest, Plan};

use crate::{Context, convert, domain::PlanId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: DropPlanRequest) -> Result<Plan> {
    let id = PlanId::parse(&request.plan_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let plan = store::plan::load(&*work, &id).await?;
    call.check_etag(&request.etag, &plan)?;
    let plan = store::plan::save(&work, call, plan.abandon(request.reason, call.now)?).await?;
    work.commit(convert::plan::message(&plan, None)).await
}
