//! Lists callbacks.

use common::{error::Result, service::Call, store::list};
use proto::aftercare::survey::v1::{ListCallbacksRequest, ListCallbacksResponse};
use sea_orm::entity::prelude::*;

use crate::{
    Context,
    convert::{self, row_name},
    store::callback::{Column, Entity},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListCallbacksRequest) -> Result<ListCallbacksResponse> {
    let mut select = Entity::find();
    if !request.agent_id.is_empty() {
        select = select.filter(Column::AgentId.eq(request.agent_id.as_str()));
    }
    if !request.customer_id.is_empty() {
        select = select.filter(Column::CustomerId.eq(request.customer_id.as_str()));
    }
    if !request.org_unit_id.is_empty() {
        select = select.filter(Column::OrgUnitId.eq(request.org_unit_id.as_str()));
    }
    if !request.invitation_id.is_empty() {
        select = select.filter(Column::InvitationId.eq(request.invitation_id.as_str()));
    }
    if let Some(name) = row_name(request.state().as_str_name(), "CALLBACK_STATE") {
        select = select.filter(Column::State.eq(name));
    }
    let orders =
        [("due_time", Column::DueAt), ("next_try_time", Column::NextTryAt), ("create_time", Column::CreatedAt)];
    let (records, next_page_token) = list(&ctx.core.read(call), select, &orders, &request).await?;
    let callbacks = records.iter().map(convert::callback::message).collect();
    Ok(ListCallbacksResponse { callbacks, next_page_token })
}
