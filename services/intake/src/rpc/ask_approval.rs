//! Asks a supervisor: TRIAGED to PENDING_APPROVAL.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, AskApprovalRequest};

use crate::Context;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: AskApprovalRequest) -> Result<pb::ServiceRequest> {
    let id = call.ids.make(call.now);
    let amount = request.amount.clone().map(Into::into);
    super::act(ctx, call, &request, &request.service_request_id, "approval_asked", |loaded| {
        loaded.ask_approval(id, &call.actor, &request.reason, amount, call.now)
    })
    .await
}
