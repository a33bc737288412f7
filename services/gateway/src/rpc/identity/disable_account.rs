//! Keeps somebody out.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
    store,
};
use proto::aftercare::gateway::v1::{Account, DisableAccountRequest};

use crate::{
    audit::{self, Entry},
    convert::identity as convert,
    domain::identity::AccountId,
    error::LAST_ADMIN,
    service::Context,
    store::identity::{
        account, credential,
        session::{self, Which},
    },
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: DisableAccountRequest) -> Result<Account> {
    let id = AccountId::parse(&request.account_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let person = store::load::<account::entity::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &person)?;
    let person = account::save(&work, call, person.disable(request.reason.clone(), call.now)?).await?;
    if account::active_admins(&*work).await? == 0 {
        return Err(Error::new(LAST_ADMIN));
    }
    session::end(&work, Which::All(&id), "disabled", call.now).await?;
    let mut entry = Entry::new(&call.actor, "account.disable", "account", id.as_str());
    entry.subject_version = person.version;
    entry.reason.clone_from(&request.reason);
    entry.from_address.clone_from(&call.origin.address);
    audit::record(&work, &ctx.core, entry).await?;
    let credential = credential::of(&*work, &id).await?;
    work.commit(convert::account(&person, &credential)).await
}
