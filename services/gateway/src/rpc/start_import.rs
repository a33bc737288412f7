//! Starts an import of a file.

use common::{
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::gateway::v1::{Job, StartImportRequest};

use crate::{
    audit::{self, Entry},
    convert,
    domain::exchange::Task,
    error::{BODY_TOO_LARGE, FILE_EMPTY},
    exchange::{import, jobs},
    service::Context,
    store::exchange::{self as store, Part},
};

/// Bytes of one piece of the file.
const PIECE: usize = 256 * 1024;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: StartImportRequest) -> Result<Job> {
    let Some(kind) = convert::exchange::imported(request.kind()) else {
        return Err(Error::invalid("kind", "required"));
    };
    import::may(ctx, kind, &call.actor)?;
    let file = request.file.as_ref().map(|file| file.data.as_slice()).unwrap_or_default();
    let limit = ctx.config.exchange.file_limit;
    if file.is_empty() {
        return Err(Error::new(FILE_EMPTY));
    }
    if file.len() > limit {
        return Err(Error::new(BODY_TOO_LARGE).with("limit", limit));
    }
    let task = Task::Import { kind, dry_run: request.dry_run, file_name: request.file_name.clone() };
    let work = ctx.core.begin(call, &request).await?;
    let found = jobs::begin(ctx, call, &work, task).await?;
    audit::record(&work, &ctx.core, Entry::new(&call.actor, "import", "job", found.job.id.as_str())).await?;
    for (place, piece) in (0..).zip(file.chunks(PIECE)) {
        store::add_piece(&*work, &found.job.id, Part::Source, place, piece.to_vec()).await?;
    }
    let answer = work.commit(convert::exchange::job(&found)).await?;
    ctx.exchange.wake.notify_one();
    Ok(answer)
}
