//! Stops calling an endpoint.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::gateway::v1::{DisableEndpointRequest, WebhookEndpoint};

use crate::{
    convert,
    domain::webhook::{EndpointId, Why},
    service::Context,
    store::webhook::{self, lane},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: DisableEndpointRequest) -> Result<WebhookEndpoint> {
    let id = EndpointId::parse(&request.endpoint_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let endpoint = webhook::load(&*work, &call.reach, &id).await?;
    call.check_etag(&request.etag, &endpoint)?;
    let endpoint = webhook::save(&work, call, endpoint.disable(Why::ByRequest, call.now)?).await?;
    lane::well(&work, endpoint.id.as_str()).await?;
    work.commit(convert::webhook::endpoint(&endpoint, None, call.now)).await
}
