//! Lists the agents who make callbacks, with their load.

use common::{error::Result, service::Call, store::list};
use proto::aftercare::survey::v1::{ListCallbackAgentsRequest, ListCallbackAgentsResponse};
use sea_orm::entity::prelude::*;

use crate::{
    Context, convert,
    store::agent::{Column, Entity, open_callbacks},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListCallbackAgentsRequest,
) -> Result<ListCallbackAgentsResponse> {
    let mut select = Entity::find();
    if !request.org_unit_id.is_empty() {
        select = select.filter(Column::OrgUnitId.eq(request.org_unit_id.as_str()));
    }
    let orders = [("create_time", Column::CreatedAt)];
    let (agents, next_page_token) = list(&ctx.core.read(call), select, &orders, &request).await?;
    let open = open_callbacks(&ctx.core.read(call)).await?;
    let load = |id: &str| open.get(id).copied().unwrap_or_default();
    let callback_agents = agents.iter().map(|agent| convert::callback::agent(agent, load(&agent.id))).collect();
    Ok(ListCallbackAgentsResponse { callback_agents, next_page_token })
}
