//! Finds requests about the same matter before another one is saved.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, FindDuplicatesRequest};

use crate::{Context, convert, domain::duplicates::Draft, phone, store};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: FindDuplicatesRequest,
) -> Result<pb::FindDuplicatesResponse> {
    let phone = match request.contact_phone.as_str() {
        "" => String::new(),
        number => phone::normalize(number, ctx.rules.country, "contact_phone")?,
    };
    let draft = Draft {
        customer_id: request.customer_id,
        phone,
        address_key: request.address.map(|address| convert::address(address).key()).unwrap_or_default(),
        product_id: request.product_id,
        category: request.category_code,
        fault: request.fault_code,
    };
    let days = if request.days == 0 { ctx.rules.duplicate_days } else { request.days };
    let found = store::service_request::duplicates(&ctx.core.read(call), &draft, days, call.now).await?;
    let candidates = found.into_iter().map(|(other, signals)| convert::candidate(&other, signals)).collect();
    Ok(pb::FindDuplicatesResponse { candidates })
}
