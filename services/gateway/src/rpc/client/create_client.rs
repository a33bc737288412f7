//! Makes a client with its first secret.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{ClientWithSecret, CreateClientRequest};

use crate::{
    convert::identity as convert,
    domain::identity::client::{Client, State},
    identity::{clients, secrets},
    service::Context,
    store::identity::client,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CreateClientRequest) -> Result<ClientWithSecret> {
    let made = Client {
        id: call.ids.make(call.now),
        version: 0,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id: request.org_unit_id.clone(),
        name: request.name.clone(),
        partner_id: request.partner_id.clone(),
        state: State::Active,
        scopes: request.scopes.clone(),
        networks: convert::networks(&request.allowed_networks)?,
        calls_per_second: request.calls_per_second,
        calls_per_day: request.calls_per_day,
        expires_at: convert::end(request.expire_time.as_ref(), call.now)?,
    }
    .checked(&ctx.scopes)?;
    let work = ctx.core.begin(call, &request).await?;
    let made = client::insert(&work, call, made).await?;
    let (prefix, secret) = clients::secret();
    client::add_secret(&work, &made.id, (&prefix, secrets::digest(&secret)), call.now).await?;
    super::note(ctx, &work, call, "client.create", made.id.as_str(), "").await?;
    let client = Some(convert::client(&made, &client::secrets(&*work, &made.id).await?));
    // The secret is put in only now: the kept answer has none.
    let answer = work.commit(ClientWithSecret { client, secret: String::new() }).await?;
    Ok(ClientWithSecret { secret, ..answer })
}
