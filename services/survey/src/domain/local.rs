//! Local time of the business: the zone in which rest hours, days and months are meant.

use chrono::{DateTime, Utc};
use jiff::{Timestamp, civil, tz::TimeZone};

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

/// What a clock on the wall shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime {
    /// The day.
    pub date: civil::Date,
    /// Seconds since midnight, as the clock shows them.
    pub second: i32,
}

/// Seconds of a day on the wall.
pub const DAY: i32 = 86_400;

impl Zone {
    /// The zone of that name in the IANA database, for example `Asia/Shanghai`.
    ///
    /// # Errors
    ///
    /// When there is no such zone.
    pub fn named(name: &str) -> anyhow::Result<Self> {
        Ok(Self(TimeZone::get(name)?))
    }

    /// What the wall shows at that instant.
    #[must_use]
    pub fn wall(&self, at: DateTime<Utc>) -> WallTime {
        let local = self.0.to_datetime(stamp(at));
        let time = local.time();
        let second = i32::from(time.hour()) * 3_600 + i32::from(time.minute()) * 60 + i32::from(time.second());
        WallTime { date: local.date(), second }
    }

    /// The first instant at which the wall shows that second of that day; where a clock change leaves it out, the
    /// instant as far behind the change as it is behind the gap's start.
    #[must_use]
    pub fn instant(&self, date: civil::Date, second: i32) -> DateTime<Utc> {
        let second = second.clamp(0, DAY - 1);
        let time = civil::Time::new(
            i8::try_from(second / 3_600).unwrap_or_default(),
            i8::try_from(second / 60 % 60).unwrap_or_default(),
            i8::try_from(second % 60).unwrap_or_default(),
            0,
        )
        .unwrap_or(civil::Time::MIN);
        let stamp = self.0.to_timestamp(date.to_datetime(time)).unwrap_or(Timestamp::MAX);
        DateTime::from_timestamp_micros(stamp.as_microsecond()).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The month, for example `2026-11`.
    #[must_use]
    pub fn month(&self, at: DateTime<Utc>) -> String {
        let date = self.wall(at).date;
        format!("{:04}-{:02}", date.year(), date.month())
    }
}

fn stamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp::from_microsecond(at.timestamp_micros()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_local() {
        let zone = Zone::named("Asia/Shanghai").unwrap();
        let at = "2026-11-30T16:30:00Z".parse().unwrap();
        assert_eq!(zone.month(at), "2026-12");
        assert_eq!(zone.wall(at).second, 1_800);
        assert!(Zone::named("Nowhere/At-All").is_err());
    }
}
