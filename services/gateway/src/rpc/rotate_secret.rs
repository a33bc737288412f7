//! Makes another secret for an endpoint and shows it.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::gateway::v1::{RotateSecretRequest, WebhookEndpoint};

use crate::{
    convert,
    domain::webhook::EndpointId,
    service::Context,
    store::webhook::{self, lane},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RotateSecretRequest) -> Result<WebhookEndpoint> {
    let id = EndpointId::parse(&request.endpoint_id)?;
    let overlap = chrono::Duration::from_std(ctx.config.webhooks.secret_overlap).map_err(common::Error::internal)?;
    let work = ctx.core.begin(call, &request).await?;
    let endpoint = webhook::load(&*work, &call.reach, &id).await?;
    call.check_etag(&request.etag, &endpoint)?;
    let endpoint = webhook::save(&work, call, endpoint.rotate(overlap, call.now)).await?;
    let lane = lane::of(&*work, endpoint.id.as_str()).await?;
    let answer = work.commit(convert::webhook::endpoint(&endpoint, lane.as_ref(), call.now)).await?;
    Ok(convert::webhook::with_secret(answer, &ctx.config.webhooks.key, &endpoint))
}
