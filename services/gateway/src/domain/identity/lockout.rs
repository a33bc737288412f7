//! What guessing costs: after some failures each further try has to wait, twice as long each time. Tries are counted
//! before they are judged, so that many at once are no way around it.

use chrono::{DateTime, Duration, Utc};

/// The terms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Failures that cost nothing.
    pub(crate) free: i32,
    /// The first wait.
    pub(crate) first: Duration,
    /// The longest wait.
    pub(crate) longest: Duration,
    /// After so long without a failure all is forgotten.
    pub(crate) forgotten: Duration,
}

/// Failures in a row of one key: an account, or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failures {
    pub(crate) count: i32,
    pub(crate) last_at: DateTime<Utc>,
    pub(crate) locked_until: DateTime<Utc>,
}

impl Failures {
    /// None so far.
    pub(crate) fn none(now: DateTime<Utc>) -> Self {
        Self { count: 0, last_at: now, locked_until: now }
    }

    /// Counts a try as failed until it turns out otherwise.
    ///
    /// # Errors
    ///
    /// How long to wait, when it is too early for a try.
    pub(crate) fn try_at(self, now: DateTime<Utc>, terms: &Terms) -> Result<Self, Duration> {
        if self.locked_until > now {
            return Err(self.locked_until - now);
        }
        let before = if now - self.last_at > terms.forgotten { 0 } else { self.count };
        let count = before.saturating_add(1);
        let wait = match count - terms.free {
            ..0 => Duration::zero(),
            beyond => {
                let doubled = 2_i32.checked_pow(beyond.unsigned_abs().min(20)).unwrap_or(i32::MAX);
                terms.first.checked_mul(doubled).map_or(terms.longest, |wait| wait.min(terms.longest))
            }
        };
        Ok(Self { count, last_at: now, locked_until: now + wait })
    }

    /// Takes one try back that turned out well, for a key that others share.
    pub(crate) fn forgive_one(self) -> Self {
        Self { count: (self.count - 1).max(0), locked_until: self.last_at, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms =
        Terms { free: 5, first: Duration::seconds(30), longest: Duration::hours(1), forgotten: Duration::days(1) };

    #[test]
    fn waits_double_until_the_longest() {
        let mut now = DateTime::UNIX_EPOCH;
        let mut failures = Failures::none(now);
        let mut waits = Vec::new();
        for _ in 0..14 {
            failures = failures.try_at(now, &TERMS).unwrap();
            waits.push((failures.locked_until - now).num_seconds());
            now = failures.locked_until;
        }
        assert_eq!(waits, [0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    }

    #[test]
    fn a_try_before_its_time_says_how_long_to_wait() {
        let now = DateTime::UNIX_EPOCH;
        let mut failures = Failures::none(now);
        for _ in 0..5 {
            failures = failures.try_at(now, &TERMS).unwrap();
        }
        assert_eq!(failures.try_at(now + Duration::seconds(10), &TERMS), Err(Duration::seconds(20)));
        assert!(failures.try_at(now + Duration::seconds(30), &TERMS).is_ok());
    }

    #[test]
    fn a_day_without_failures_forgets() {
        let now = DateTime::UNIX_EPOCH;
        let failures = Failures { count: 12, last_at: now, locked_until: now + Duration::hours(1) };
        assert_eq!(failures.try_at(now + Duration::hours(25), &TERMS).unwrap().count, 1);
    }

    #[test]
    fn one_good_try_takes_back_only_itself() {
        let now = DateTime::UNIX_EPOCH;
        let failures = Failures { count: 7, last_at: now, locked_until: now + Duration::hours(1) };
        let forgiven = failures.forgive_one();
        assert_eq!((forgiven.count, forgiven.locked_until), (6, now));
    }
}
