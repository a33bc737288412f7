//! The technician sets out. A late arrival is told before it happens.

use common::{convert::optional_instant, error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{DepartWorkOrderRequest, WorkOrder};

use crate::{
    Context, convert,
    domain::{WorkOrderId, work_order::Mark},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: DepartWorkOrderRequest) -> Result<WorkOrder> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let order = store::work_order::load(&*work, &id).await?;
    call.check_etag(&request.etag, &order)?;
    let mark = Mark { at: call.now, position: request.position.map(Into::into), actor_id: call.actor.id.clone() };
    let expected = optional_instant(request.expected_arrival_at.as_ref(), "expected_arrival_at")?;
    let changed = order.depart(expected, mark)?;
    let order = store::work_order::save(&work, call, changed).await?;
    let order = match order.clone().miss_window(&ctx.policy, call.now) {
        Some(escalated) => store::work_order::save(&work, call, escalated).await?,
        None => order,
    };
    work.commit(convert::work_order::message(&order)).await
}
