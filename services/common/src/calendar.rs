//! Business time: pure arithmetic over opening hours, holidays, make-up working days and time zones.
//!
//! Instants come and go as UTC; inside, the wall clock of the calendar's zone counts. Where the wall clock jumps (DST),
//! an hour that does not exist has no working time; where an hour comes twice, opening and closing mean its first coming.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc, Weekday};
use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::{AmbiguousOffset, TimeZone},
};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

mod days;
mod hours;
#[cfg(test)]
mod tests;

pub use days::{DayKind, SpecialDays};
use hours::Interval;
pub use hours::{CalendarData, Hours};

/// How far ahead and back opening hours are looked for: two hundred years of days.
const HORIZON: usize = 73_050;

/// A business calendar. It never is without opening hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CalendarData", into = "CalendarData")]
pub struct Calendar {
    data: CalendarData,
    zone: TimeZone,
    /// Monday first.
    week: [Vec<Interval>; 7],
    makeup: Vec<Interval>,
    special: BTreeMap<Date, DayKind>,
    /// Open day and night: no day need be looked at.
    always: bool,
}

/// A span of opening time, half open.
type Span = (DateTime<Utc>, DateTime<Utc>);

impl Calendar {
    /// A calendar that is always open, for clocks that run day and night; its dates are those of `time_zone`.
    ///
    /// # Errors
    ///
    /// When there is no such time zone.
    pub fn always(time_zone: &str) -> Result<Self> {
        let days = (0..7).map(|day| Weekday::try_from(day).unwrap_or(Weekday::Mon)).collect();
        let hours = vec![Hours { days, open: "00:00".to_owned(), close: "24:00".to_owned() }];
        Self::try_from(CalendarData {
            version: "always".to_owned(),
            time_zone: time_zone.to_owned(),
            hours,
            makeup_hours: Vec::new(),
            special_days: SpecialDays::default(),
        })
    }

