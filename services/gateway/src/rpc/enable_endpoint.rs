//! Calls a disabled endpoint again.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::gateway::v1::{EnableEndpointRequest, WebhookEndpoint};

use crate::{
    convert,
    domain::webhook::EndpointId,
    service::Context,
    store::webhook::{self, lane},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: EnableEndpointRequest) -> Result<WebhookEndpoint> {
    let id = EndpointId::parse(&request.endpoint_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let endpoint = webhook::load(&*work, &call.reach, &id).await?;
    call.check_etag(&request.etag, &endpoint)?;
    let endpoint = webhook::save(&work, call, endpoint.enable(call.now)?).await?;
    lane::well(&work, endpoint.id.as_str()).await?;
    work.commit(convert::webhook::endpoint(&endpoint, None, call.now)).await
}
