//! Sends a ping to an endpoint and answers what came of it. It changes nothing, so a repeat is another ping.

use common::{convert::timestamp, error::Result, id::Id as _, service::Call};
use proto::aftercare::gateway::v1::{DeliveryAttempt, TestEndpointRequest};

use crate::{domain::webhook::EndpointId, service::Context, store::webhook, webhooks::deliver};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: TestEndpointRequest) -> Result<DeliveryAttempt> {
    let id = EndpointId::parse(&request.endpoint_id)?;
    let endpoint = webhook::load(ctx.core.db.read(), &call.reach, &id).await?;
    let outcome = deliver::ping(ctx, call, &endpoint).await;
    Ok(DeliveryAttempt {
        at: Some(timestamp(call.now)),
        status: outcome.status.into(),
        latency_ms: i32::try_from(outcome.latency.as_millis()).unwrap_or(i32::MAX),
        error: outcome.error.to_owned(),
        snippet: outcome.snippet,
    })
}
