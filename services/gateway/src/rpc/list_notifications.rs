//! Lists notifications and what became of them.

use common::{error::Result, service::Call, store as rows};
use proto::aftercare::gateway::v1::{ListNotificationsRequest, ListNotificationsResponse, NotificationState};
use sea_orm::entity::prelude::*;

use crate::{
    convert,
    service::Context,
    store::notification::{
        PARKED, PENDING, SENT, SUPPRESSED,
        entity::{Column, Entity},
        within,
    },
};

const ORDERS: &[rows::Order<Entity>] = &[("create_time", Column::CreatedAt)];

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListNotificationsRequest,
) -> Result<ListNotificationsResponse> {
    let mut select = Entity::find().filter(within(&call.reach));
    let state = match request.state() {
        NotificationState::Unspecified => None,
        NotificationState::Pending => Some(PENDING),
        NotificationState::Sent => Some(SENT),
        NotificationState::Suppressed => Some(SUPPRESSED),
        NotificationState::Parked => Some(PARKED),
    };
    if let Some(state) = state {
        select = select.filter(Column::State.eq(state));
    }
    for (column, wanted) in [
        (Column::Kind, &request.kind),
        (Column::RecipientId, &request.recipient_id),
        (Column::ServiceRequestId, &request.service_request_id),
    ] {
        if !wanted.is_empty() {
            select = select.filter(column.eq(wanted.as_str()));
        }
    }
    let (found, next_page_token) = rows::list_rows(&ctx.core.read(call), select, ORDERS, Column::Id, &request).await?;
    let notifications = found.into_iter().map(convert::notification::notification).collect();
    Ok(ListNotificationsResponse { notifications, next_page_token })
}
