//! Rest hours: when nobody is asked, reminded or called. What falls into them moves to the next allowed instant.

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use jiff::ToSpan as _;

use super::local::{DAY, Zone};

/// Spans of the local day in which customers are left alone.
#[derive(Clone, Debug)]
pub struct RestHours {
    zone: Zone,
    /// First second and first second after; a span whose end is not after its start runs over midnight.
    spans: Vec<(i32, i32)>,
}

impl RestHours {
    /// Rest hours of a zone, each written like `21:00-08:00`.
    ///
    /// # Errors
    ///
    /// When a span cannot be read, or when nothing of the day is left.
    pub fn new(zone: Zone, spans: &[String]) -> anyhow::Result<Self> {
        let spans = spans
            .iter()
            .map(|text| parse(text).with_context(|| format!("rest hours `{text}` must look like 21:00-08:00")))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let rest = Self { zone, spans };
        ensure!(
            (0..DAY).step_by(60).any(|second| rest.end_of(second).is_none()),
            "rest hours leave nothing of the day"
        );
        Ok(rest)
    }

    /// The zone they are meant in.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Whether customers are left alone at that instant.
    #[must_use]
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.end_of(self.zone.wall(at).second).is_some()
    }

    /// The first instant from `at` on that is in no rest hours.
    #[must_use]
    pub fn next_allowed(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let mut at = at;
        loop {
            let wall = self.zone.wall(at);
            let Some(end) = self.end_of(wall.second) else { return at };
            let date = if end > wall.second { wall.date } else { wall.date.saturating_add(1.day()) };
            let next = self.zone.instant(date, end);
            // A clock that goes back shows the end twice; minutes bring us out of the second time, too.
            at = if next > at { next } else { at + chrono::Duration::minutes(1) };
        }
    }

    /// Where the rest that holds at this second ends.
    fn end_of(&self, second: i32) -> Option<i32> {
        let inside = |&&(start, end): &&(i32, i32)| {
            if start < end { (start..end).contains(&second) } else { second >= start || second < end }
        };
        self.spans.iter().find(inside).map(|(_, end)| *end)
    }
}

fn parse(text: &str) -> anyhow::Result<(i32, i32)> {
    let (start, end) = text.split_once('-').context("no dash")?;
    let (start, end) = (second(start.trim())?, second(end.trim())?);
    ensure!(start != end, "the end is the start");
    Ok((start, end))
}

fn second(text: &str) -> anyhow::Result<i32> {
    let (hour, minute) = text.split_once(':').context("no colon")?;
    let (hour, minute): (i32, i32) = (hour.parse()?, minute.parse()?);
    ensure!((0..24).contains(&hour) && (0..60).contains(&minute), "no time of day");
    Ok(hour * 3_600 + minute * 60)
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use proptest::prelude::*;

    use super::*;

    fn rest(zone: &str, spans: &[&str]) -> RestHours {
        let spans: Vec<_> = spans.iter().map(|span| (*span).to_owned()).collect();
        RestHours::new(Zone::named(zone).unwrap(), &spans).unwrap()
    }

    fn usual() -> RestHours {
        rest("Asia/Shanghai", &["12:00-14:00", "21:00-08:00"])
    }

    #[test]
    fn what_falls_into_rest_moves_to_its_end() {
        for (from, to) in [
            ("2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z"), // 08:00 local
            ("2026-11-19T23:59:59Z", "2026-11-20T00:00:00Z"), // 07:59:59
            ("2026-11-20T04:00:00Z", "2026-11-20T06:00:00Z"), // 12:00
            ("2026-11-20T05:59:59Z", "2026-11-20T06:00:00Z"), // 13:59:59
            ("2026-11-20T12:59:59Z", "2026-11-20T12:59:59Z"), // 20:59:59
            ("2026-11-20T13:00:00Z", "2026-11-21T00:00:00Z"), // 21:00
            ("2026-11-20T16:00:00Z", "2026-11-21T00:00:00Z"), // midnight
        ] {
            let at: DateTime<Utc> = from.parse().unwrap();
            assert_eq!(usual().next_allowed(at), to.parse::<DateTime<Utc>>().unwrap(), "{from}");
        }
    }

    #[test]
    fn spans_may_touch_and_none_may_be_given() {
        let touching = rest("Asia/Shanghai", &["12:00-14:00", "14:00-15:00", "21:00-00:00", "00:00-08:00"]);
        let noon: DateTime<Utc> = "2026-11-20T04:00:00Z".parse().unwrap();
        assert_eq!(touching.next_allowed(noon), noon + Duration::hours(3));
        let night: DateTime<Utc> = "2026-11-20T14:00:00Z".parse().unwrap();
        assert_eq!(touching.next_allowed(night), "2026-11-21T00:00:00Z".parse::<DateTime<Utc>>().unwrap());
        assert_eq!(rest("Asia/Shanghai", &[]).next_allowed(noon), noon);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let zone = || Zone::named("Asia/Shanghai").unwrap();
        for spans in [vec!["12-14"], vec!["12:00-12:00"], vec!["25:00-26:00"], vec!["08:00-20:00", "20:00-08:00"]] {
            let spans: Vec<_> = spans.into_iter().map(str::to_owned).collect();
            assert!(RestHours::new(zone(), &spans).is_err(), "{spans:?}");
        }
    }

    proptest! {
        /// In zones with and without clock changes: never earlier, never in rest, never later than it must be.
        #[test]
        fn the_next_allowed_instant_is_the_first(
            minutes in 0_i64..1_051_200, zone in prop::sample::select(vec!["Asia/Shanghai", "Europe/Berlin", "America/New_York"])
        ) {
            let rest = rest(zone, &["12:00-14:00", "21:00-08:00"]);
            let at = "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minutes);
            let next = rest.next_allowed(at);
            prop_assert!(next >= at);
            prop_assert!(!rest.holds(next));
            prop_assert_eq!(rest.next_allowed(next), next);
            let mut between = at;
            while between < next {
                prop_assert!(rest.holds(between), "{} was allowed before {}", between, next);
                between += Duration::minutes(1);
            }
        }

        #[test]
        fn later_never_becomes_earlier(first in 0_i64..1_051_200, later in 0_i64..3_000) {
            let start = "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(first);
            prop_assert!(usual().next_allowed(start) <= usual().next_allowed(start + Duration::minutes(later)));
        }
    }
}
