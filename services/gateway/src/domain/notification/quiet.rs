//! Quiet hours: what would go out in them waits for their end.

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use jiff::{Timestamp, civil::Time, tz::TimeZone};

/// A span of the local day; one whose end is not after its start runs over midnight.
#[derive(Clone, Debug)]
pub(crate) struct Quiet {
    zone: TimeZone,
    from: Time,
    until: Time,
}

impl Quiet {
    /// Quiet hours such as "21:00" to "08:00" in a zone. The same time twice means none.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read.
    pub(crate) fn new(zone: &str, from: &str, until: &str) -> anyhow::Result<Self> {
        let time = |text: &str| -> anyhow::Result<Time> {
            let (hour, minute) = text.split_once(':').ok_or_else(|| anyhow::anyhow!("`{text}` is no time of day"))?;
            Ok(Time::new(hour.parse()?, minute.parse()?, 0, 0)?)
        };
        Ok(Self { zone: TimeZone::get(zone)?, from: time(from)?, until: time(until)? })
    }

    /// The first instant from `at` on that is not in them.
    pub(crate) fn next_allowed(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let Some(local) = self.local(at) else { return at };
        let time = local.time();
        let over_midnight = self.until <= self.from;
        let quiet = if over_midnight {
            self.from != self.until && (time >= self.from || time < self.until)
        } else {
            time >= self.from && time < self.until
        };
        if !quiet {
            return at;
        }
        let date = if over_midnight && time >= self.from {
            local.date().tomorrow().unwrap_or(local.date())
        } else {
            local.date()
        };
        let end = date.to_datetime(self.until).to_zoned(self.zone.clone());
        end.ok().and_then(|end| DateTime::from_timestamp(end.timestamp().as_second(), 0)).unwrap_or(at)
    }

    /// The beginning of the local day.
    pub(crate) fn midnight(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let start = self.local(at).and_then(|local| local.start_of_day().ok());
        start.and_then(|start| DateTime::from_timestamp(start.timestamp().as_second(), 0)).unwrap_or(at)
    }

    /// "2026-03-02 14:00" and "16:00" as people at the place write them.
    pub(crate) fn written(&self, at: DateTime<Utc>, with_date: bool) -> String {
        let Some(local) = self.local(at) else { return String::new() };
        let clock = local.strftime("%H:%M").to_string();
        if with_date { format!("{} {clock}", local.date()) } else { clock }
    }

    fn local(&self, at: DateTime<Utc>) -> Option<jiff::Zoned> {
        debug_assert!(at.year() > 0 && at.nanosecond() < 2_000_000_000, "an instant of our calendar");
        Some(Timestamp::from_second(at.timestamp()).ok()?.to_zoned(self.zone.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_into_the_night_waits_for_the_morning() {
        let night = Quiet::new("Asia/Shanghai", "21:00", "08:00").unwrap();
        let noon = Quiet::new("Asia/Shanghai", "12:00", "14:00").unwrap();
        let none = Quiet::new("Asia/Shanghai", "08:00", "08:00").unwrap();
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        for (quiet, from, to) in [
            (&night, "2026-03-02T20:59:59+08:00", "2026-03-02T20:59:59+08:00"),
            (&night, "2026-03-02T21:00:00+08:00", "2026-03-03T08:00:00+08:00"),
            (&night, "2026-03-03T02:00:00+08:00", "2026-03-03T08:00:00+08:00"),
            (&night, "2026-03-03T08:00:00+08:00", "2026-03-03T08:00:00+08:00"),
            (&night, "2026-12-31T23:00:00+08:00", "2027-01-01T08:00:00+08:00"),
            (&noon, "2026-03-02T13:00:00+08:00", "2026-03-02T14:00:00+08:00"),
            (&noon, "2026-03-02T23:00:00+08:00", "2026-03-02T23:00:00+08:00"),
            (&none, "2026-03-02T23:00:00+08:00", "2026-03-02T23:00:00+08:00"),
        ] {
            assert_eq!(quiet.next_allowed(at(from)), at(to), "{from}");
        }
        assert_eq!(night.midnight(at("2026-03-02T01:00:00+08:00")), at("2026-03-02T00:00:00+08:00"));
        assert_eq!(night.written(at("2026-03-02T14:30:00+08:00"), true), "2026-03-02 14:30");
        assert!(Quiet::new("Mars/Olympus", "21:00", "08:00").is_err());
        assert!(Quiet::new("Asia/Shanghai", "25:00", "08:00").is_err());
    }
}
