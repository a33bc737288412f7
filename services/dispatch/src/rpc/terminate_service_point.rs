//! Ends the work with a service point.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{ServicePoint, TerminateServicePointRequest};

use crate::{
    Context, convert,
    domain::{ServicePointId, service_point::Papers},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: TerminateServicePointRequest) -> Result<ServicePoint> {
    let id = ServicePointId::parse(&request.service_point_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let point = store::service_point::load(&*work, &id).await?;
    call.check_etag(&request.etag, &point)?;
    let papers =
        Papers { note: request.reason, documents: convert::attachments(request.documents), ..Papers::default() };
    let changed = point.terminate(&call.actor, papers, call.now)?;
    let point = store::service_point::save(&work, call, changed).await?;
    work.commit(convert::service_point::message(&point)).await
}
