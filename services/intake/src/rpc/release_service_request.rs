//! Frees a request for a visit: TRIAGED to READY; dispatch makes the work order from the event.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, ReleaseServiceRequestRequest};

use crate::{Context, domain::request::Consented};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ReleaseServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    let consent = if request.on_site_quote_consent { Consented::OnSiteQuote } else { Consented::Nothing };
    super::act(ctx, call, &request, &request.service_request_id, "", |loaded| {
        loaded.release(&ctx.rules.approval, consent, call.now)
    })
    .await
}
