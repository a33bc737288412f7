//! Takes a second factor away.

use common::{
    error::{Error, Result, reason},
    id::Id as _,
    record::Role,
    service::Call,
};
use proto::aftercare::gateway::v1::{Account, DisableTotpRequest};

use crate::{
    audit::{self, Entry},
    convert::identity as convert,
    domain::identity::AccountId,
    error::{CODE_REFUSED, TOTP_NOT_ENROLLED},
    identity::sessions::{account_key, use_code},
    service::Context,
    store::identity::{account, credential, guard},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: DisableTotpRequest) -> Result<Account> {
    let others = !request.account_id.is_empty() && request.account_id != call.actor.account_id;
    let person = if others {
        if call.actor.role != Role::Admin {
            return Err(Error::new(reason::NOT_ALLOWED).with("role", call.actor.role.as_str()));
        }
        let id = AccountId::parse(&request.account_id)?;
        let found = account::find(ctx.core.db.read(), &id).await?;
        found.ok_or_else(|| Error::not_found("account", &id))?
    } else {
        let own = super::own(ctx, call).await?;
        ctx.authority.count_try(call, &account_key(&own)).await?;
        own
    };
    let work = ctx.core.begin(call, &request).await?;
    let credential = credential::of(&*work, &person.id).await?;
    if credential.totp().is_none() {
        return Err(Error::new(TOTP_NOT_ENROLLED));
    }
    if !others && !use_code(&work, call, credential, &request.code).await? {
        return Err(Error::new(CODE_REFUSED));
    }
    let credential = credential::of(&*work, &person.id).await?.without_totp();
    credential::save(&work, credential.clone()).await?;
    let person = account::save(&work, call, person.noted("disable_totp", call.now)).await?;
    guard::forget(&work, &account_key(&person)).await?;
    let mut entry = Entry::new(&call.actor, "totp.disable", "account", person.id.as_str());
    entry.from_address.clone_from(&call.origin.address);
    audit::record(&work, &ctx.core, entry).await?;
    work.commit(convert::account(&person, &credential)).await
}
