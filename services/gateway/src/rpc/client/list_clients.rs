//! Lists clients.

use common::{error::Result, service::Call, store as rows};
use proto::aftercare::gateway::v1::{ListClientsRequest, ListClientsResponse};
use sea_orm::entity::prelude::*;

use crate::{
    convert::identity as convert,
    service::Context,
    store::identity::client::{
        self,
        entity::{Column, Entity},
    },
};

const ORDERS: &[rows::Order<Entity>] =
    &[("create_time", Column::CreatedAt), ("update_time", Column::UpdatedAt), ("name", Column::Name)];

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListClientsRequest) -> Result<ListClientsResponse> {
    let mut select = Entity::find();
    if let Some(state) = convert::wanted_client_state(request.state) {
        select = select.filter(Column::State.eq(state.name()));
    }
    if !request.partner_id.is_empty() {
        select = select.filter(Column::PartnerId.eq(&*request.partner_id));
    }
    let on = ctx.core.db.read();
    let (found, next_page_token) = rows::list(&ctx.core.read(call), select, ORDERS, &request).await?;
    let mut secrets = client::secrets_of(on, found.iter().map(|client| &client.id)).await?;
    let clients = found
        .iter()
        .map(|client| convert::client(client, &secrets.remove(client.id.as_str()).unwrap_or_default()))
        .collect();
    Ok(ListClientsResponse { clients, next_page_token })
}
