//! Agrees: PENDING_APPROVAL to TRIAGED.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, ApproveServiceRequestRequest};

use crate::Context;

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ApproveServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    super::act(ctx, call, &request, &request.service_request_id, "approved", |loaded| {
        loaded.approve(&call.actor, &ctx.rules.approval, &request.reason, call.now)
    })
    .await
}
