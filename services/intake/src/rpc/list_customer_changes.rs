//! Lists what was changed in a customer file.

use common::{error::Result, service::Call, store::list_rows};
use proto::aftercare::intake::v1::{self as pb, ListCustomerChangesRequest};
use sea_orm::entity::prelude::*;

use crate::{
    Context, convert, store,
    store::customer_change::{Column, Entity},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListCustomerChangesRequest,
) -> Result<pb::ListCustomerChangesResponse> {
    let id = store::customer::id(&request.customer_id)?;
    store::customer::load(&ctx.core.read(call), &id).await?;
    let select = Entity::find().filter(Column::CustomerId.eq(id.as_str()));
    let (rows, next_page_token) =
        list_rows(&ctx.core.read(call), select, &[("at", Column::At)], Column::Id, &request).await?;
    Ok(pb::ListCustomerChangesResponse { changes: rows.into_iter().map(convert::change).collect(), next_page_token })
}
