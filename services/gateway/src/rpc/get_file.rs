//! Gives what is known of one file.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{File, GetFileRequest};

use crate::{convert, service::Context};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetFileRequest) -> Result<File> {
    let row = ctx.files.visible(&request.file_id, &call.actor, call.language).await?;
    Ok(convert::file::message(row))
}
