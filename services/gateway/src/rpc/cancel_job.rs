//! Cancels a job that waits or runs.

use common::{error::Result, id::Id as _, record::Record as _, service::Call, timer};
use proto::aftercare::gateway::v1::{CancelJobRequest, Job};

use crate::{
    convert,
    domain::exchange::JobId,
    exchange::jobs,
    service::Context,
    store::exchange::{self as store, Found},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CancelJobRequest) -> Result<Job> {
    let id = JobId::parse(&request.job_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let Found { job, progress, secret } = store::load(&*work, &id).await?;
    call.check_etag(&request.etag, &job)?;
    let expires_at = jobs::expiry(ctx, call);
    let job = store::save(&work, call, job.cancel(expires_at, call.now)?).await?;
    store::drop_pieces(&*work, &id, None).await?;
    timer::schedule(&work, jobs::EXPIRE, job.id(), expires_at).await?;
    work.commit(convert::exchange::job(&Found { job, progress, secret })).await
}
