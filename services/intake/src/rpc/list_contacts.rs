//! Lists contacts, for example those with an overdue promise.

use common::{error::Result, service::Call, store::list};
use proto::aftercare::intake::v1::{self as pb, ListContactsRequest};
use sea_orm::entity::prelude::*;

use crate::{
    Context, convert,
    domain::contact::PromiseState,
    store::contact::entity::{Column, Entity},
};

const ORDERS: &[common::store::Order<Entity>] = &[("at", Column::At), ("promise_due_at", Column::PromiseDueAt)];

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListContactsRequest,
) -> Result<pb::ListContactsResponse> {
    let mut select = Entity::find();
    for (column, value) in [
        (Column::CustomerId, &request.customer_id),
        (Column::ServiceRequestId, &request.service_request_id),
        (Column::AgentId, &request.agent_id),
    ] {
        if !value.is_empty() {
            select = select.filter(column.eq(value.as_str()));
        }
    }
    select = match convert::promise_state(request.promise_state) {
        None => select,
        Some(PromiseState::Open) => select.filter(Column::Promise.eq("open")).filter(Column::PromiseDueAt.gt(call.now)),
        Some(PromiseState::Overdue) => {
            select.filter(Column::Promise.eq("open")).filter(Column::PromiseDueAt.lte(call.now))
        }
        Some(PromiseState::Kept) => select.filter(Column::Promise.eq("kept")),
        Some(PromiseState::KeptLate) => select.filter(Column::Promise.eq("kept_late")),
    };
    let (found, next_page_token) = list(&ctx.core.read(call), select, ORDERS, &request).await?;
    let contacts = found.iter().map(|contact| convert::contact(contact, call.now)).collect();
    Ok(pb::ListContactsResponse { contacts, next_page_token })
}
