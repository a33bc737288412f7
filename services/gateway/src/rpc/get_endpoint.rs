//! Gives one endpoint.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::gateway::v1::{GetEndpointRequest, WebhookEndpoint};

use crate::{
    convert,
    domain::webhook::EndpointId,
    service::Context,
    store::webhook::{self, lane},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetEndpointRequest) -> Result<WebhookEndpoint> {
    let db = ctx.core.db.read();
    let endpoint = webhook::load(db, &call.reach, &EndpointId::parse(&request.endpoint_id)?).await?;
    let lane = lane::of(db, endpoint.id.as_str()).await?;
    Ok(convert::webhook::endpoint(&endpoint, lane.as_ref(), call.now))
}
