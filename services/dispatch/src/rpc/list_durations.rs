//! Lists how long jobs take: what the catalogue says beside what was learned.

use common::{convert::timestamp, error::Result, service::Call, store as rows};
use proto::aftercare::dispatch::v1::{LearnedDuration, ListDurationsRequest, ListDurationsResponse};
use sea_orm::entity::prelude::*;

use crate::{
    Context,
    store::duration::entity::{Column, Entity, Model},
};

const ORDERS: &[rows::Order<Entity>] = &[("key", Column::Id), ("update_time", Column::UpdatedAt)];

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListDurationsRequest) -> Result<ListDurationsResponse> {
    let mut select = Entity::find();
    for (column, wanted) in [
        (Column::Kind, &request.kind),
        (Column::CategoryCode, &request.category_code),
        (Column::TechnicianId, &request.technician_id),
    ] {
        if !wanted.is_empty() {
            select = select.filter(column.eq(wanted.as_str()));
        }
    }
    let (found, next_page_token) = rows::list_rows(&ctx.core.read(call), select, ORDERS, Column::Id, &request).await?;
    Ok(ListDurationsResponse { durations: found.iter().map(|row| message(ctx, row)).collect(), next_page_token })
}

fn message(ctx: &Context, row: &Model) -> LearnedDuration {
    let enough = usize::try_from(row.samples).unwrap_or_default() >= ctx.config.durations.floor.max(1);
    LearnedDuration {
        kind: row.kind.clone(),
        category_code: row.category_code.clone(),
        technician_id: row.technician_id.clone(),
        standard_minutes: ctx.jobs.needs(&row.kind, &row.category_code).map_or(0, |needs| needs.standard_minutes),
        learned_minutes: row.minutes,
        samples: row.samples,
        used: enough && !row.category_code.is_empty(),
        update_time: Some(timestamp(row.updated_at)),
    }
}
