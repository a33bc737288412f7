//! Gives somebody a new first password.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::gateway::v1::{AccountWithPassword, ResetPasswordRequest};

use crate::{
    audit::{self, Entry},
    convert::identity as convert,
    domain::identity::{AccountId, password},
    identity::{secrets, sessions::account_key},
    service::Context,
    store::identity::{
        account,
        credential::{self, Credential},
        guard,
        session::{self, Which},
    },
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    mut request: ResetPasswordRequest,
) -> Result<AccountWithPassword> {
    let id = AccountId::parse(&request.account_id)?;
    let given = std::mem::take(&mut request.password);
    let person = store::load::<account::entity::Entity>(&ctx.core.read(call), id.as_str()).await?;
    let made = if given.is_empty() { secrets::password() } else { String::new() };
    if !given.is_empty() {
        let least = ctx.config.passwords.least_length;
        password::check(&given, least, &person.username, &person.display_name)?;
    }
    let hash = ctx.authority.passwords.hash(if given.is_empty() { &made } else { &given }).await?;
    let work = ctx.core.begin(call, &request).await?;
    let person = store::load::<account::entity::Entity>(&*work, id.as_str()).await?;
    let person = account::save(&work, call, person.noted("reset_password", call.now)).await?;
    let credential = Credential {
        password_hash: Some(hash),
        must_change: true,
        changed_at: call.now,
        ..credential::of(&*work, &id).await?
    };
    credential::save(&work, credential.clone()).await?;
    session::end(&work, Which::All(&id), "password_changed", call.now).await?;
    guard::forget(&work, &account_key(&person)).await?;
    let mut entry = Entry::new(&call.actor, "password.reset", "account", id.as_str());
    entry.from_address.clone_from(&call.origin.address);
    audit::record(&work, &ctx.core, entry).await?;
    let account = Some(convert::account(&person, &credential));
    // The password is put in only now: the kept answer has none.
    let answer = work.commit(AccountWithPassword { account, password: String::new() }).await?;
    Ok(AccountWithPassword { password: made, ..answer })
}
