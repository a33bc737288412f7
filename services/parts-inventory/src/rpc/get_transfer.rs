//! Answers one transfer.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, GetTransferRequest};

use crate::{Context, convert, domain::TransferId, store::transfer};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetTransferRequest) -> Result<message::Transfer> {
    let id = TransferId::parse(&request.transfer_id)?;
    let record = store::load::<transfer::Entity>(&ctx.core.read(call), id.as_str()).await?;
    Ok(convert::transfer(&record))
}
