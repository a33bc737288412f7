//! Merges a duplicate into another request: NEW, TRIAGED to MERGED.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::intake::v1::{self as pb, MergeServiceRequestRequest};

use crate::{Context, convert, domain::ServiceRequestId, store};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: MergeServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    let id = ServiceRequestId::parse(&request.service_request_id)?;
    let into = ServiceRequestId::parse(&request.duplicate_of_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let loaded = store::service_request::load(&*work, &id).await?;
    call.check_etag(&request.etag, &loaded)?;
    let into = store::service_request::load(&*work, &into).await?;
    let merged = loaded.merge(&into, &request.reason, call.now)?;
    let saved = store::service_request::save(ctx, &work, call, merged, "duplicate").await?;
    work.commit(convert::service_request(ctx, &saved, call.language, call.now)).await
}
