//! Offers a work order to a technician.

use common::{convert::optional_instant, error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{AssignWorkOrderRequest, WorkOrder};

use crate::{
    Context, convert,
    domain::WorkOrderId,
    store::{self, assess::Wish},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: AssignWorkOrderRequest) -> Result<WorkOrder> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let order = store::work_order::load(&*work, &id).await?;
    call.check_etag(&request.etag, &order)?;
    // The state first: who may take a cancelled job is no question.
    order.permit("assign")?;
    let window = match convert::window(request.window.as_ref(), "window")? {
        Some(window) => window,
        None => order.default_window(call.now)?,
    };
    order.keep_promise(&window)?;
    let planned_start = optional_instant(request.planned_start.as_ref(), "planned_start")?;
    let wish = Wish {
        technician_id: &request.technician_id,
        crew: &request.crew_technician_ids,
        window,
        planned: order.planned(&window, planned_start)?,
        windows: &order.request.windows,
        without_hold: "",
        overrides: convert::rules(&request.override_rules),
        override_reason: request.override_reason,
    };
    let offer = store::assess::offer(ctx, call, &work, &order, wish).await?;
    let changed = order.assign(offer, &ctx.policy, call.now)?;
    let order = store::work_order::save(&work, call, changed).await?;
    work.commit(convert::work_order::message(&order)).await
}
