//! Lists entries of the audit trail.

use common::{convert::optional_instant, error::Result, service::Call, store as rows};
use proto::aftercare::gateway::v1::{ListAuditEntriesRequest, ListAuditEntriesResponse};
use sea_orm::entity::prelude::*;

use crate::{
    convert,
    service::Context,
    store::audit::{
        self as store,
        entity::{Column, Entity},
    },
};

const ORDERS: &[rows::Order<Entity>] = &[("sequence", Column::Seq)];

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListAuditEntriesRequest,
) -> Result<ListAuditEntriesResponse> {
    let mut select = Entity::find();
    for (column, wanted) in [
        (Column::ActorId, &request.actor_id),
        (Column::SubjectId, &request.record_id),
        (Column::CustomerId, &request.customer_id),
        (Column::Action, &request.action),
        (Column::TraceId, &request.trace_id),
    ] {
        if !wanted.is_empty() {
            select = select.filter(column.eq(wanted.as_str()));
        }
    }
    if let Some(outcome) = convert::audit::outcome(request.outcome) {
        select = select.filter(Column::Outcome.eq(outcome.as_str()));
    }
    if let Some(from) = optional_instant(request.from_time.as_ref(), "from_time")? {
        select = select.filter(Column::At.gte(from));
    }
    if let Some(until) = optional_instant(request.until_time.as_ref(), "until_time")? {
        select = select.filter(Column::At.lt(until));
    }
    let (found, next_page_token) = rows::list_rows(&ctx.core.read(call), select, ORDERS, Column::Id, &request).await?;
    let audit_entries = found.into_iter().map(|row| convert::audit::entry(store::sealed(row))).collect();
    Ok(ListAuditEntriesResponse { audit_entries, next_page_token })
}
