//! Changes one's own password.

use common::{
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::gateway::v1::{Account, ChangePasswordRequest};

use crate::{
    audit::{self, Entry},
    convert::identity as convert,
    domain::identity::password,
    error::PASSWORD_TOO_WEAK,
    identity::sessions::account_key,
    service::Context,
    store::identity::{
        account, credential, guard,
        session::{self, Which},
    },
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ChangePasswordRequest) -> Result<Account> {
    let person = super::own(ctx, call).await?;
    let credential = ctx.authority.check_password(call, &person, &request.present_password).await?;
    let least = ctx.config.passwords.least_length;
    password::check(&request.new_password, least, &person.username, &person.display_name)?;
    if request.new_password == request.present_password {
        return Err(Error::new(PASSWORD_TOO_WEAK).with("rule", "same").with("least_length", least));
    }
    let password_hash = Some(ctx.authority.passwords.hash(&request.new_password).await?);
    // Not even a digest of a password is kept with the request id.
    let known = ChangePasswordRequest { present_password: String::new(), new_password: String::new(), ..request };
    let work = ctx.core.begin(call, &known).await?;
    let person = account::save(&work, call, person.noted("change_password", call.now)).await?;
    let credential = credential::Credential { password_hash, must_change: false, changed_at: call.now, ..credential };
    credential::save(&work, credential.clone()).await?;
    session::end(&work, Which::Others(&person.id, &call.origin.session_id), "password_changed", call.now).await?;
    guard::forget(&work, &account_key(&person)).await?;
    let mut entry = Entry::new(&call.actor, "password.change", "account", person.id.as_str());
    entry.from_address.clone_from(&call.origin.address);
    audit::record(&work, &ctx.core, entry).await?;
    work.commit(convert::account(&person, &credential)).await
}
