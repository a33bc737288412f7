//! Lists endpoints.

use common::{error::Result, service::Call, store as rows};
use proto::aftercare::gateway::v1::{EndpointState, ListEndpointsRequest, ListEndpointsResponse};
use sea_orm::entity::prelude::*;

use crate::{
    convert,
    service::Context,
    store::webhook::{
        entity::{Column, Entity},
        lane, within,
    },
};

const ORDERS: &[rows::Order<Entity>] = &[("create_time", Column::CreatedAt), ("update_time", Column::UpdatedAt)];

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListEndpointsRequest) -> Result<ListEndpointsResponse> {
    let mut select = Entity::find().filter(within(&call.reach));
    match request.state() {
        EndpointState::Unspecified => {}
        EndpointState::Active => select = select.filter(Column::State.eq("active")),
        EndpointState::Disabled => select = select.filter(Column::State.eq("disabled")),
    }
    if !request.partner_id.is_empty() {
        select = select.filter(Column::PartnerId.eq(&*request.partner_id));
    }
    let db = ctx.core.db.read();
    let (found, next_page_token) = rows::list(&ctx.core.read(call), select, ORDERS, &request).await?;
    let lanes = lane::of_all(db, found.iter().map(|endpoint| endpoint.id.to_string()).collect()).await?;
    let endpoints = found.iter().map(|endpoint| {
        let lane = lanes.iter().find(|lane| lane.endpoint_id == endpoint.id.as_str());
        convert::webhook::endpoint(endpoint, lane, call.now)
    });
    Ok(ListEndpointsResponse { endpoints: endpoints.collect(), next_page_token })
}
