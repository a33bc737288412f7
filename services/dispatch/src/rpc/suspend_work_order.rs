//! Work waits.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{SuspendWorkOrderRequest, WorkOrder};

use crate::{
    Context, convert,
    domain::{WorkOrderId, work_order::Mark},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: SuspendWorkOrderRequest) -> Result<WorkOrder> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let order = store::work_order::load(&*work, &id).await?;
    call.check_etag(&request.etag, &order)?;
    let mark = Mark { at: call.now, position: request.position.map(Into::into), actor_id: call.actor.id.clone() };
    let cause = convert::work_order::suspend_cause(request.cause)?;
    let receipt = request.receipt.map(|receipt| convert::site::receipt(receipt, call.now));
    let changed = order.suspend(cause, request.note, receipt, mark)?;
    let order = store::work_order::save(&work, call, changed).await?;
    work.commit(convert::work_order::message(&order)).await
}
