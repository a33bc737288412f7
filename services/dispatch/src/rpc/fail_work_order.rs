//! The visit does not solve it.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{FailWorkOrderRequest, WorkOrder};

use crate::{
    Context, convert,
    domain::{WorkOrderId, site::Additions, work_order::Mark},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: FailWorkOrderRequest) -> Result<WorkOrder> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let order = store::work_order::load(&*work, &id).await?;
    call.check_etag(&request.etag, &order)?;
    let mark = Mark { at: call.now, position: request.position.map(Into::into), actor_id: call.actor.id.clone() };
    let why = convert::work_order::fail_reason(request.reason)?;
    let more =
        Additions { photos: convert::attachments(request.photos), remarks: request.note, ..Additions::default() };
    let changed = order.fail(why, convert::parts(&request.parts_wanted), more, mark)?;
    let order = store::work_order::save(&work, call, changed).await?;
    work.commit(convert::work_order::message(&order)).await
}
