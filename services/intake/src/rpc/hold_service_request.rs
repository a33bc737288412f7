//! Lets an open request wait.

use common::{
    convert::optional_instant,
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::intake::v1::{self as pb, HoldServiceRequestRequest};

use crate::{Context, convert};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: HoldServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    let waits_for = convert::hold(request.hold).ok_or_else(|| Error::invalid("hold", "enum.defined_only"))?;
    let until = optional_instant(request.until.as_ref(), "until")?;
    super::act(ctx, call, &request, &request.service_request_id, waits_for.as_str(), |loaded| {
        loaded.hold(waits_for, until, &request.reason, call.now)
    })
    .await
}
