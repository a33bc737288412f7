//! Gives what is known of one file.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::gateway::v1::{File, GetFileRequest};

use crate::{convert, domain::file::FileId, service::Context};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetFileRequest) -> Result<File> {
    let row = ctx.files.visible(FileId::parse(&request.file_id)?.as_str(), &call.actor, call.language).await?;
    Ok(convert::file::message(row))
}
