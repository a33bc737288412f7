//! Ends the waiting.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, ResumeServiceRequestRequest};

use crate::Context;

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ResumeServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    super::act(ctx, call, &request, &request.service_request_id, "", |loaded| loaded.resume(&request.reason, call.now))
        .await
}
