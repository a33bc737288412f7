//! Makes a secret void.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
    store,
};
use proto::aftercare::gateway::v1::{Client, RetireClientSecretRequest};

use crate::{convert::identity as convert, domain::identity::ClientId, service::Context, store::identity::client};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RetireClientSecretRequest) -> Result<Client> {
    let id = ClientId::parse(&request.client_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let found = store::load::<client::entity::Entity>(&*work, id.as_str()).await?;
    let found = client::save(&work, call, found.noted("retire_secret", call.now)?).await?;
    if client::retire_secrets(&work, &id, Some(&request.prefix), call.now).await? == 0 {
        return Err(Error::not_found("client_secret", &request.prefix));
    }
    super::note(ctx, &work, call, "client.retire_secret", id.as_str(), &request.prefix).await?;
    let answer = convert::client(&found, &client::secrets(&*work, &id).await?);
    work.commit(answer).await
}
