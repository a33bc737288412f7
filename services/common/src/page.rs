//! Pages by key set: a token holds where the last page ended, never an offset and never any authority.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use sea_orm::Value;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Error, Result, reason},
    reach::Reach,
};

/// Rows per page when the request does not say.
pub const DEFAULT_SIZE: u64 = 50;
/// Rows per page at the most; more is taken as this.
pub const MAX_SIZE: u64 = 500;

/// A value that rows are ordered by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Key {
    /// An instant.
    Time(DateTime<Utc>),
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

impl Key {
    /// Reads the key out of a row.
    #[must_use]
    pub fn of(value: Value) -> Option<Self> {
        match value {
            Value::ChronoDateTimeUtc(Some(time)) => Some(Self::Time(time)),
            Value::ChronoDateTimeWithTimeZone(Some(time)) => Some(Self::Time(time.with_timezone(&Utc))),
            Value::BigInt(Some(number)) => Some(Self::Number(number)),
            Value::Int(Some(number)) => Some(Self::Number(i64::from(number))),
            Value::String(Some(text)) => Some(Self::Text(text)),
            _ => None,
        }
    }

    /// The key as a value to compare with.
    #[must_use]
    pub fn value(&self) -> Value {
        match self {
            Self::Time(time) => Value::from(*time),
            Self::Number(number) => Value::from(*number),
            Self::Text(text) => Value::from(text.clone()),
        }
    }
}

/// Where a page ended: the last row's key and id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// The ordering key of the last row.
    pub key: Key,
    /// The id of the last row, which breaks ties.
    pub id: String,
}

/// What a list's pages have in common: who sees how far, the list itself, the filters and the order. A token of another
/// list is refused, and so is one of somebody who sees something else.
#[must_use]
pub fn fingerprint<Q: prost::Name>(reach: &Reach, request: &Q) -> [u8; 32] {
    let reach = Sha256::digest(format!("{reach:?}"));
    Sha256::new()
        .chain_update(reach)
        .chain_update(Q::full_name())
        .chain_update([0])
        .chain_update(request.encode_to_vec())
        .finalize()
        .into()
}

/// How many rows the caller gets.
///
/// # Errors
///
/// `INVALID_FIELDS` when the wish is negative.
pub fn size(wanted: i32) -> Result<u64> {
    match u64::try_from(wanted) {
        Ok(0) => Ok(DEFAULT_SIZE),
        Ok(wanted) => Ok(wanted.min(MAX_SIZE)),
        Err(_) => Err(Error::invalid("page_size", "number.gte")),
    }
}

/// Makes the token of the next page. `fingerprint` is of the request without its page fields.
#[must_use]
pub fn seal<T: Serialize>(cursor: &T, fingerprint: &[u8]) -> String {
    let body = serde_json::to_vec(cursor).unwrap_or_default();
    let mut bytes = check(&body, fingerprint).to_vec();
    bytes.extend_from_slice(&body);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a token; empty text is the first page.
///
/// # Errors
///
/// `INVALID_PAGE_TOKEN` when it was damaged or belongs to another list or other filters.
pub fn open<T: for<'de> Deserialize<'de>>(token: &str, fingerprint: &[u8]) -> Result<Option<T>> {
    if token.is_empty() {
        return Ok(None);
    }
    let refused = || Error::new(reason::INVALID_PAGE_TOKEN);
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
    let (sum, body) = bytes.split_at_checked(16).ok_or_else(refused)?;
    if sum != check(body, fingerprint) {
        return Err(refused());
    }
    serde_json::from_slice(body).map(Some).map_err(|_| refused())
}

fn check(body: &[u8], fingerprint: &[u8]) -> [u8; 16] {
    let sum = Sha256::new().chain_update(fingerprint).chain_update(body).finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&sum[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_and_every_flipped_bit_is_refused() {
        let cursor = Cursor { key: Key::Number(7), id: "th_1".to_owned() };
        let token = seal(&cursor, b"filters");
        assert_eq!(open::<Cursor>(&token, b"filters").unwrap(), Some(cursor));
        assert_eq!(open::<Cursor>(&token, b"others").unwrap_err().reason, reason::INVALID_PAGE_TOKEN);
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let damaged = URL_SAFE_NO_PAD.encode(damaged);
            assert_eq!(open::<Cursor>(&damaged, b"filters").unwrap_err().reason, reason::INVALID_PAGE_TOKEN);
        }
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(size(0).unwrap(), DEFAULT_SIZE);
        assert_eq!(size(9_999).unwrap(), MAX_SIZE);
        assert!(size(-1).is_err());
    }
}
