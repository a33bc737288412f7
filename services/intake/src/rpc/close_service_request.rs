//! Closes a solved request: RESOLVED to CLOSED.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, CloseServiceRequestRequest};

use crate::Context;

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: CloseServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    super::act(ctx, call, &request, &request.service_request_id, "closed", |loaded| {
        loaded.close(&request.reason, call.now)
    })
    .await
}
