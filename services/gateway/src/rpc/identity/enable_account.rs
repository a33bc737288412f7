//! Lets somebody in again.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::gateway::v1::{Account, EnableAccountRequest};

use crate::{
    audit::{self, Entry},
    convert::identity as convert,
    domain::identity::AccountId,
    service::Context,
    store::identity::{account, credential},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: EnableAccountRequest) -> Result<Account> {
    let id = AccountId::parse(&request.account_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let person = store::load::<account::entity::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &person)?;
    let person = account::save(&work, call, person.enable(request.reason.clone(), call.now)?).await?;
    let mut entry = Entry::new(&call.actor, "account.enable", "account", id.as_str());
    entry.subject_version = person.version;
    entry.reason.clone_from(&request.reason);
    entry.from_address.clone_from(&call.origin.address);
    audit::record(&work, &ctx.core, entry).await?;
    let credential = credential::of(&*work, &id).await?;
    work.commit(convert::account(&person, &credential)).await
}
