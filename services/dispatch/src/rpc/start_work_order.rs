//! Work begins, after checklist and consent.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::dispatch::v1::{StartWorkOrderRequest, WorkOrder};

use crate::{
    Context, convert,
    domain::{WorkOrderId, site::Additions, work_order::Mark},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: StartWorkOrderRequest) -> Result<WorkOrder> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let order = store::work_order::load(&*work, &id).await?;
    call.check_etag(&request.etag, &order)?;
    let mark = Mark { at: call.now, position: request.position.map(Into::into), actor_id: call.actor.id.clone() };
    let consent = request.consent.ok_or_else(|| Error::invalid("consent", "required"))?;
    let more = Additions {
        checklist: convert::site::checklist(request.checklist),
        consent: Some(convert::site::consent(consent, call.now)?),
        diagnosis: request.diagnosis.map(convert::site::diagnosis),
        ..Additions::default()
    };
    let changed = order.start(more, mark)?;
    let order = store::work_order::save(&work, call, changed).await?;
    work.commit(convert::work_order::message(&order)).await
}
