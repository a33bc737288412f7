//! Answers one supplementary order.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, GetSupplementaryOrderRequest};

use crate::{Context, convert, domain::SupplementaryOrderId, store::supplementary_order};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: GetSupplementaryOrderRequest,
) -> Result<message::SupplementaryOrder> {
    let id = SupplementaryOrderId::parse(&request.supplementary_order_id)?;
    let record = store::load::<supplementary_order::Entity>(&ctx.core.read(call), id.as_str()).await?;
    Ok(convert::supplementary_order(&record))
}
