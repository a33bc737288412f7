//! Attaches a file to a record: from then on whoever sees the record sees the file.

use common::{
    error::{Error, Result, reason},
    id::Id as _,
    service::Call,
};
use proto::aftercare::gateway::v1::{AttachFileRequest, File};

use crate::{
    audit::{self, Entry},
    convert,
    domain::file::FileId,
    error::FILE_ATTACHED,
    service::Context,
    store::file as store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: AttachFileRequest) -> Result<File> {
    let row = ctx.files.visible(FileId::parse(&request.file_id)?.as_str(), &call.actor, call.language).await?;
    let (kind, id) = (&request.record_kind, &request.record_id);
    let asked = ctx.files.owners.ask(&ctx.core, &call.actor, call.language, kind, id).await?;
    let customer = asked.ok_or_else(|| Error::new(reason::NOT_FOUND).with("record_kind", kind).with("id", id))?;
    let work = ctx.core.begin(call, &request).await?;
    if row.attached_at.is_some() {
        return Err(Error::new(FILE_ATTACHED).with("id", &row.id));
    }
    let label = if request.label.is_empty() { &row.label } else { &request.label };
    store::attach(&work, &row.id, (kind, id, &customer), label, call.now).await?;
    let entry = Entry::new(&call.actor, "file.attach", "file", &row.id).customer(&customer);
    audit::record(&work, &ctx.core, entry.because(&format!("{kind} {id}"))).await?;
    let row = store::find(&*work, &row.id).await?.ok_or_else(|| Error::not_found("file", &request.file_id))?;
    work.commit(convert::file::message(row)).await
}
