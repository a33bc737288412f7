//! Begins to set up a second factor.

use common::{
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::gateway::v1::{EnrollTotpRequest, TotpEnrollment};

use crate::{
    domain::identity::totp,
    error::TOTP_ALREADY_ENABLED,
    identity::{secrets, sessions::account_key},
    service::Context,
    store::identity::{credential, guard},
};

/// Bytes of a shared secret, as the standard wants them for SHA-1.
const SECRET: usize = 20;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: EnrollTotpRequest) -> Result<TotpEnrollment> {
    let account = super::own(ctx, call).await?;
    let credential = ctx.authority.check_password(call, &account, &request.password).await?;
    if credential.totp().is_some() {
        return Err(Error::new(TOTP_ALREADY_ENABLED));
    }
    let secret = secrets::bytes::<SECRET>();
    // The answer is a secret: it is not kept for a repeat, which simply begins anew.
    let tx = ctx.core.db.begin().await?;
    let begun = credential::Credential { totp_secret: Some(secret.to_vec()), totp_last_step: 0, ..credential };
    credential::save(&tx, begun).await?;
    guard::forget(&tx, &account_key(&account)).await?;
    tx.commit().await?;
    let issuer = &ctx.config.sign_in.issuer;
    Ok(TotpEnrollment { secret: totp::base32(&secret), otpauth_uri: totp::uri(&secret, issuer, &account.username) })
}
