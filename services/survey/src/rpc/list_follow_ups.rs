//! Lists follow-ups.

use common::{error::Result, service::Call, store::list};
use proto::aftercare::survey::v1::{ListFollowUpsRequest, ListFollowUpsResponse};
use sea_orm::entity::prelude::*;

use crate::{
    Context,
    convert::{self, row_name},
    store::follow_up::{Column, Entity},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListFollowUpsRequest) -> Result<ListFollowUpsResponse> {
    let mut select = Entity::find();
    if !request.customer_id.is_empty() {
        select = select.filter(Column::CustomerId.eq(request.customer_id.as_str()));
    }
    if !request.org_unit_id.is_empty() {
        select = select.filter(Column::OrgUnitId.eq(request.org_unit_id.as_str()));
    }
    if !request.response_id.is_empty() {
        select = select.filter(Column::ResponseId.eq(request.response_id.as_str()));
    }
    if let Some(name) = row_name(request.state().as_str_name(), "FOLLOW_UP_STATE") {
        select = select.filter(Column::State.eq(name));
    }
    if let Some(name) = row_name(request.route().as_str_name(), "FOLLOW_UP_ROUTE") {
        select = select.filter(Column::Route.eq(name));
    }
    let orders = [("due_time", Column::DueAt), ("create_time", Column::CreatedAt)];
    let (records, next_page_token) = list(&ctx.core.read(call), select, &orders, &request).await?;
    let follow_ups = records.iter().map(convert::follow_up::message).collect();
    Ok(ListFollowUpsResponse { follow_ups, next_page_token })
}
