//! Gives one of the caller's jobs.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::gateway::v1::{GetJobRequest, Job};

use crate::{convert, domain::exchange::JobId, service::Context, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetJobRequest) -> Result<Job> {
    let id = JobId::parse(&request.job_id)?;
    Ok(convert::exchange::job(&store::exchange::load(&ctx.core.read(call), &id).await?))
}
