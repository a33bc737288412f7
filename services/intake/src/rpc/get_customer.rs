//! Gives one customer; a merged file answers with the one that was kept.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, GetCustomerRequest};

use crate::{Context, convert, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetCustomerRequest) -> Result<pb::Customer> {
    let id = store::customer::id(&request.customer_id)?;
    let found = store::customer::load_living(&ctx.core.read(call), &id).await?;
    let alike = store::customer::with_phones(&ctx.core.read(call), &found).await?;
    Ok(convert::customer(&found, alike))
}
