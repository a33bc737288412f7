//! Lists the files of one record.

use common::{
    error::{Error, Result, reason},
    service::Call,
    store as rows,
};
use proto::aftercare::gateway::v1::{ListFilesRequest, ListFilesResponse};
use sea_orm::entity::prelude::*;

use crate::{
    convert,
    service::Context,
    store::file::entity::{Column, Entity},
};

const ORDERS: &[rows::Order<Entity>] = &[("create_time", Column::CreatedAt)];

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListFilesRequest) -> Result<ListFilesResponse> {
    let (kind, id) = (&request.record_kind, &request.record_id);
    // Who does not see the record does not learn how many files it has.
    let seen = ctx.files.owners.ask(&ctx.core, &call.actor, call.language, kind, id).await?;
    if seen.is_none() {
        return Err(Error::new(reason::NOT_FOUND).with("record_kind", kind).with("id", id));
    }
    let select = Entity::find()
        .filter(Column::RecordKind.eq(kind.as_str()))
        .filter(Column::RecordId.eq(id.as_str()))
        .filter(Column::DeletedAt.is_null());
    let (found, next_page_token) = rows::list_rows(&ctx.core.read(call), select, ORDERS, Column::Id, &request).await?;
    Ok(ListFilesResponse { files: found.into_iter().map(convert::file::message).collect(), next_page_token })
}
