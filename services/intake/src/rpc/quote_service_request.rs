//! Makes the customer a quote: TRIAGED to PENDING_QUOTE.

use common::{
    convert::optional_instant,
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::intake::v1::{self as pb, QuoteServiceRequestRequest};

use crate::{Context, domain::request::QuoteLine};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: QuoteServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    let id = call.ids.make(call.now);
    let valid = optional_instant(request.expires_at.as_ref(), "expires_at")?;
    let expires_at = valid.unwrap_or(call.now + ctx.rules.quote_valid);
    let mut lines = Vec::with_capacity(request.lines.len());
    for line in request.lines.clone() {
        let price = line.unit_price.ok_or_else(|| Error::invalid("lines.unit_price", "required"))?;
        lines.push(QuoteLine::new(line.text, line.sku, line.quantity_milli, price.into())?);
    }
    super::act(ctx, call, &request, &request.service_request_id, "quoted", |loaded| {
        loaded.quote(id, &call.actor, lines, expires_at, &ctx.rules.approval, call.now)
    })
    .await
}
