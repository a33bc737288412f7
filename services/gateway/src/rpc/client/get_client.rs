//! Gives a client.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::gateway::v1::{Client, GetClientRequest};

use crate::{convert::identity as convert, domain::identity::ClientId, service::Context, store::identity::client};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetClientRequest) -> Result<Client> {
    let id = ClientId::parse(&request.client_id)?;
    let on = ctx.core.db.read();
    let found = store::load::<client::entity::Entity>(&ctx.core.read(call), id.as_str()).await?;
    Ok(convert::client(&found, &client::secrets(on, &id).await?))
}
