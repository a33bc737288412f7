//! Lists products.

use common::{error::Result, service::Call, store::list};
use proto::aftercare::intake::v1::{self as pb, ListProductsRequest};
use sea_orm::entity::prelude::*;

use crate::{
    Context, convert,
    store::product::entity::{Column, Entity},
};

const ORDERS: &[common::store::Order<Entity>] =
    &[("create_time", Column::CreatedAt), ("update_time", Column::UpdatedAt)];

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListProductsRequest,
) -> Result<pb::ListProductsResponse> {
    let mut select = Entity::find();
    for (column, value) in [
        (Column::CustomerId, &request.customer_id),
        (Column::Model, &request.model),
        (Column::SerialNumber, &request.serial_number),
        (Column::CategoryCode, &request.category_code),
    ] {
        if !value.is_empty() {
            select = select.filter(column.eq(value.as_str()));
        }
    }
    let (found, next_page_token) = list(&ctx.core.read(call), select, ORDERS, &request).await?;
    Ok(pb::ListProductsResponse { products: found.iter().map(convert::product).collect(), next_page_token })
}
