//! Answers one part.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, GetPartRequest};

use crate::{Context, convert, domain::PartId, store::part};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetPartRequest) -> Result<message::Part> {
    let id = PartId::parse(&request.part_id)?;
    let record = store::load::<part::Entity>(&ctx.core.read(call), id.as_str()).await?;
    Ok(convert::part(&record))
}
