//! Lists the caller's jobs.

use common::{error::Result, service::Call, store as rows};
use proto::aftercare::gateway::v1::{ListJobsRequest, ListJobsResponse};
use sea_orm::entity::prelude::*;

use crate::{
    convert,
    service::Context,
    store::exchange::{
        self as store,
        entity::{Column, Entity},
    },
};

const ORDERS: &[rows::Order<Entity>] = &[("create_time", Column::CreatedAt), ("update_time", Column::UpdatedAt)];

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListJobsRequest) -> Result<ListJobsResponse> {
    let mut select = Entity::find();
    if let Some(kind) = convert::exchange::kind_name(request.kind()) {
        select = select.filter(Column::Kind.eq(kind));
    }
    if let Some(state) = convert::exchange::state_name(request.state()) {
        select = select.filter(Column::State.eq(state));
    }
    let (rows, next_page_token) = rows::list_rows(&ctx.core.read(call), select, ORDERS, Column::Id, &request).await?;
    let jobs = rows.into_iter().map(|row| Ok(convert::exchange::job(&store::found(row)?))).collect::<Result<_>>()?;
    Ok(ListJobsResponse { jobs, next_page_token })
}
