//! Signed public links: for one purpose, for a time, by a key of the ring. Two forms: with a record of their own, so that
//! they can be listed and revoked, and without, for downloads of minutes.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    service::Call,
};

use crate::{
    domain::identity::link::Link,
    error::LINK_NOT_VALID,
    identity::{
        Authority,
        keys::{LONGEST_LINK, Purpose},
        secrets,
    },
    store::identity::link,
};

/// How the token of a link begins that has a record.
pub(crate) const TOKEN: &str = "lt.";
/// The purpose of a link that has a record.
const RECORD: &str = "record";
/// Bytes of a signature that stand in a token: 128 bits are beyond guessing.
const SIGNATURE: usize = 16;

/// Signs a link without a record: good for this purpose and subject until then. It cannot be revoked, so keep it short.
///
/// # Errors
///
/// `UNAVAILABLE` when there is no key.
pub(crate) async fn sign(
    authority: &Authority,
    purpose: &str,
    subject: &str,
    expires_at: DateTime<Utc>,
) -> Result<String> {
    let expires_at = expires_at.min(authority.core.clock.now() + LONGEST_LINK).timestamp();
    let key = authority.keys.signing(Purpose::Link).await?;
    let signature = signature(&key.secret, purpose, subject, expires_at)?;
    Ok(format!("{}.{expires_at:x}.{}.{signature}", URL_SAFE_NO_PAD.encode(subject), key.id))
}

/// The subject of a link without a record.
///
/// # Errors
///
/// `LINK_NOT_VALID` when it is forged, over, or made for another purpose.
pub(crate) async fn verify(authority: &Authority, purpose: &str, token: &str) -> Result<String> {
    let refused = || Error::new(LINK_NOT_VALID);
    let parts: Vec<&str> = token.split('.').collect();
    let &[subject, expires_at, key, given] = parts.as_slice() else { return Err(refused()) };
    if token.len() > 400 {
        return Err(refused());
    }
    let subject = URL_SAFE_NO_PAD.decode(subject).map_err(|_| refused())?;
    let subject = String::from_utf8(subject).map_err(|_| refused())?;
    let at = i64::from_str_radix(expires_at, 16).map_err(|_| refused())?;
    let key = authority.keys.find(Purpose::Link, key).await?.ok_or_else(refused)?;
    let expected = signature(&key.secret, purpose, &subject, at)?;
    // Written in one way only: another text of the same meaning is no token of ours.
    let same = secrets::same(expected.as_bytes(), given.as_bytes()) && format!("{at:x}") == expires_at;
    if !same || authority.core.clock.now().timestamp() >= at {
        return Err(refused());
    }
    Ok(subject)
}

/// The token of a link with a record.
///
/// # Errors
///
/// `UNAVAILABLE` when there is no key.
pub(crate) async fn token(authority: &Authority, link: &Link) -> Result<String> {
    Ok(format!("{TOKEN}{}", sign(authority, RECORD, link.id.as_str(), link.expires_at).await?))
}

/// The link of a token, if it still holds.
///
/// # Errors
///
/// `LINK_NOT_VALID` when it is forged, over or revoked: nobody learns which.
pub(crate) async fn open(authority: &Authority, token: &str) -> Result<Link> {
    let refused = || Error::new(LINK_NOT_VALID);
    let id = verify(authority, RECORD, token.strip_prefix(TOKEN).ok_or_else(refused)?).await?;
    let link = link::find(authority.core.db.read(), &id).await?;
    link.filter(|link| link.valid(authority.core.clock.now())).ok_or_else(refused)
}

/// As [`open`], for somebody unknown: whoever guesses waits.
///
/// # Errors
///
/// As [`open`]; `SIGN_IN_LOCKED` after too many wrong tokens.
pub(crate) async fn open_guarded(authority: &Authority, call: &Call, token: &str) -> Result<Link> {
    authority.guard_guessing(call, "link").await?;
    let link = open(authority, token).await?;
    authority.guessed_right(call, "link").await?;
    Ok(link)
}

fn signature(key: &[u8], purpose: &str, subject: &str, expires_at: i64) -> Result<String> {
    // Lengths stand before the texts: no two triples are written alike.
    let text = format!("{}:{purpose}:{}:{subject}:{expires_at}", purpose.len(), subject.len());
    let mac = secrets::sign(key, &text)?;
    Ok(URL_SAFE_NO_PAD.encode(&mac[..SIGNATURE]))
}
