//! Days that are unlike their weekday: public holidays, and weekend days that are worked to make up for them.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::to_civil;
use crate::error::{Error, Result};

/// Mainland China's days as published each year, 2022 to 2026.
const CHINA: &str = include_str!("../../data/cn_calendar.csv");

/// What a special day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// Closed, whatever its weekday.
    Holiday,
    /// Worked, whatever its weekday.
    Working,
}

/// A list of special days. Next year's list appears each autumn: it is data that users update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecialDays {
    /// Public holidays.
    #[serde(default)]
    pub holidays: Vec<NaiveDate>,
    /// Make-up working days.
    #[serde(default)]
    pub working: Vec<NaiveDate>,
}

impl SpecialDays {
    /// Mainland China, 2022 to 2026.
    ///
    /// # Errors
    ///
    /// Never, as long as the embedded list is whole.
    pub fn china() -> Result<Self> {
        Self::read(CHINA)
    }

    /// Reads a list of lines `date,kind,name`, kind being `holiday` or `working`, after one heading line.
    ///
    /// # Errors
    ///
    /// Names the line that cannot be read.
    pub fn read(text: &str) -> Result<Self> {
        let mut days = Self::default();
        for (index, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = || Error::invalid(format!("line[{}]", index + 1), "calendar.special_day");
            let mut cells = line.split(',').map(str::trim);
            let date: NaiveDate = cells.next().and_then(|cell| cell.parse().ok()).ok_or_else(wrong)?;
            match cells.next() {
                Some("holiday") => days.holidays.push(date),
                Some("working") => days.working.push(date),
                Some(_) | None => return Err(wrong()),
            }
        }
        Ok(days)
    }

    pub(super) fn by_date(&self) -> Result<BTreeMap<Date, DayKind>> {
        let kinds = [(&self.holidays, DayKind::Holiday), (&self.working, DayKind::Working)];
        let mut days = BTreeMap::new();
        for (date, kind) in kinds.into_iter().flat_map(|(dates, kind)| dates.iter().map(move |date| (date, kind))) {
            let civil = to_civil(*date).ok_or_else(|| Error::invalid("special_days", "calendar.special_day"))?;
            if days.insert(civil, kind).is_some_and(|before| before != kind) {
                return Err(Error::invalid("special_days", "calendar.contradiction").with("date", date));
            }
        }
        Ok(days)
    }
}
