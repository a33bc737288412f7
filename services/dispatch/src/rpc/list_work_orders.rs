//! Lists work orders.

use common::{convert::optional_instant, error::Result, service::Call, store as rows};
use proto::aftercare::dispatch::v1::{ListWorkOrdersRequest, ListWorkOrdersResponse, WorkOrderState};
use sea_orm::{Condition, entity::prelude::*};

use crate::{
    Context, convert,
    store::work_order::entity::{Column, Entity},
};

const ORDERS: &[rows::Order<Entity>] = &[
    ("create_time", Column::CreatedAt),
    ("update_time", Column::UpdatedAt),
    ("number", Column::Number),
    ("window_start", Column::WindowStart),
    ("resolution_due_at", Column::ResolutionDueAt),
];

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListWorkOrdersRequest,
) -> Result<ListWorkOrdersResponse> {
    let mut select = Entity::find();
    for (column, wanted) in [
        (Column::TechnicianId, &request.technician_id),
        (Column::ServicePointId, &request.service_point_id),
        (Column::OrgUnitId, &request.org_unit_id),
        (Column::ServiceRequestId, &request.service_request_id),
        (Column::CustomerId, &request.customer_id),
        (Column::Kind, &request.kind),
    ] {
        if !wanted.is_empty() {
            select = select.filter(column.eq(wanted.as_str()));
        }
    }
    if !request.states.is_empty() {
        let states = request.states.iter().filter_map(|state| WorkOrderState::try_from(*state).ok());
        select = select.filter(Column::State.is_in(states.filter_map(convert::work_order::state_name)));
    }
    if let Some(from) = optional_instant(request.window_from.as_ref(), "window_from")? {
        select = select.filter(Column::WindowStart.gte(from));
    }
    if let Some(until) = optional_instant(request.window_until.as_ref(), "window_until")? {
        select = select.filter(Column::WindowStart.lt(until));
    }
    if request.escalated_only {
        select = select.filter(Column::Escalated.eq(true));
    }
    if !request.text.is_empty() {
        let numbers = Condition::any()
            .add(Column::Number.contains(&*request.text))
            .add(Column::ServiceRequestNumber.contains(&*request.text));
        select = select.filter(numbers);
    }
    let (orders, next_page_token) = rows::list(&ctx.core.read(call), select, ORDERS, &request).await?;
    Ok(ListWorkOrdersResponse {
        work_orders: orders.iter().map(convert::work_order::message).collect(),
        next_page_token,
    })
}
