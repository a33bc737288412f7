//! Gives one request with its deadlines as of now.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::intake::v1::{self as pb, GetServiceRequestRequest};

use crate::{Context, convert, domain::ServiceRequestId, store};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: GetServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    let id = ServiceRequestId::parse(&request.service_request_id)?;
    let found = store::service_request::load(&ctx.core.read(call), &id).await?;
    Ok(convert::service_request(ctx, &found, call.language, call.now))
}
