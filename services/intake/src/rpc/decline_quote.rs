//! The customer does not take the quote: PENDING_QUOTE to TRIAGED.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, DeclineQuoteRequest};

use crate::Context;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: DeclineQuoteRequest) -> Result<pb::ServiceRequest> {
    super::act(ctx, call, &request, &request.service_request_id, "declined", |loaded| {
        loaded.decline_quote(&request.reason, call.now)
    })
    .await
}
