//! Instants on a local clock, and back.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use common::error::{Error, Result};
use jiff::{Timestamp, civil, tz::TimeZone};

/// Refuses a time zone that nobody knows.
pub(crate) fn check(name: &str, field: &str) -> Result<()> {
    TimeZone::get(name).map(|_| ()).map_err(|_| Error::invalid(field, "time_zone"))
}

fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(Error::internal)
}

/// What the clock on the wall shows.
pub(crate) fn local(name: &str, at: DateTime<Utc>) -> Result<NaiveDateTime> {
    let there = Timestamp::from_second(at.timestamp()).map_err(Error::internal)?.to_zoned(zone(name)?).datetime();
    let part = |value: i8| u32::try_from(value).unwrap_or_default();
    NaiveDate::from_ymd_opt(i32::from(there.year()), part(there.month()), part(there.day()))
        .and_then(|day| day.and_hms_opt(part(there.hour()), part(there.minute()), part(there.second())))
        .ok_or_else(|| Error::internal(anyhow::anyhow!("{there} is outside the calendar")))
}

/// The instant at so many minutes after midnight of a local day. Where a clock change swallows it, the one after it.
pub(crate) fn at(name: &str, day: NaiveDate, minute: u32) -> Result<DateTime<Utc>> {
    use chrono::Datelike as _;
    let (day, minute) = if minute >= 24 * 60 { (day.succ_opt().unwrap_or(day), 0) } else { (day, minute) };
    let part = |value: u32| i8::try_from(value).map_err(Error::internal);
    let year = i16::try_from(day.year()).map_err(Error::internal)?;
    let there = civil::Date::new(year, part(day.month())?, part(day.day())?).map_err(Error::internal)?.at(
        part(minute / 60)?,
        part(minute % 60)?,
        0,
        0,
    );
    let at = there.to_zoned(zone(name)?).map_err(Error::internal)?.timestamp();
    DateTime::from_timestamp(at.as_second(), 0)
        .ok_or_else(|| Error::internal(anyhow::anyhow!("{at} is outside the calendar")))
}

/// First and last instant (excluded) of a local day.
pub(crate) fn day(name: &str, day: NaiveDate) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
    let next = day.succ_opt().ok_or_else(|| Error::internal(anyhow::anyhow!("{day} is the last day")))?;
    Ok((midnight(name, day)?, midnight(name, next)?))
}

fn midnight(name: &str, day: NaiveDate) -> Result<DateTime<Utc>> {
    use chrono::Datelike as _;
    let part = |value: u32| i8::try_from(value).map_err(Error::internal);
    let year = i16::try_from(day.year()).map_err(Error::internal)?;
    let date = civil::Date::new(year, part(day.month())?, part(day.day())?).map_err(Error::internal)?;
    // Where a clock change swallows midnight, the day begins at the first instant there is.
    let at = date.to_zoned(zone(name)?).map_err(Error::internal)?.timestamp();
    DateTime::from_timestamp(at.as_second(), 0)
        .ok_or_else(|| Error::internal(anyhow::anyhow!("{at} is outside the calendar")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shanghai_is_eight_hours_ahead() {
        let at = DateTime::from_timestamp(1_772_416_800, 0).unwrap();
        assert_eq!(local("Asia/Shanghai", at).unwrap().to_string(), "2026-03-02 10:00:00");
        let (from, until) = day("Asia/Shanghai", NaiveDate::from_ymd_opt(2026, 3, 2).unwrap()).unwrap();
        assert_eq!((from.to_rfc3339(), (until - from).num_hours()), ("2026-03-01T16:00:00+00:00".to_owned(), 24));
    }

    #[test]
    fn minutes_of_a_day_are_those_of_the_clock_on_the_wall() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 29).unwrap();
        // Berlin skips from two to three: half past two is half past three.
        let instant = at("Europe/Berlin", day, 150).unwrap();
        assert_eq!(local("Europe/Berlin", instant).unwrap().to_string(), "2026-03-29 03:30:00");
        assert_eq!(at("Europe/Berlin", day, 1440).unwrap(), self::day("Europe/Berlin", day).unwrap().1);
        assert_eq!(
            local("Europe/Berlin", at("Europe/Berlin", day, 540).unwrap()).unwrap().to_string(),
            "2026-03-29 09:00:00"
        );
    }

    #[test]
    fn a_day_of_a_clock_change_has_twenty_three_hours() {
        let (from, until) = day("Europe/Berlin", NaiveDate::from_ymd_opt(2026, 3, 29).unwrap()).unwrap();
        assert_eq!((until - from).num_hours(), 23);
        assert!(check("Mars/Olympus", "time_zone").is_err());
    }
}
