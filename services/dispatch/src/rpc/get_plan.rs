//! Gives one plan.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{GetPlanRequest, Plan};

use crate::{Context, convert, domain::PlanId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetPlanRequest) -> Result<Plan> {
    let id = PlanId::parse(&request.plan_id)?;
    let db = &ctx.core.read(call);
    let plan = store::plan::load(db, &id).await?;
    let progress = store::plan::progress(db, id.as_str()).await?;
    Ok(convert::plan::message(&plan, progress.as_ref()))
}
