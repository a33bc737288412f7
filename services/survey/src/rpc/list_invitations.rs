//! Lists invitations.

use common::{error::Result, service::Call, store::list};
use proto::aftercare::survey::v1::{ListInvitationsRequest, ListInvitationsResponse};
use sea_orm::entity::prelude::*;

use crate::{
    Context,
    convert::{self, row_name},
    store::invitation::{Column, Entity},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListInvitationsRequest,
) -> Result<ListInvitationsResponse> {
    let mut select = Entity::find();
    if !request.customer_id.is_empty() {
        select = select.filter(Column::CustomerId.eq(request.customer_id.as_str()));
    }
    if !request.service_request_id.is_empty() {
        select = select.filter(Column::ServiceRequestId.eq(request.service_request_id.as_str()));
    }
    if !request.complaint_id.is_empty() {
        select = select.filter(Column::ComplaintId.eq(request.complaint_id.as_str()));
    }
    if !request.org_unit_id.is_empty() {
        select = select.filter(Column::OrgUnitId.eq(request.org_unit_id.as_str()));
    }
    if let Some(name) = row_name(request.state().as_str_name(), "INVITATION_STATE") {
        select = select.filter(Column::State.eq(name));
    }
    if let Some(name) = row_name(request.trigger().as_str_name(), "TRIGGER") {
        select = select.filter(Column::Topic.eq(name));
    }
    let orders = [("create_time", Column::CreatedAt), ("send_time", Column::SendAt)];
    let (records, next_page_token) = list(&ctx.core.read(call), select, &orders, &request).await?;
    let invitations = records.iter().map(|record| convert::invitation::message(ctx, record)).collect();
    Ok(ListInvitationsResponse { invitations, next_page_token })
}
