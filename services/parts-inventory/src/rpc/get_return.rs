//! Answers one return.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, GetReturnRequest};

use crate::{Context, convert, domain::ReturnId, store::goods_return};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetReturnRequest) -> Result<message::Return> {
    let id = ReturnId::parse(&request.return_id)?;
    let record = store::load::<goods_return::Entity>(&ctx.core.read(call), id.as_str()).await?;
    Ok(convert::goods_return(&record))
}
