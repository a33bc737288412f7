//! Lists plans.

use common::{error::Result, service::Call, store as rows};
use proto::aftercare::dispatch::v1::{ListPlansRequest, ListPlansResponse};
use sea_orm::entity::prelude::*;

use crate::{
    Context, convert,
    store::plan::entity::{Column, Entity},
};

const ORDERS: &[rows::Order<Entity>] = &[("create_time", Column::CreatedAt), ("update_time", Column::UpdatedAt)];

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListPlansRequest) -> Result<ListPlansResponse> {
    let mut select = Entity::find();
    if !request.org_unit_id.is_empty() {
        select = select.filter(Column::OrgUnitId.eq(request.org_unit_id.as_str()));
    }
    if let Some(state) = convert::plan::wanted_state(request.state) {
        select = select.filter(Column::State.eq(state.name()));
    }
    let (plans, next_page_token) = rows::list(&ctx.core.read(call), select, ORDERS, &request).await?;
    Ok(ListPlansResponse {
        plans: plans.iter().map(|plan| convert::plan::message(plan, None)).collect(),
        next_page_token,
    })
}
