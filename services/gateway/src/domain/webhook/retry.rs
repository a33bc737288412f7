//! When a failed try is made again: soon, then ever more seldom, for three days.

use chrono::{DateTime, Duration, Utc};

/// Pauses in seconds after the first, second, … try; the last one repeats.
const PAUSES: [i64; 9] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800];
/// How long a delivery is tried.
pub(crate) const LONGEST: Duration = Duration::days(3);
/// A wish of the endpoint ("Retry-After") is followed up to here.
const LONGEST_WISH: i64 = 21_600;

/// The next try after `tries` failed ones, the first of which was due at `since`; `None` when it is time to give up.
/// `chance` is between 0 and 1 and spreads the tries by a fifth to each side; `wish` is what the endpoint asks for.
pub(crate) fn next(
    tries: u32,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
    chance: f64,
    wish: Option<i64>,
) -> Option<DateTime<Utc>> {
    let place = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    let pause = PAUSES.get(place).copied().unwrap_or_default();
    // In milliseconds: the first pauses are short.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "hours in milliseconds fit")]
    let spread = (pause as f64 * 1_000.0 * (0.8 + 0.4 * chance.clamp(0.0, 1.0))) as i64;
    let wish = wish.unwrap_or_default().clamp(0, LONGEST_WISH) * 1_000;
    let at = now + Duration::milliseconds(spread.max(wish));
    (at < since + LONGEST).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_after_three_days() {
        for chance in [0.0, 0.5, 1.0] {
            let start = DateTime::UNIX_EPOCH;
            let mut now = start;
            let mut pauses = Vec::new();
            let mut tries = 1;
            while let Some(at) = next(tries, start, now, chance, None) {
                pauses.push(at - now);
                now = at;
                tries += 1;
            }
            assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]), "{pauses:?}");
            assert!(now < start + LONGEST && now > start + LONGEST - Duration::hours(10), "{now}");
            assert!((12..25).contains(&tries), "{tries} tries");
        }
    }

    #[test]
    fn an_endpoint_may_ask_for_time() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(next(1, now, now, 0.5, Some(60)), Some(now + Duration::seconds(60)));
        assert_eq!(next(1, now, now, 0.5, Some(1)), Some(now + Duration::seconds(5)));
        assert_eq!(next(1, now, now, 0.5, Some(i64::MAX)), Some(now + Duration::hours(6)));
        assert_eq!(next(1, now, now, 0.5, Some(-5)), Some(now + Duration::seconds(5)));
        assert_eq!(next(9, now, now + Duration::hours(70), 0.5, None), None);
    }
}
