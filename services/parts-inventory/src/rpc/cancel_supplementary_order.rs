//! Cancels a supplementary order.

use common::{error::Result, id::Id as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, CancelSupplementaryOrderRequest};

use crate::{
    Context, convert,
    domain::SupplementaryOrderId,
    store::{self, supplementary_order},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: CancelSupplementaryOrderRequest,
) -> Result<message::SupplementaryOrder> {
    let id = SupplementaryOrderId::parse(&request.supplementary_order_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<supplementary_order::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let changed = record.cancel(&request.reason, call.now)?;
    let record = store::save::<supplementary_order::Entity>(&work, call, changed).await?;
    work.commit(convert::supplementary_order(&record)).await
}
