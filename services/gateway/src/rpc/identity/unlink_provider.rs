//! Takes the link to a provider away. Sessions that began there end.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::gateway::v1::{Account, UnlinkProviderRequest};

use crate::{
    audit::{self, Entry},
    convert::identity as convert,
    domain::identity::AccountId,
    identity::oidc,
    service::Context,
    store::identity::{
        account, credential,
        session::{self, Which},
    },
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UnlinkProviderRequest) -> Result<Account> {
    let id = AccountId::parse(&request.account_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let person = store::load::<account::entity::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &person)?;
    let changed = person.unlinked(&request.issuer, &request.subject, call.now)?;
    let person = account::save(&work, call, changed).await?;
    session::end(&work, Which::Begun(&id, oidc::METHOD), "unlinked", call.now).await?;
    let mut entry = Entry::new(&call.actor, "account.unlink_provider", "account", id.as_str());
    entry.subject_version = person.version;
    entry.from_address.clone_from(&call.origin.address);
    audit::record(&work, &ctx.core, entry).await?;
    let credential = credential::of(&*work, &id).await?;
    work.commit(convert::account(&person, &credential)).await
}
