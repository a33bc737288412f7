//! The technician refuses the offer: counted, and told to the dispatcher.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{RefuseWorkOrderRequest, WorkOrder};

use crate::{
    Context, convert,
    domain::{WorkOrderId, work_order::Cause},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RefuseWorkOrderRequest) -> Result<WorkOrder> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let order = store::work_order::load(&*work, &id).await?;
    call.check_etag(&request.etag, &order)?;
    let changed = order.refuse(request.reason, call.now)?;
    let order = store::work_order::save(&work, call, changed).await?;
    let escalated = order.escalate(Cause::Refused, &ctx.policy, call.now);
    let order = store::work_order::save(&work, call, escalated).await?;
    work.commit(convert::work_order::message(&order)).await
}
