//! Lists service requests: the work list.

use common::{convert::optional_instant, error::Result, service::Call, store::list};
use proto::aftercare::intake::v1::{self as pb, ListServiceRequestsRequest};
use sea_orm::entity::prelude::*;

use crate::{
    Context, convert,
    store::{
        contains,
        service_request::entity::{Column, Entity},
    },
};

const ORDERS: &[common::store::Order<Entity>] = &[
    ("create_time", Column::CreatedAt),
    ("requested_at", Column::RequestedAt),
    ("next_due_at", Column::NextDueAt),
    ("update_time", Column::UpdatedAt),
];

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListServiceRequestsRequest,
) -> Result<pb::ListServiceRequestsResponse> {
    let mut select = Entity::find();
    for (column, value) in [
        (Column::AssigneeId, &request.assignee_id),
        (Column::OrgUnitId, &request.org_unit_id),
        (Column::CustomerId, &request.customer_id),
        (Column::ProductId, &request.product_id),
        (Column::ComplaintId, &request.complaint_id),
        (Column::ExternalReference, &request.external_reference),
    ] {
        if !value.is_empty() {
            select = select.filter(column.eq(value.as_str()));
        }
    }
    for (column, value) in [
        (Column::State, convert::stage(request.state).map(|one| one.as_str())),
        (Column::Kind, convert::kind(request.kind).map(|one| one.as_str())),
        (Column::Urgency, convert::urgency(request.urgency).map(|one| one.as_str())),
        (Column::OnHold, convert::hold(request.on_hold).map(|one| one.as_str())),
    ] {
        if let Some(value) = value {
            select = select.filter(column.eq(value));
        }
    }
    if let Some(before) = optional_instant(request.due_before.as_ref(), "due_before")? {
        select = select.filter(Column::NextDueAt.lt(before));
    }
    if let Some(from) = optional_instant(request.requested_from.as_ref(), "requested_from")? {
        select = select.filter(Column::RequestedAt.gte(from));
    }
    if let Some(until) = optional_instant(request.requested_until.as_ref(), "requested_until")? {
        select = select.filter(Column::RequestedAt.lt(until));
    }
    if request.breached {
        select = select.filter(Column::Breached.eq(true));
    }
    if request.open {
        select = select.filter(Column::Open.eq(true));
    }
    if !request.text.is_empty() {
        select = select.filter(Column::Search.like(contains(&request.text)));
    }
    let (found, next_page_token) = list(&ctx.core.read(call), select, ORDERS, &request).await?;
    let message = |one| convert::service_request(ctx, &one, call.language, call.now);
    Ok(pb::ListServiceRequestsResponse { service_requests: found.into_iter().map(message).collect(), next_page_token })
}
