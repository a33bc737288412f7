//! Refuses: PENDING_APPROVAL to TRIAGED.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, RejectServiceRequestRequest};

use crate::Context;

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: RejectServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    super::act(ctx, call, &request, &request.service_request_id, "rejected", |loaded| {
        loaded.reject(&call.actor, &request.reason, call.now)
    })
    .await
}
