//! Sends everything again that happened since an instant.

use common::{convert::optional_instant, error::Result, id::Id as _, service::Call};
use proto::aftercare::gateway::v1::{ReplayFromRequest, ReplayFromResponse};

use crate::{
    domain::webhook::EndpointId,
    service::Context,
    store::{
        feed,
        webhook::{self, lane},
    },
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ReplayFromRequest) -> Result<ReplayFromResponse> {
    let id = EndpointId::parse(&request.endpoint_id)?;
    let since = optional_instant(request.since.as_ref(), "since")?.unwrap_or(call.now);
    let work = ctx.core.begin(call, &request).await?;
    let endpoint = webhook::load(&*work, &call.reach, &id).await?;
    let newest = feed::newest(&*work).await?;
    let after = feed::before(&*work, since).await?.unwrap_or(newest);
    if after < newest {
        lane::replay(&work, endpoint.id.as_str(), after, newest).await?;
    }
    work.commit(ReplayFromResponse { facts: newest - after }).await
}
