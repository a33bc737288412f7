//! The visit gets another window, and a new offer when a technician is named.

use common::{
    convert::optional_instant,
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::dispatch::v1::{RescheduleWorkOrderRequest, WorkOrder};

use crate::{
    Context, convert,
    domain::{WorkOrderId, work_order::NewWindow},
    store::{self, assess::Wish},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RescheduleWorkOrderRequest) -> Result<WorkOrder> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let window =
        convert::window(request.window.as_ref(), "window")?.ok_or_else(|| Error::invalid("window", "required"))?;
    let asked_by = convert::work_order::asker(request.asked_by)?;
    let planned_start = optional_instant(request.planned_start.as_ref(), "planned_start")?;
    let work = ctx.core.begin(call, &request).await?;
    let order = store::work_order::load(&*work, &id).await?;
    call.check_etag(&request.etag, &order)?;
    order.permit("reschedule")?;
    let new =
        NewWindow { asked_by, reason: request.reason, window, consent: convert::site::method(request.consent_method) };
    let crew: Vec<String> = order
        .state
        .assignment()
        .filter(|at| at.technician_id.as_str() == request.technician_id)
        .map(|at| at.crew.iter().map(ToString::to_string).collect())
        .unwrap_or_default();
    let offer = if request.technician_id.is_empty() {
        None
    } else {
        let wish = Wish {
            technician_id: &request.technician_id,
            // The same leading technician brings the same crew; another one is named by assigning it.
            crew: &crew,
            window,
            planned: order.planned(&window, planned_start)?,
            // The new window takes the place of those that the customer named before.
            windows: &[],
            without_hold: "",
            overrides: convert::rules(&request.override_rules),
            override_reason: request.override_reason,
        };
        Some(store::assess::offer(ctx, call, &work, &order, wish).await?)
    };
    let changed = order.reschedule(new, offer, &ctx.policy, call.now)?;
    let order = store::work_order::save(&work, call, changed).await?;
    work.commit(convert::work_order::message(&order)).await
}
