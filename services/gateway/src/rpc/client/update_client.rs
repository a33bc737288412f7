//! Changes a client.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::gateway::v1::{Client, UpdateClientRequest};

use crate::{
    convert::{self, identity as messages},
    domain::identity::{ClientId, client::Patch},
    service::Context,
    store::identity::client,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateClientRequest) -> Result<Client> {
    let id = ClientId::parse(&request.client_id)?;
    let patch = patch(call, &request)?;
    let work = ctx.core.begin(call, &request).await?;
    let found = store::load::<client::entity::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &found)?;
    let changed = client::save(&work, call, found.update(patch, &ctx.scopes, call.now)?).await?;
    super::note(ctx, &work, call, "client.update", id.as_str(), "").await?;
    let answer = messages::client(&changed, &client::secrets(&*work, &id).await?);
    work.commit(answer).await
}

fn patch(call: &Call, request: &UpdateClientRequest) -> Result<Patch> {
    let mut patch = Patch::default();
    for path in convert::mask(request.update_mask.as_ref())? {
        match path.as_str() {
            "name" => patch.name = Some(request.name.clone()),
            "scopes" => patch.scopes = Some(request.scopes.clone()),
            "allowed_networks" => patch.networks = Some(messages::networks(&request.allowed_networks)?),
            "calls_per_second" => patch.calls_per_second = Some(request.calls_per_second),
            "calls_per_day" => patch.calls_per_day = Some(request.calls_per_day),
            "expire_time" => patch.expires_at = Some(messages::end(request.expire_time.as_ref(), call.now)?),
            unknown => return Err(convert::unknown_path(unknown)),
        }
    }
    Ok(patch)
}
