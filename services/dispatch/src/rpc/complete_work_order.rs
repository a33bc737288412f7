//! Work is done and signed.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{CompleteWorkOrderRequest, WorkOrder};

use crate::{
    Context, convert,
    domain::{WorkOrderId, site::Additions, work_order::Mark},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CompleteWorkOrderRequest) -> Result<WorkOrder> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let order = store::work_order::load(&*work, &id).await?;
    call.check_etag(&request.etag, &order)?;
    let mark = Mark { at: call.now, position: request.position.map(Into::into), actor_id: call.actor.id.clone() };
    let more = Additions {
        checklist: convert::site::checklist(request.checklist),
        parts: convert::site::parts(request.parts)?,
        functional_test: request.functional_test.map(convert::site::test),
        signature: request.signature.map(convert::site::signature),
        fee_collected: request.fee_collected.map(Into::into),
        photos: convert::attachments(request.photos),
        remarks: request.remarks,
        ..Additions::default()
    };
    let changed = order.complete(more, mark)?;
    let order = store::work_order::save(&work, call, changed).await?;
    store::duration::learn(&work, &order, call.now).await?;
    work.commit(convert::work_order::message(&order)).await
}