    /// Name of the version of its data; kept beside every deadline computed with it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.data.version
    }

    /// Whether it is open at this instant.
    #[must_use]
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        self.always || self.spans_from(at).next().is_some_and(|(open, _)| open <= at)
    }

    /// The first instant from `at` on at which it is open: `at` itself when it is open then.
    #[must_use]
    pub fn next_open(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        if self.always {
            return at;
        }
        self.spans_from(at).next().map_or(DateTime::<Utc>::MAX_UTC, |(open, _)| open.max(at))
    }

    /// The instant by which `working` time has passed since `from`: the earliest one, so that work that ends with the
    /// day is due when the day ends. Negative working time leads back to the latest such instant. More working time
    /// than two hundred years hold never passes: the answer is the last instant there is.
    #[must_use]
    pub fn add(&self, from: DateTime<Utc>, working: Duration) -> DateTime<Utc> {
        let limit = if working < Duration::zero() { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        if self.always || working.is_zero() {
            return from.checked_add_signed(working).unwrap_or(limit);
        }
        let mut left = working.abs();
        if working > Duration::zero() {
            for (open, close) in self.spans_from(from) {
                let begin = open.max(from);
                let here = close - begin;
                if left <= here {
                    return begin + left;
                }
                left -= here;
            }
        } else {
            for (open, close) in self.spans_before(from) {
                let end = close.min(from);
                let here = end - open;
                if left <= here {
                    return end - left;
                }
                left -= here;
            }
        }
        limit
    }

    /// Working time between two instants; negative when `to` comes before `from`.
    #[must_use]
    pub fn between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
        if to < from {
            return -self.between(to, from);
        }
        if self.always {
            return to - from;
        }
        self.spans_from(from)
            .take_while(|(open, _)| *open < to)
            .fold(Duration::zero(), |sum, (open, close)| sum + (close.min(to) - open.max(from)))
    }

    /// Whether the date has opening hours.
    #[must_use]
    pub fn is_working_day(&self, date: NaiveDate) -> bool {
        to_civil(date).is_some_and(|date| !self.intervals(date).is_empty())
    }

    /// The `count`-th working day after `date` (before it, when negative); `date` itself when 0. The day itself does
    /// not count, as the law counts.
    #[must_use]
    pub fn add_working_days(&self, date: NaiveDate, count: i32) -> NaiveDate {
        let limit = if count < 0 { NaiveDate::MIN } else { NaiveDate::MAX };
        let Some(mut day) = to_civil(date) else { return limit };
        let mut left = count.unsigned_abs();
        while left > 0 {
            let next = if count < 0 { day.yesterday() } else { day.tomorrow() };
            let Ok(next) = next else { return limit };
            day = next;
            left -= u32::from(!self.intervals(day).is_empty());
        }
        from_civil(day).unwrap_or(limit)
    }

    /// The date on the wall clock.
    #[must_use]
    pub fn date_of(&self, at: DateTime<Utc>) -> NaiveDate {
        let fallback = at.date_naive();
        self.civil_date(at).and_then(from_civil).unwrap_or(fallback)
    }

    /// The first instant of a date.
    #[must_use]
    pub fn start_of(&self, date: NaiveDate) -> DateTime<Utc> {
        let at = to_civil(date).and_then(|date| self.instant(date, 0));
        at.unwrap_or_else(|| date.and_time(chrono::NaiveTime::MIN).and_utc())
    }

    /// The first instant after a date; a deadline "by the end of that day".
    #[must_use]
    pub fn end_of(&self, date: NaiveDate) -> DateTime<Utc> {
        date.succ_opt().map_or(DateTime::<Utc>::MAX_UTC, |next| self.start_of(next))
    }

    fn civil_date(&self, at: DateTime<Utc>) -> Option<Date> {
        let stamp = Timestamp::new(at.timestamp(), i32::try_from(at.timestamp_subsec_nanos()).ok()?).ok()?;
        Some(self.zone.to_datetime(stamp).date())
    }

    fn intervals(&self, date: Date) -> &[Interval] {
        match self.special.get(&date) {
            Some(DayKind::Holiday) => &[],
            Some(DayKind::Working) => &self.makeup,
            None => {
                self.week.get(date.weekday().to_monday_zero_offset().unsigned_abs() as usize).map_or(&[], Vec::as_slice)
            }
        }
    }

    /// Opening spans that end after `at`, forwards.
    fn spans_from(&self, at: DateTime<Utc>) -> impl Iterator<Item = Span> {
        // Around a fold at midnight yesterday's hours may still be open.
        let first = self.civil_date(at).map(|date| date.yesterday().unwrap_or(Date::MIN));
        std::iter::successors(first, |date| date.tomorrow().ok())
            .take(HORIZON)
            .flat_map(|date| self.intervals(date).iter().map(move |interval| (date, interval)))
            .map_while(|(date, interval)| self.span(date, interval))
            .filter(move |(open, close)| *close > at && open < close)
    }

    /// Opening spans that begin before `at`, backwards.
    fn spans_before(&self, at: DateTime<Utc>) -> impl Iterator<Item = Span> {
        let last = self.civil_date(at).map(|date| date.tomorrow().unwrap_or(Date::MAX));
        std::iter::successors(last, |date| date.yesterday().ok())
            .take(HORIZON)
            .flat_map(|date| self.intervals(date).iter().rev().map(move |interval| (date, interval)))
            .map_while(|(date, interval)| self.span(date, interval))
            .filter(move |(open, close)| *open < at && open < close)
    }

    fn span(&self, date: Date, interval: &Interval) -> Option<Span> {
        Some((self.instant(date, interval.open)?, self.instant(date, interval.close)?))
    }

    /// The first instant at which the wall clock shows this minute of the date or has passed it; so later wall times
    /// never give earlier instants, whatever the zone does. `None` beyond the calendar's years.
    fn instant(&self, date: Date, minute: u16) -> Option<DateTime<Utc>> {
        let (date, minute) = if minute == hours::DAY { (date.tomorrow().ok()?, 0) } else { (date, minute) };
        let time = Time::new(i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?, 0, 0).ok()?;
        let wall = self.zone.to_ambiguous_timestamp(date.to_datetime(time));
        let stamp = match wall.offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => wall.earlier().ok()?,
            // The wall clock jumps over it: the jump itself is the first instant past it.
            AmbiguousOffset::Gap { .. } => {
                let before = wall.earlier().ok()?;
                self.zone.following(before).next()?.timestamp()
            }
        };
        DateTime::from_timestamp(stamp.as_second(), 0)
    }
}

impl TryFrom<CalendarData> for Calendar {
    type Error = Error;

    fn try_from(data: CalendarData) -> Result<Self> {
        let zone =
            TimeZone::get(&data.time_zone).map_err(|_| Error::invalid("time_zone", "calendar.unknown_time_zone"))?;
        let week = hours::week(&data.hours)?;
        let Some(longest) = week.iter().max_by_key(|day| hours::minutes(day)) else {
            return Err(Error::invalid("hours", "calendar.empty"));
        };
        if longest.is_empty() {
            return Err(Error::invalid("hours", "calendar.empty"));
        }
        // A make-up day that names no hours is worked like the first working day of the week.
        let makeup = if data.makeup_hours.is_empty() {
            week.iter().find(|day| !day.is_empty()).cloned().unwrap_or_default()
        } else {
            hours::one_day(&data.makeup_hours, "makeup_hours")?
        };
        let special = data.special_days.by_date()?;
        let always = special.values().all(|kind| *kind == DayKind::Working)
            && week.iter().chain([&makeup]).all(|day| hours::minutes(day) == u32::from(hours::DAY));
        Ok(Self { zone, week, makeup, special, always, data })
    }
}

impl From<Calendar> for CalendarData {
    fn from(calendar: Calendar) -> Self {
        calendar.data
    }
}

fn to_civil(date: NaiveDate) -> Option<Date> {
    use chrono::Datelike as _;
    Date::new(i16::try_from(date.year()).ok()?, i8::try_from(date.month()).ok()?, i8::try_from(date.day()).ok()?).ok()
}

fn from_civil(date: Date) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(
        i32::from(date.year()),
        u32::from(date.month().unsigned_abs()),
        u32::from(date.day().unsigned_abs()),
    )
}
