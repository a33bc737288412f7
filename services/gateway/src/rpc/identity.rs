//! Accounts, signing in, sessions.

mod change_password;
mod confirm_totp;
mod create_account;
mod disable_account;
mod disable_totp;
mod enable_account;
mod enroll_totp;
mod get_account;
mod get_me;
mod get_sign_in_options;
mod link_provider;
mod list_accounts;
mod list_sessions;
mod refresh_session;
mod reset_password;
mod revoke_session;
mod sign_in;
mod sign_in_oidc;
mod sign_in_totp;
mod sign_out;
mod unlink_provider;
mod unmask;
mod update_account;

#[cfg(test)]
mod tests;

use common::{
    error::{Error, Result, reason},
    id::Id as _,
    rpc_table,
    service::Call,
};
use proto::aftercare::gateway::v1::{identity_service_server::IdentityService, *};

use super::Api;
use crate::{
    audit::{self, Entry},
    domain::identity::{AccountId, account::Account as Person},
    service::Context,
    store,
};

rpc_table! {
    IdentityService as "aftercare.gateway.v1.IdentityService" for Api {
        sign_in(SignInRequest) -> SignInResult;
        sign_in_totp(SignInTotpRequest) -> SignInResult;
        get_sign_in_options(GetSignInOptionsRequest) -> SignInOptions;
        sign_in_oidc(SignInOidcRequest) -> SignInResult;
        refresh_session(RefreshSessionRequest) -> SignInResult;
        sign_out(SignOutRequest) -> SignOutResponse;
        list_sessions(ListSessionsRequest) -> ListSessionsResponse;
        revoke_session(RevokeSessionRequest) -> Session;
        get_me(GetMeRequest) -> Me;
        change_password(ChangePasswordRequest) -> Account;
        enroll_totp(EnrollTotpRequest) -> TotpEnrollment;
        confirm_totp(ConfirmTotpRequest) -> RecoveryCodes;
        disable_totp(DisableTotpRequest) -> Account;
        create_account(CreateAccountRequest) -> AccountWithPassword;
        get_account(GetAccountRequest) -> Account;
        list_accounts(ListAccountsRequest) -> ListAccountsResponse;
        update_account(UpdateAccountRequest) -> Account;
        disable_account(DisableAccountRequest) -> Account;
        enable_account(EnableAccountRequest) -> Account;
        reset_password(ResetPasswordRequest) -> AccountWithPassword;
        link_provider(LinkProviderRequest) -> Account;
        unlink_provider(UnlinkProviderRequest) -> Account;
        unmask(UnmaskRequest) -> UnmaskedRecord;
    }
}

/// The caller's own account. A partner's program has none, nor has who came by a development header.
async fn own(ctx: &Context, call: &Call) -> Result<Person> {
    let refused = || Error::new(reason::NOT_ALLOWED).with("role", call.actor.role.as_str());
    let id = AccountId::parse(&call.actor.account_id).map_err(|_| refused())?;
    store::identity::account::find(ctx.core.db.read(), &id).await?.ok_or_else(refused)
}

/// Notes in the audit how a sign-in ended, under the account's id or under none: never the name that was typed.
async fn note_sign_in(ctx: &Context, call: &Call, result: &Result<SignInResult>) -> Result<()> {
    let account = result.as_ref().ok().and_then(|done| done.account.as_ref());
    let id = account.map_or("", |account| &*account.account_id);
    if result.as_ref().is_ok_and(|done| done.totp_required) {
        return Ok(());
    }
    let mut entry = Entry::new(&call.actor, "sign_in", "account", id);
    if let Some(account) = account {
        entry.actor_id.clone_from(&account.account_id);
    }
    if let Err(error) = result {
        entry = entry.refused(error.reason.name);
    }
    note(ctx, call, entry).await
}

/// Writes an audit entry in a transaction of its own.
async fn note(ctx: &Context, call: &Call, mut entry: Entry) -> Result<()> {
    entry.from_address.clone_from(&call.origin.address);
    let tx = ctx.core.db.begin().await?;
    audit::record(&tx, &ctx.core, entry).await?;
    tx.commit().await
}
