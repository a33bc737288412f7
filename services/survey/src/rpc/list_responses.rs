//! Lists responses.

use common::{error::Result, service::Call, store::list};
use proto::aftercare::survey::v1::{ListResponsesRequest, ListResponsesResponse};
use sea_orm::entity::prelude::*;

use crate::{
    Context,
    convert::{self, row_name},
    store::response::{Column, Entity},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListResponsesRequest) -> Result<ListResponsesResponse> {
    let mut select = Entity::find();
    if !request.customer_id.is_empty() {
        select = select.filter(Column::CustomerId.eq(request.customer_id.as_str()));
    }
    if !request.service_request_id.is_empty() {
        select = select.filter(Column::ServiceRequestId.eq(request.service_request_id.as_str()));
    }
    if !request.technician_id.is_empty() {
        select = select.filter(Column::TechnicianId.eq(request.technician_id.as_str()));
    }
    if !request.org_unit_id.is_empty() {
        select = select.filter(Column::OrgUnitId.eq(request.org_unit_id.as_str()));
    }
    if let Some(name) = row_name(request.trigger().as_str_name(), "TRIGGER") {
        select = select.filter(Column::Topic.eq(name));
    }
    if let Some(name) = row_name(request.route().as_str_name(), "FOLLOW_UP_ROUTE") {
        select = select.filter(Column::Route.eq(name));
    }
    let orders = [("create_time", Column::CreatedAt), ("occasion_time", Column::OccasionAt)];
    let (records, next_page_token) = list(&ctx.core.read(call), select, &orders, &request).await?;
    let responses = records.iter().map(convert::answer::message).collect();
    Ok(ListResponsesResponse { responses, next_page_token })
}
