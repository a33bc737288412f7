//! Makes an endpoint and shows its secret.

use common::{error::Result, reach::Reach, service::Call};
use proto::aftercare::gateway::v1::{CreateEndpointRequest, WebhookEndpoint};

use crate::{
    convert,
    domain::webhook::{Endpoint, Generation, State, location::Location},
    service::Context,
    store::webhook::{self, lane},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CreateEndpointRequest) -> Result<WebhookEndpoint> {
    Location::parse(&request.url, &ctx.config.webhooks.rules())?;
    let work = ctx.core.begin(call, &request).await?;
    // A partner's program makes its own, whatever it asks for.
    let partner_id = match &call.reach {
        Reach::Partner(own) => own.clone(),
        _ => request.partner_id,
    };
    let endpoint = Endpoint {
        id: call.ids.make(call.now),
        version: 0,
        created_at: call.now,
        updated_at: call.now,
        url: request.url,
        kinds: request.kinds,
        description: request.description,
        partner_id,
        state: State::Active,
        secrets: vec![Generation { number: 1, until: None }],
    };
    let endpoint = webhook::insert(&work, call, endpoint).await?;
    lane::open(&work, endpoint.id.as_str()).await?;
    let answer = work.commit(convert::webhook::endpoint(&endpoint, None, call.now)).await?;
    // Only now: what is kept for repeats of this call must not hold the secret.
    Ok(convert::webhook::with_secret(answer, &ctx.config.webhooks.key, &endpoint))
}
