//! Lists what was, is and will be sent to an endpoint.

use common::{error::Result, id::Id as _, service::Call, store as rows};
use proto::aftercare::gateway::v1::{DeliveryState, ListDeliveriesRequest, ListDeliveriesResponse};
use sea_orm::entity::prelude::*;

use crate::{
    convert,
    domain::webhook::EndpointId,
    service::Context,
    store::webhook::{
        self,
        delivery::{
            self, DELIVERED, PARKED, PENDING,
            entity::{Column, Entity},
        },
    },
};

const ORDERS: &[rows::Order<Entity>] = &[("create_time", Column::CreatedAt)];

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListDeliveriesRequest,
) -> Result<ListDeliveriesResponse> {
    let db = ctx.core.db.read();
    let endpoint = webhook::load(db, &call.reach, &EndpointId::parse(&request.endpoint_id)?).await?;
    let mut select =
        Entity::find().filter(delivery::within(&call.reach)).filter(Column::EndpointId.eq(endpoint.id.as_str()));
    match request.state() {
        DeliveryState::Unspecified => {}
        DeliveryState::Pending => select = select.filter(Column::State.eq(PENDING)),
        DeliveryState::Delivered => select = select.filter(Column::State.eq(DELIVERED)),
        DeliveryState::Parked => select = select.filter(Column::State.eq(PARKED)),
    }
    if !request.case_id.is_empty() {
        select = select.filter(Column::CaseId.eq(&*request.case_id));
    }
    let (found, next_page_token) = rows::list_rows(&ctx.core.read(call), select, ORDERS, Column::Id, &request).await?;
    let attempts = delivery::attempts(db, found.iter().map(|delivery| delivery.id.clone()).collect()).await?;
    let deliveries = found.into_iter().map(|delivery| convert::webhook::delivery(delivery, &attempts)).collect();
    Ok(ListDeliveriesResponse { deliveries, next_page_token })
}
