//! Secrets of partners' programs, and their quota of a day.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use common::error::{Error, Result};

use super::{Authority, caller::Bound, secrets};
use crate::{error::DAILY_QUOTA_EXCEEDED, store::identity::client};

/// How every secret of a client begins.
pub(crate) const KEY: &str = "ak_";
/// Calls that a replica takes out of a day's quota at once, at the most.
const BITE: i64 = 50;

/// A new secret: its beginning, by which it is found, and all of it.
pub(crate) fn secret() -> (String, String) {
    let prefix = secrets::name();
    let whole = format!("{KEY}{prefix}_{}", secrets::text());
    (prefix, whole)
}

/// The beginning of a secret, if it has the form of one.
pub(crate) fn prefix(key: &str) -> Option<&str> {
    let (prefix, secret) = key.strip_prefix(KEY)?.split_once('_')?;
    (prefix.len() == 12 && prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) && secret.len() == 43).then_some(prefix)
}

/// Calls that this replica may still let through, by client.
#[derive(Debug, Default)]
pub(crate) struct Quotas(Mutex<HashMap<String, (String, i64)>>);

impl Quotas {
    /// Takes one call out of a client's day. Replicas take several at once, so that not every call writes: the quota is
    /// never passed, and at the end of a day some calls of it may be left with a replica that did not need them.
    ///
    /// # Errors
    ///
    /// `DAILY_QUOTA_EXCEEDED`.
    pub(crate) async fn take(&self, authority: &Authority, bound: &Bound) -> Result<()> {
        if bound.calls_per_day == 0 {
            return Ok(());
        }
        let now = authority.core.clock.now();
        let day = now.format("%Y-%m-%d").to_string();
        if self.left(bound, &day) {
            return Ok(());
        }
        let bite = (bound.calls_per_day / 100).clamp(1, BITE);
        for calls in [bite, 1] {
            let tx = authority.core.db.begin().await?;
            if client::take_calls(&tx, &bound.client_id, &day, calls, bound.calls_per_day).await? {
                tx.commit().await?;
                let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let place = all.entry(bound.client_id.clone()).or_insert_with(|| (day.clone(), 0));
                if place.0 != day {
                    *place = (day, 0);
                }
                place.1 += calls - 1;
                return Ok(());
            }
        }
        let midnight = (now + chrono::Duration::days(1)).date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        Err(Error::new(DAILY_QUOTA_EXCEEDED)
            .with("calls_per_day", bound.calls_per_day)
            .with("retry_seconds", (midnight - now).num_seconds()))
    }

    fn left(&self, bound: &Bound, day: &str) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(&bound.client_id) {
            Some((of, left)) if of == day && *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_by_its_beginning() {
        let (beginning, whole) = secret();
        assert_eq!(prefix(&whole), Some(&*beginning));
        for wrong in ["", "ak_", "ak_0123456789ab", "ak_0123456789ab_short", "xx_0123456789ab_x"] {
            assert_eq!(prefix(wrong), None, "{wrong}");
        }
    }
}
