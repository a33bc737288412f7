//! Typed, prefixed, time-ordered ids (`wo_01k…`): a prefix that says the type, then a UUID version 7 in base 32.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use uuid::{Builder, Uuid};

use crate::error::{Error, Result, reason};

/// Crockford's base 32, lower case: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An id type: a prefix and the text.
pub trait Id: Sized {
    /// The prefix, for example `wo`.
    const PREFIX: &'static str;

    /// Wraps a text that is known to be well formed.
    fn wrap(text: String) -> Self;

    /// Reads an id that came from outside.
    ///
    /// # Errors
    ///
    /// `INVALID_ID` when it is not this type's prefix, an underscore and 26 base-32 digits.
    fn parse(text: &str) -> Result<Self> {
        let digits = text.strip_prefix(Self::PREFIX).and_then(|rest| rest.strip_prefix('_'));
        match digits {
            Some(digits) if digits.len() == 26 && digits.bytes().all(|digit| ALPHABET.contains(&digit)) => {
                Ok(Self::wrap(text.to_owned()))
            }
            _ => Err(Error::new(reason::INVALID_ID).with("prefix", Self::PREFIX).with("id", text)),
        }
    }

    /// Reads an id from outside that may be left out: empty text is `None`.
    ///
    /// # Errors
    ///
    /// As [`Id::parse`].
    fn parse_optional(text: &str) -> Result<Option<Self>> {
        if text.is_empty() { Ok(None) } else { Self::parse(text).map(Some) }
    }
}

/// Declares typed ids: `typed_id! { /// A thing. ThingId = "th"; }`.
#[macro_export]
macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $crate::id::Id for $name {
            const PREFIX: &'static str = $prefix;

            fn wrap(text: String) -> Self {
                Self(text)
            }
        }

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

/// Makes new ids. Seeded, it makes the same ones again: tests and demo data rest on that.
#[derive(Clone, Debug, Default)]
pub struct Ids(Option<Arc<Mutex<StdRng>>>);

impl Ids {
    /// Ids nobody can guess.
    #[must_use]
    pub fn random() -> Self {
        Self(None)
    }

    /// The same ids for the same seed and times.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// A new id of type `T`, made at `now`.
    #[must_use]
    pub fn make<T: Id>(&self, now: DateTime<Utc>) -> T {
        of(self.uuid(now).as_u128())
    }

    /// 128 bits for what is no record: event ids, tokens, nonces.
    #[must_use]
    pub fn uuid(&self, now: DateTime<Utc>) -> Uuid {
        let mut bytes = [0_u8; 10];
        match &self.0 {
            None => rand::rng().fill(&mut bytes),
            Some(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).fill(&mut bytes),
        }
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

/// The bits of an id that was made by [`of`].
#[must_use]
pub fn bits(id: &str) -> u128 {
    let digits = id.rsplit('_').next().unwrap_or_default();
    let value = |digit| ALPHABET.iter().position(|known| *known == digit).unwrap_or_default();
    digits.bytes().fold(0, |bits, digit| (bits << 5) | value(digit) as u128)
}

/// The id of type `T` with these bits: for what must not be guessed, all of them random.
#[must_use]
pub fn of<T: Id>(bits: u128) -> T {
    let digits: String =
        (0..26).rev().map(|place| char::from(ALPHABET[((bits >> (5 * place)) & 31) as usize])).collect();
    T::wrap(format!("{}_{digits}", T::PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    typed_id! {
        /// For the tests.
        ThingId = "th";
    }

    #[test]
    fn ids_sort_by_time_and_parse_back() {
        let clock = Clock::fixed(DateTime::UNIX_EPOCH + chrono::Duration::days(20_000));
        let ids = Ids::seeded(1);
        let first: ThingId = ids.make(clock.now());
        clock.advance(chrono::Duration::milliseconds(1));
        let second: ThingId = ids.make(clock.now());
        assert!(first < second);
        assert_eq!(ThingId::parse(first.as_str()).unwrap(), first);
        assert_eq!(first, Ids::seeded(1).make(clock.now() - chrono::Duration::milliseconds(1)));
    }

    #[test]
    fn foreign_and_damaged_ids_are_refused() {
        for text in [
            "",
            "th_",
            "wo_01k0000000000000000000000a",
            "th_01k0000000000000000000000",
            "th_01K000000000000000000000AB",
        ] {
            assert_eq!(ThingId::parse(text).unwrap_err().reason, reason::INVALID_ID, "{text}");
        }
    }
}
