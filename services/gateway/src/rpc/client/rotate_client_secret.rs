//! Gives a client another secret; the present one stays good until it is retired.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
    store,
};
use proto::aftercare::gateway::v1::{ClientWithSecret, RotateClientSecretRequest};

use crate::{
    convert::identity as convert,
    domain::identity::{ClientId, client::SECRETS},
    error::TWO_SECRETS_ALREADY,
    identity::{clients, secrets},
    service::Context,
    store::identity::client,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RotateClientSecretRequest) -> Result<ClientWithSecret> {
    let id = ClientId::parse(&request.client_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let found = store::load::<client::entity::Entity>(&*work, id.as_str()).await?;
    // Guarded by the client's version: two rotations at once do not make three secrets.
    let found = client::save(&work, call, found.noted("rotate_secret", call.now)?).await?;
    if client::secrets(&*work, &id).await?.len() >= SECRETS {
        return Err(Error::new(TWO_SECRETS_ALREADY));
    }
    let (prefix, secret) = clients::secret();
    client::add_secret(&work, &id, (&prefix, secrets::digest(&secret)), call.now).await?;
    super::note(ctx, &work, call, "client.rotate_secret", id.as_str(), &prefix).await?;
    let client = Some(convert::client(&found, &client::secrets(&*work, &id).await?));
    // The secret is put in only now: the kept answer has none.
    let answer = work.commit(ClientWithSecret { client, secret: String::new() }).await?;
    Ok(ClientWithSecret { secret, ..answer })
}
