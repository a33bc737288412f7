//! Opens a request again: RESOLVED, CLOSED to TRIAGED.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, ReopenServiceRequestRequest};

use crate::Context;

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ReopenServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    super::act(ctx, call, &request, &request.service_request_id, "reopened", |loaded| {
        loaded.reopen(&request.reason, call.now)
    })
    .await
}
