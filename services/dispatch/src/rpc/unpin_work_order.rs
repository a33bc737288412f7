//! Lets plans move a visit again.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{UnpinWorkOrderRequest, WorkOrder};

use crate::{Context, convert, domain::WorkOrderId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UnpinWorkOrderRequest) -> Result<WorkOrder> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let order = store::work_order::load(&*work, &id).await?;
    call.check_etag(&request.etag, &order)?;
    let changed = order.unpin(call.now)?;
    let order = store::work_order::save(&work, call, changed).await?;
    work.commit(convert::work_order::message(&order)).await
}
