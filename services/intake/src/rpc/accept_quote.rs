//! The customer takes the quote: PENDING_QUOTE to READY, and dispatch is told of the visit in the same transaction.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::intake::v1::{self as pb, AcceptQuoteRequest};

use crate::{Context, convert, domain::ServiceRequestId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: AcceptQuoteRequest) -> Result<pb::ServiceRequest> {
    let id = ServiceRequestId::parse(&request.service_request_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let loaded = store::service_request::load(&*work, &id).await?;
    call.check_etag(&request.etag, &loaded)?;
    let accepted = loaded.accept_quote(&request.consent, call.now)?;
    let accepted = store::service_request::save(ctx, &work, call, accepted, "accepted").await?;
    // Two facts, two versions: the customer's yes, and the visit that dispatch is to make of it.
    let released = accepted.release_visit(call.now)?;
    let released = store::service_request::save(ctx, &work, call, released, "quote_accepted").await?;
    work.commit(convert::service_request(ctx, &released, call.language, call.now)).await
}
