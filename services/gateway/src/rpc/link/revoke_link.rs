//! Revokes a link.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::gateway::v1::{Link, RevokeLinkRequest};

use crate::{
    audit::{self, Entry},
    convert::identity as convert,
    domain::identity::LinkId,
    service::Context,
    store::identity::link,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RevokeLinkRequest) -> Result<Link> {
    let id = LinkId::parse(&request.link_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let found = store::load::<link::entity::Entity>(&*work, id.as_str()).await?;
    let revoked = link::save(&work, call, found.revoke(call.now)?).await?;
    let entry = Entry::new(&call.actor, "link.revoke", revoked.purpose.name(), &revoked.record_id);
    audit::record(&work, &ctx.core, entry.seen_from(&call.origin.address)).await?;
    work.commit(convert::link(&revoked)).await
}
