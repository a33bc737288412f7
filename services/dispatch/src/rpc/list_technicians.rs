//! Lists technicians.

use common::{error::Result, service::Call, store as rows};
use proto::aftercare::dispatch::v1::{ListTechniciansRequest, ListTechniciansResponse};
use sea_orm::{QuerySelect as _, QueryTrait as _, entity::prelude::*};

use crate::{
    Context, convert,
    store::technician::{
        entity::{Column, Entity},
        skill,
    },
};

const ORDERS: &[rows::Order<Entity>] =
    &[("create_time", Column::CreatedAt), ("update_time", Column::UpdatedAt), ("number", Column::Number)];

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListTechniciansRequest,
) -> Result<ListTechniciansResponse> {
    let mut select = Entity::find();
    if let Some(state) = convert::technician::wanted_state(request.state) {
        select = select.filter(Column::State.eq(state.name()));
    }
    for (column, wanted) in
        [(Column::ServicePointId, &request.service_point_id), (Column::OrgUnitId, &request.org_unit_id)]
    {
        if !wanted.is_empty() {
            select = select.filter(column.eq(wanted.as_str()));
        }
    }
    if !request.skill.is_empty() {
        let able = skill::Entity::find()
            .select_only()
            .column(skill::Column::TechnicianId)
            .filter(skill::Column::Code.eq(&*request.skill))
            .filter(skill::Column::Level.gte(request.min_level))
            .into_query();
        select = select.filter(Column::Id.in_subquery(able));
    }
    let (technicians, next_page_token) = rows::list(&ctx.core.read(call), select, ORDERS, &request).await?;
    Ok(ListTechniciansResponse {
        technicians: technicians.iter().map(convert::technician::message).collect(),
        next_page_token,
    })
}
