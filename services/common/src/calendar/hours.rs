//! Opening hours as data, and their checks.

use chrono::Weekday;
use serde::{Deserialize, Serialize};

use super::SpecialDays;
use crate::error::{Error, Result};

/// Minutes of a day; a closing time of `24:00`.
pub(super) const DAY: u16 = 24 * 60;

/// A calendar as data: what is stored, sent and edited. [`super::Calendar`] is its checked form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarData {
    /// Name of this version of the data; a changed calendar gets a new one.
    pub version: String,
    /// IANA name, for example `Asia/Shanghai`.
    pub time_zone: String,
    /// Opening hours of the week; several lines may speak of one day.
    pub hours: Vec<Hours>,
    /// Opening hours of make-up working days (the days are not read); empty: those of the week's first working day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub makeup_hours: Vec<Hours>,
    /// Holidays and make-up working days.
    #[serde(default)]
    pub special_days: SpecialDays,
}

/// One line of opening hours. Hours over midnight are two lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// The days it speaks of, as `Mon` or `Monday`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// First minute, `09:00`.
    pub open: String,
    /// First minute after it, `18:00`; midnight is `24:00`.
    pub close: String,
}

/// Minutes of the day, half open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) open: u16,
    pub(super) close: u16,
}

/// Working minutes of a day.
pub(super) fn minutes(day: &[Interval]) -> u32 {
    day.iter().map(|interval| u32::from(interval.close - interval.open)).sum()
}

/// The intervals of each day, Monday first.
pub(super) fn week(lines: &[Hours]) -> Result<[Vec<Interval>; 7]> {
    let mut week: [Vec<Interval>; 7] = Default::default();
    for (index, line) in lines.iter().enumerate() {
        let field = format!("hours[{index}]");
        if line.days.is_empty() {
            return Err(Error::invalid(format!("{field}.days"), "calendar.no_days"));
        }
        let interval = interval(line, &field)?;
        for day in &line.days {
            if let Some(day) = week.get_mut(day.num_days_from_monday() as usize) {
                day.push(interval);
            }
        }
    }
    for day in &mut week {
        order(day, "hours")?;
    }
    Ok(week)
}

/// The intervals of a day that is told alone.
pub(super) fn one_day(lines: &[Hours], field: &str) -> Result<Vec<Interval>> {
    let mut day = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        day.push(interval(line, &format!("{field}[{index}]"))?);
    }
    order(&mut day, field)?;
    Ok(day)
}

fn interval(line: &Hours, field: &str) -> Result<Interval> {
    let read = |text: &str, name: &str| {
        minute(text).ok_or_else(|| Error::invalid(format!("{field}.{name}"), "calendar.time_of_day"))
    };
    let interval = Interval { open: read(&line.open, "open")?, close: read(&line.close, "close")? };
    if interval.open >= interval.close {
        return Err(Error::invalid(format!("{field}.close"), "calendar.close_not_after_open"));
    }
    Ok(interval)
}

fn order(day: &mut [Interval], field: &str) -> Result<()> {
    day.sort_by_key(|interval| interval.open);
    if day.windows(2).any(|pair| matches!(pair, [first, second] if second.open < first.close)) {
        return Err(Error::invalid(field, "calendar.overlapping_hours"));
    }
    Ok(())
}

/// `09:30` as a minute of the day.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 || !text.bytes().all(|byte| byte == b':' || byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= DAY).then_some(all)
}
