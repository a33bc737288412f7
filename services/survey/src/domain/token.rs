//! The token of a link: which invitation, until when, and a signature. Nobody can guess or change one, and it holds
//! nothing about the customer.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    id::Id as _,
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::InvitationId;
use crate::error::{LINK_EXPIRED, LINK_INVALID};

/// Shortest key that is accepted, in bytes.
const LEAST_KEY: usize = 32;
/// Bytes of the signature that stand in the token: 128 bits, so that a link fits into a short message.
const SIGNATURE: usize = 16;
/// Digits of an invitation's id behind its prefix.
const ID_DIGITS: usize = 26;
/// Hexadecimal digits of the second at which it runs out.
const TIME_DIGITS: usize = 9;

/// The keys that sign links: the first one signs, all of them verify.
#[derive(Clone)]
pub struct LinkKeys(Vec<Vec<u8>>);

impl fmt::Debug for LinkKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "LinkKeys({})", self.0.len())
    }
}

impl LinkKeys {
    /// Keys, the present one first.
    ///
    /// # Errors
    ///
    /// When there is none, or one is shorter than 32 bytes.
    pub fn new(keys: Vec<Vec<u8>>) -> anyhow::Result<Self> {
        anyhow::ensure!(!keys.is_empty(), "a key for links is needed");
        anyhow::ensure!(
            keys.iter().all(|key| key.len() >= LEAST_KEY),
            "a key for links needs {LEAST_KEY} bytes or more"
        );
        Ok(Self(keys))
    }

    /// The token of an invitation's link.
    #[must_use]
    pub fn sign(&self, invitation: &InvitationId, expires_at: DateTime<Utc>) -> String {
        let digits = invitation.as_str().rsplit('_').next().unwrap_or_default();
        let body = format!("{digits}{:0TIME_DIGITS$x}", expires_at.timestamp().max(0));
        let sum = self.0.first().map(|key| signature(key, &body)).unwrap_or_default();
        format!("{body}{}", URL_SAFE_NO_PAD.encode(sum))
    }

    /// Reads a token.
    ///
    /// # Errors
    ///
    /// `LINK_INVALID` when it is not one of ours, `LINK_EXPIRED` when it has run out.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<InvitationId> {
        let refused = || Error::new(LINK_INVALID);
        let (body, sum) = token.split_at_checked(ID_DIGITS + TIME_DIGITS).ok_or_else(refused)?;
        let sum = URL_SAFE_NO_PAD.decode(sum).map_err(|_| refused())?;
        if !self.0.iter().any(|key| matches(key, body, &sum)) {
            return Err(refused());
        }
        let (digits, until) = body.split_at_checked(ID_DIGITS).ok_or_else(refused)?;
        let until = i64::from_str_radix(until, 16).map_err(|_| refused())?;
        let id = InvitationId::parse(&format!("{}_{digits}", InvitationId::PREFIX)).map_err(|_| refused())?;
        if now.timestamp() >= until { Err(Error::new(LINK_EXPIRED)) } else { Ok(id) }
    }
}

fn mac(key: &[u8], body: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"aftercare.survey.link.v1\0");
    mac.update(body.as_bytes());
    Some(mac)
}

fn signature(key: &[u8], body: &str) -> Vec<u8> {
    mac(key, body).map(|mac| mac.finalize().into_bytes()[..SIGNATURE].to_vec()).unwrap_or_default()
}

/// In constant time.
fn matches(key: &[u8], body: &str, sum: &[u8]) -> bool {
    sum.len() == SIGNATURE && mac(key, body).is_some_and(|mac| mac.verify_truncated_left(sum).is_ok())
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use common::id::Ids;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-20T06:00:00Z".parse().unwrap()
    }

    fn keys(byte: u8) -> LinkKeys {
        LinkKeys::new(vec![vec![byte; 32]]).unwrap()
    }

    #[test]
    fn a_token_comes_back_until_it_runs_out() {
        let id: InvitationId = Ids::seeded(1).make(now());
        let token = keys(1).sign(&id, now() + Duration::days(14));
        assert_eq!(keys(1).verify(&token, now()).unwrap(), id);
        assert_eq!(keys(1).verify(&token, now() + Duration::days(14)).unwrap_err().reason, LINK_EXPIRED);
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'), "{token}");
        assert!(token.len() <= 60, "{}", token.len());
    }

    #[test]
    fn every_changed_letter_is_refused() {
        let token = keys(1).sign(&Ids::seeded(1).make(now()), now() + Duration::days(14));
        for at in 0..token.len() {
            for letter in ["0", "z", "A", "_"] {
                let mut other = token.clone();
                other.replace_range(at..=at, letter);
                if other != token {
                    assert_eq!(keys(1).verify(&other, now()).unwrap_err().reason, LINK_INVALID, "{at} {letter}");
                }
            }
        }
        for text in ["", "x", "é", &"é".repeat(40), &token[1..], &token[..token.len() - 1], &format!("{token}A")] {
            assert_eq!(keys(1).verify(text, now()).unwrap_err().reason, LINK_INVALID, "{text}");
        }
    }

    #[test]
    fn another_key_does_not_open_it_and_an_old_one_does() {
        let id: InvitationId = Ids::seeded(1).make(now());
        let token = keys(1).sign(&id, now() + Duration::days(14));
        assert_eq!(keys(2).verify(&token, now()).unwrap_err().reason, LINK_INVALID);
        let rotated = LinkKeys::new(vec![vec![2; 32], vec![1; 32]]).unwrap();
        assert_eq!(rotated.verify(&token, now()).unwrap(), id);
        assert!(LinkKeys::new(vec![]).is_err() && LinkKeys::new(vec![vec![1; 31]]).is_err());
    }
}
