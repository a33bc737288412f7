//! Makes an account.

use common::{
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::gateway::v1::{AccountWithPassword, CreateAccountRequest};

use crate::{
    convert::identity as convert,
    domain::identity::{
        account::{Account, State},
        password,
    },
    identity::secrets,
    service::Context,
    store::identity::{
        account,
        credential::{self, Credential},
    },
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    mut request: CreateAccountRequest,
) -> Result<AccountWithPassword> {
    // Not even a digest of a password is kept with the request id.
    let given = std::mem::take(&mut request.password);
    let role = convert::role(request.role)?.ok_or_else(|| Error::invalid("role", "required"))?;
    let person = Account {
        id: call.ids.make(call.now),
        version: 0,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id: request.org_unit_id.clone(),
        username: request.username.clone(),
        email: request.email.to_lowercase(),
        display_name: request.display_name.clone(),
        role,
        person_id: request.person_id.clone(),
        partner_id: request.partner_id.clone(),
        language: if request.language.is_empty() { "zh-CN".to_owned() } else { request.language.clone() },
        state: State::Active,
        identities: Vec::new(),
    }
    .checked()?;
    let made = if given.is_empty() { secrets::password() } else { String::new() };
    if !given.is_empty() {
        let least = ctx.config.passwords.least_length;
        password::check(&given, least, &person.username, &person.display_name)?;
    }
    let hash = Some(ctx.authority.passwords.hash(if given.is_empty() { &made } else { &given }).await?);
    let work = ctx.core.begin(call, &request).await?;
    let person = account::insert(&work, call, person).await?;
    let credential = Credential::new(&person.id, hash, call.now);
    credential::insert(&work, credential.clone()).await?;
    let account = Some(convert::account(&person, &credential));
    // The password is put in only now: the kept answer has none.
    let answer = work.commit(AccountWithPassword { account, password: String::new() }).await?;
    Ok(AccountWithPassword { password: made, ..answer })
}
