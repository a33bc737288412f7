//! Keeps a client out for good.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::gateway::v1::{Client, DisableClientRequest};

use crate::{convert::identity as convert, domain::identity::ClientId, service::Context, store::identity::client};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: DisableClientRequest) -> Result<Client> {
    let id = ClientId::parse(&request.client_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let found = store::load::<client::entity::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &found)?;
    let found = client::save(&work, call, found.disable(request.reason.clone(), call.now)?).await?;
    client::retire_secrets(&work, &id, None, call.now).await?;
    super::note(ctx, &work, call, "client.disable", id.as_str(), &request.reason).await?;
    work.commit(convert::client(&found, &[])).await
}
