//! Cancels a request; dispatch and parts-inventory release visit and parts when they hear of it.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, CancelServiceRequestRequest};

use crate::Context;

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: CancelServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    super::act(ctx, call, &request, &request.service_request_id, "cancelled", |loaded| {
        loaded.cancel(&request.reason, call.now)
    })
    .await
}
