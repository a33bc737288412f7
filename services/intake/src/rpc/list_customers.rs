//! Lists living customer files, for example those of one phone.

use common::{error::Result, service::Call, store::list};
use proto::aftercare::intake::v1::{self as pb, ListCustomersRequest};
use sea_orm::{QuerySelect as _, QueryTrait as _, entity::prelude::*};

use crate::{
    Context, convert, phone,
    store::{
        self, contains,
        customer::entity::{Column, Entity},
        customer_phone,
    },
};

const ORDERS: &[common::store::Order<Entity>] =
    &[("create_time", Column::CreatedAt), ("update_time", Column::UpdatedAt), ("name", Column::Name)];

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListCustomersRequest,
) -> Result<pb::ListCustomersResponse> {
    let mut select = Entity::find().filter(Column::State.eq("active"));
    if !request.phone.is_empty() {
        let number = phone::normalize(&request.phone, ctx.rules.country, "phone")?;
        let with_phone = customer_phone::Entity::find()
            .select_only()
            .column(customer_phone::Column::CustomerId)
            .filter(customer_phone::Column::Number.eq(number))
            .into_query();
        select = select.filter(Column::Id.in_subquery(with_phone));
    }
    for (column, value) in [(Column::AgentId, &request.agent_id), (Column::OrgUnitId, &request.org_unit_id)] {
        if !value.is_empty() {
            select = select.filter(column.eq(value.as_str()));
        }
    }
    if let Some(tier) = convert::tier(request.tier) {
        select = select.filter(Column::Tier.eq(tier.as_str()));
    }
    if !request.text.is_empty() {
        select = select.filter(Column::Search.like(contains(&request.text)));
    }
    let (found, next_page_token) = list(&ctx.core.read(call), select, ORDERS, &request).await?;
    let alike = store::customer::alike(&ctx.core.read(call), &found).await?;
    let customers = found.iter().zip(alike).map(|(customer, alike)| convert::customer(customer, alike)).collect();
    Ok(pb::ListCustomersResponse { customers, next_page_token })
}
