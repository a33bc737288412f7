//! Answers one location.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, GetLocationRequest};

use crate::{Context, convert, domain::LocationId, store::location};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetLocationRequest) -> Result<message::Location> {
    let id = LocationId::parse(&request.location_id)?;
    let record = store::load::<location::Entity>(&ctx.core.read(call), id.as_str()).await?;
    Ok(convert::location(&record))
}
