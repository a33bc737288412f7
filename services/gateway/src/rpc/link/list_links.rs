//! Lists links.

use common::{error::Result, service::Call, store as rows};
use proto::aftercare::gateway::v1::{ListLinksRequest, ListLinksResponse};
use sea_orm::entity::prelude::*;

use crate::{
    convert::identity as convert,
    service::Context,
    store::identity::link::entity::{Column, Entity},
};

const ORDERS: &[rows::Order<Entity>] = &[("create_time", Column::CreatedAt), ("expire_time", Column::ExpiresAt)];

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListLinksRequest) -> Result<ListLinksResponse> {
    let mut select = Entity::find();
    if !request.record_id.is_empty() {
        select = select.filter(Column::RecordId.eq(&*request.record_id));
    }
    let (links, next_page_token) = rows::list(&ctx.core.read(call), select, ORDERS, &request).await?;
    Ok(ListLinksResponse { links: links.iter().map(convert::link).collect(), next_page_token })
}
