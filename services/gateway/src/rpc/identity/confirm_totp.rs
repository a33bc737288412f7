//! Confirms a second factor by its first code.

use common::{
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::gateway::v1::{ConfirmTotpRequest, RecoveryCodes};

use crate::{
    audit::{self, Entry},
    domain::identity::totp,
    error::{CODE_REFUSED, TOTP_ALREADY_ENABLED, TOTP_NOT_ENROLLED},
    identity::{secrets, sessions::account_key},
    service::Context,
    store::identity::{account, credential, guard},
};

/// Recovery codes that are given out.
const CODES: usize = 10;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ConfirmTotpRequest) -> Result<RecoveryCodes> {
    let person = super::own(ctx, call).await?;
    ctx.authority.count_try(call, &account_key(&person)).await?;
    let credential = credential::of(ctx.core.db.read(), &person.id).await?;
    if credential.totp().is_some() {
        return Err(Error::new(TOTP_ALREADY_ENABLED));
    }
    let secret = credential.totp_secret.clone().ok_or_else(|| Error::new(TOTP_NOT_ENROLLED))?;
    let step = totp::check(&secret, &request.code, call.now, credential.totp_last_step);
    let totp_last_step = step.ok_or_else(|| Error::new(CODE_REFUSED))?;
    let codes: Vec<String> = (0..CODES).map(|_| secrets::password()).collect();
    let digests = codes.iter().map(|code| sea_orm::JsonValue::from(secrets::hex_digest(code)));
    let recovery_codes = sea_orm::JsonValue::Array(digests.collect());
    // The answer is a secret: it is not kept for a repeat.
    let tx = ctx.core.db.begin().await?;
    account::save(&tx, call, person.clone().noted("enable_totp", call.now)).await?;
    let confirmed = credential::Credential { totp_confirmed: true, totp_last_step, recovery_codes, ..credential };
    credential::save(&tx, confirmed).await?;
    guard::forget(&tx, &account_key(&person)).await?;
    let mut entry = Entry::new(&call.actor, "totp.enable", "account", person.id.as_str());
    entry.from_address.clone_from(&call.origin.address);
    audit::record(&tx, &ctx.core, entry).await?;
    tx.commit().await?;
    Ok(RecoveryCodes { codes })
}
