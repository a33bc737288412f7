//! Changes an endpoint.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::gateway::v1::{UpdateEndpointRequest, WebhookEndpoint};

use crate::{
    convert,
    domain::webhook::{EndpointId, Patch, location::Location},
    service::Context,
    store::webhook::{self, lane},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateEndpointRequest) -> Result<WebhookEndpoint> {
    let id = EndpointId::parse(&request.endpoint_id)?;
    let patch = patch(ctx, &request)?;
    let work = ctx.core.begin(call, &request).await?;
    let endpoint = webhook::load(&*work, &call.reach, &id).await?;
    call.check_etag(&request.etag, &endpoint)?;
    let endpoint = webhook::save(&work, call, endpoint.update(patch, call.now)?).await?;
    let lane = lane::of(&*work, endpoint.id.as_str()).await?;
    work.commit(convert::webhook::endpoint(&endpoint, lane.as_ref(), call.now)).await
}

fn patch(ctx: &Context, request: &UpdateEndpointRequest) -> Result<Patch> {
    let mut patch = Patch::default();
    for path in convert::mask(request.update_mask.as_ref())? {
        match path.as_str() {
            "url" => {
                Location::parse(&request.url, &ctx.config.webhooks.rules())?;
                patch.url = Some(request.url.clone());
            }
            "kinds" => patch.kinds = Some(request.kinds.clone()),
            "description" => patch.description = Some(request.description.clone()),
            unknown => return Err(convert::unknown_path(unknown)),
        }
    }
    Ok(patch)
}
