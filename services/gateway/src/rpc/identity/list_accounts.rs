//! Lists accounts.

use common::{error::Result, service::Call, store as rows};
use proto::aftercare::gateway::v1::{ListAccountsRequest, ListAccountsResponse};
use sea_orm::entity::prelude::*;

use crate::{
    convert::identity as convert,
    service::Context,
    store::identity::{
        account::entity::{Column, Entity},
        credential,
    },
};

const ORDERS: &[rows::Order<Entity>] =
    &[("create_time", Column::CreatedAt), ("update_time", Column::UpdatedAt), ("username", Column::Username)];

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListAccountsRequest) -> Result<ListAccountsResponse> {
    let mut select = Entity::find();
    if let Some(role) = convert::role(request.role)? {
        select = select.filter(Column::Role.eq(role.as_str()));
    }
    if let Some(state) = convert::wanted_state(request.state) {
        select = select.filter(Column::State.eq(state.name()));
    }
    for (column, wanted) in [(Column::OrgUnitId, &request.org_unit_id), (Column::Username, &request.username)] {
        if !wanted.is_empty() {
            select = select.filter(column.eq(wanted.as_str()));
        }
    }
    let (people, next_page_token) = rows::list(&ctx.core.read(call), select, ORDERS, &request).await?;
    let mut credentials = credential::of_all(ctx.core.db.read(), people.iter().map(|person| &person.id)).await?;
    let accounts = people
        .iter()
        .map(|person| {
            let credential = credentials.remove(person.id.as_str());
            convert::account(person, &credential.unwrap_or_else(|| credential::Credential::none(&person.id)))
        })
        .collect();
    Ok(ListAccountsResponse { accounts, next_page_token })
}
