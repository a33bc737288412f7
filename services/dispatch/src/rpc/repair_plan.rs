//! Repairs the present plan after a disturbance and waits for the result.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{Plan, RepairPlanRequest};

use super::start_plan::{first_day, start};
use crate::{
    Context, convert,
    domain::{
        TechnicianId, WorkOrderId,
        plan::{Mode, Wish},
    },
    planning::run,
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RepairPlanRequest) -> Result<Plan> {
    let config = &ctx.config.plan;
    for id in &request.technician_ids {
        TechnicianId::parse(id)?;
    }
    for id in &request.work_order_ids {
        WorkOrderId::parse(id)?;
    }
    let wish = Wish {
        org_unit_id: request.org_unit_id.clone(),
        service_point_id: request.service_point_id.clone(),
        first_day: first_day(ctx, call, &request.first_day)?,
        days: if request.days == 0 { config.days } else { request.days },
        mode: Mode::Repair,
        seconds: if request.seconds == 0 { config.repair_seconds } else { request.seconds },
        seed: u64::try_from(request.seed.max(1)).unwrap_or(1),
        max_iterations: 0,
        weights: config.weights.clone(),
        technicians: request.technician_ids.clone(),
        work_orders: request.work_order_ids.clone(),
    };
    let plan = start(ctx, call, &request, wish).await?;
    let id = plan.id.clone();
    // In a task of its own: a caller who hangs up does not leave half a repair behind.
    let (context, running) = (ctx.clone(), plan);
    let task = tokio::spawn(async move { run::run(&context, running).await });
    task.await.map_err(common::error::Error::internal)??;
    let plan = store::plan::load(&ctx.core.read(call), &id).await?;
    Ok(convert::plan::message(&plan, None))
}
