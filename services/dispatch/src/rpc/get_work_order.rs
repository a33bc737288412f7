//! Gives one work order.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{GetWorkOrderRequest, WorkOrder};

use crate::{Context, convert, domain::WorkOrderId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetWorkOrderRequest) -> Result<WorkOrder> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let order = store::work_order::load(&ctx.core.read(call), &id).await?;
    Ok(convert::work_order::message(&order))
}
