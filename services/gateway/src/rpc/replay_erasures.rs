//! Starts all erasures once more.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{Job, ReplayErasuresRequest};

use crate::{
    audit::{self, Entry},
    convert,
    domain::exchange::Task,
    exchange::jobs,
    service::Context,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ReplayErasuresRequest) -> Result<Job> {
    let work = ctx.core.begin(call, &request).await?;
    let found = jobs::begin(ctx, call, &work, Task::Replay).await?;
    let id = found.job.id.as_str();
    audit::record(&work, &ctx.core, Entry::new(&call.actor, "replay_erasures", "job", id)).await?;
    let answer = work.commit(convert::exchange::job(&found)).await?;
    ctx.exchange.wake.notify_one();
    Ok(answer)
}
