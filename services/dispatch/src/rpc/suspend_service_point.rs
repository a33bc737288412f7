//! Gives no new work to a service point.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{ServicePoint, SuspendServicePointRequest};

use crate::{Context, convert, domain::ServicePointId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: SuspendServicePointRequest) -> Result<ServicePoint> {
    let id = ServicePointId::parse(&request.service_point_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let point = store::service_point::load(&*work, &id).await?;
    call.check_etag(&request.etag, &point)?;
    let changed = point.suspend(&call.actor, request.reason, call.now)?;
    let point = store::service_point::save(&work, call, changed).await?;
    work.commit(convert::service_point::message(&point)).await
}
