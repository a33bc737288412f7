//! Lists sessions: one's own, or those of an account for an administrator.

use common::{
    error::{Error, Result},
    id::Id as _,
    record::Role,
    service::Call,
    store as rows,
};
use proto::aftercare::gateway::v1::{ListSessionsRequest, ListSessionsResponse};
use sea_orm::entity::prelude::*;

use crate::{
    convert::identity as convert,
    domain::identity::AccountId,
    service::Context,
    store::identity::session::entity::{Column, Entity},
};

const ORDERS: &[rows::Order<Entity>] = &[("create_time", Column::CreatedAt), ("last_use_time", Column::LastUsedAt)];

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListSessionsRequest) -> Result<ListSessionsResponse> {
    let account = match &*request.account_id {
        "" => super::own(ctx, call).await?.id,
        other if other == call.actor.account_id || call.actor.role == Role::Admin => AccountId::parse(other)?,
        other => return Err(Error::not_found("account", other)),
    };
    let mut select = Entity::find().filter(Column::AccountId.eq(account.as_str()));
    if !request.include_ended {
        select = select.filter(Column::RevokedAt.is_null()).filter(Column::ExpiresAt.gt(call.now));
    }
    // An administrator ends other people's sessions too.
    let on = if call.actor.role == Role::Admin { ctx.core.db.everything() } else { ctx.core.read(call) };
    let (sessions, next_page_token) = rows::list_rows(&on, select, ORDERS, Column::Id, &request).await?;
    let sessions = sessions.iter().map(|session| convert::session(session, &call.origin.session_id)).collect();
    Ok(ListSessionsResponse { sessions, next_page_token })
}
