//! Deletes a file. Its bytes are gone within a minute.

use common::{
    error::{Error, Result, reason},
    id::Id as _,
    record::Role,
    service::Call,
};
use proto::aftercare::gateway::v1::{DeleteFileRequest, File};
use sea_orm::entity::prelude::*;

use crate::{
    audit::{self, Entry},
    convert,
    domain::file::FileId,
    service::Context,
    store::file as store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: DeleteFileRequest) -> Result<File> {
    let work = ctx.core.begin(call, &request).await?;
    let row = ctx.files.visible(FileId::parse(&request.file_id)?.as_str(), &call.actor, call.language).await?;
    // Who sent a file may take it back until it stands in a record; then it is evidence.
    let own = row.attached_at.is_none() && row.uploader_id == call.actor.id;
    if !own && !matches!(call.actor.role, Role::Admin | Role::Manager) {
        return Err(Error::new(reason::NOT_ALLOWED).with("role", call.actor.role.as_str()));
    }
    store::mark_deleted(&*work, store::entity::Column::Id.eq(row.id.as_str()), call.now).await?;
    let entry = Entry::new(&call.actor, "file.delete", "file", &row.id).customer(&row.customer_id);
    audit::record(&work, &ctx.core, entry.because(&request.reason).digest(&row.digest)).await?;
    work.commit(convert::file::message(row)).await
}
