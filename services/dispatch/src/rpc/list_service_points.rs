//! Lists service points.

use common::{error::Result, service::Call, store as rows};
use proto::aftercare::dispatch::v1::{ListServicePointsRequest, ListServicePointsResponse};
use sea_orm::{Condition, QuerySelect as _, QueryTrait as _, entity::prelude::*};

use crate::{
    Context, convert,
    store::service_point::{
        entity::{Column, Entity},
        prefixes, territory,
    },
};

const ORDERS: &[rows::Order<Entity>] = &[
    ("create_time", Column::CreatedAt),
    ("update_time", Column::UpdatedAt),
    ("number", Column::Number),
    ("name", Column::Name),
];

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListServicePointsRequest,
) -> Result<ListServicePointsResponse> {
    let mut select = Entity::find();
    if let Some(state) = convert::service_point::wanted_state(request.state) {
        select = select.filter(Column::State.eq(state.name()));
    }
    if !request.org_unit_id.is_empty() {
        select = select.filter(Column::OrgUnitId.eq(&*request.org_unit_id));
    }
    if !request.text.is_empty() {
        let text =
            Condition::any().add(Column::Number.contains(&*request.text)).add(Column::Name.contains(&*request.text));
        select = select.filter(text);
    }
    if !request.division_code.is_empty() {
        let serving = territory::Entity::find()
            .select_only()
            .column(territory::Column::ServicePointId)
            .filter(territory::Column::Prefix.is_in(prefixes(&request.division_code)))
            .into_query();
        select = select.filter(Column::Id.in_subquery(serving));
    }
    let (points, next_page_token) = rows::list(&ctx.core.read(call), select, ORDERS, &request).await?;
    let service_points = points.iter().map(convert::service_point::message).collect();
    Ok(ListServicePointsResponse { service_points, next_page_token })
}
