//! Lets somebody sign in at a provider, found there by issuer and subject and by nothing else.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::gateway::v1::{Account, LinkProviderRequest};

use crate::{
    audit::{self, Entry},
    convert::identity as convert,
    domain::identity::{AccountId, account::ProviderIdentity},
    service::Context,
    store::identity::{account, credential},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: LinkProviderRequest) -> Result<Account> {
    let id = AccountId::parse(&request.account_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let person = store::load::<account::entity::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &person)?;
    let provider = ctx.authority.providers.get(&request.provider)?;
    let (issuer, subject) = (provider.issuer().to_owned(), request.subject.clone());
    // What an administrator gave, the provider's word does not change.
    let identity = ProviderIdentity { issuer, subject, follows: false };
    let person = account::save(&work, call, person.linked(identity, call.now)).await?;
    let mut entry = Entry::new(&call.actor, "account.link_provider", "account", id.as_str());
    entry.subject_version = person.version;
    entry.reason = format!("provider {}", request.provider);
    entry.from_address.clone_from(&call.origin.address);
    audit::record(&work, &ctx.core, entry).await?;
    let credential = credential::of(&*work, &id).await?;
    work.commit(convert::account(&person, &credential)).await
}
