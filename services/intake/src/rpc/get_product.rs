//! Gives one product.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::intake::v1::{self as pb, GetProductRequest};

use crate::{Context, convert, domain::ProductId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetProductRequest) -> Result<pb::Product> {
    let id = ProductId::parse(&request.product_id)?;
    Ok(convert::product(&store::product::load(&ctx.core.read(call), &id).await?))
}
