//! Technicians: what they can, when they work, when they do not.

use chrono::{DateTime, NaiveDate, Utc};
use common::{
    convert::{Position, Window},
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{AbsenceId, Attachment, ServicePointId, TechnicianId};

/// An absence is dropped from the file this long after its end.
const ABSENCE_KEPT: chrono::Duration = chrono::Duration::days(90);

/// Whether a technician works for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Takes jobs.
    Active,
    /// Takes no jobs for the time being.
    Suspended,
    /// Has left.
    Left,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Active, Self::Suspended, Self::Left];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Left => "left",
        }
    }

    /// What may be done in it.
    #[must_use]
    pub fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Active => &["update", "add_absence", "remove_absence", "suspend", "dismiss"],
            Self::Suspended => &["update", "add_absence", "remove_absence", "activate", "dismiss"],
            Self::Left => &[],
        }
    }
}

/// Something a technician can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skill {
    /// Code.
    pub code: String,
    /// 1 beginner to 5 master.
    pub level: i32,
}

/// A paper that allows something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Code.
    pub code: String,
    /// Number on the paper.
    pub number: String,
    /// Last day it holds.
    pub valid_until: NaiveDate,
    /// First day it holds; none when it holds already.
    #[serde(default)]
    pub valid_from: Option<NaiveDate>,
}

/// A span of one day, in minutes after midnight, half open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minutes {
    /// First minute.
    pub start: u32,
    /// First minute after it.
    pub end: u32,
}

impl Minutes {
    /// Whether the two spans share a minute.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether the other span lies inside this one.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// Working time of one weekday.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// 1 Monday to 7 Sunday.
    pub weekday: u32,
    /// From when to when.
    pub time: Minutes,
    /// Breaks inside it.
    pub breaks: Vec<Minutes>,
}

/// A time without work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// Id.
    pub id: AbsenceId,
    /// When.
    pub window: Window,
    /// Why.
    pub reason: String,
}

/// A person who visits homes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Technician {
    /// Id.
    pub id: TechnicianId,
    /// Version.
    pub version: i64,
    /// Badge number.
    pub number: String,
    /// When the file was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// Organisation unit.
    pub org_unit_id: String,
    /// Service point.
    pub service_point_id: ServicePointId,
    /// Name.
    pub name: String,
    /// Phone, E.164.
    pub phone: String,
    /// State.
    pub state: State,
    /// Skills.
    pub skills: Vec<Skill>,
    /// Papers.
    pub certificates: Vec<Certificate>,
    /// Where the day begins.
    pub home: Option<Position>,
    /// Working time.
    pub shifts: Vec<Shift>,
    /// Absences.
    pub absences: Vec<Absence>,
    /// Languages spoken.
    pub languages: Vec<String>,
    /// Jobs in one day; 0 for no limit.
    pub daily_job_limit: i32,
    /// Time zone of the working time.
    pub time_zone: String,
    /// Photo for the badge.
    pub photo: Option<Attachment>,
    /// Minutes beyond the end of a shift that a plan may use.
    #[serde(default)]
    pub overtime_minutes: i32,
    /// Minutes of travel in one day at the most; 0 for no limit.
    #[serde(default)]
    pub driving_limit_minutes: i32,
    /// Beginnings of the divisions that are this one's own; none for all. Others only cost a plan something.
    #[serde(default)]
    pub territories: Vec<String>,
    /// Whether the position may be known during working hours.
    #[serde(default)]
    pub position_consent: bool,
}

impl Record for Technician {
    const KIND: &'static str = "technician";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn number(&self) -> &str {
        &self.number
    }

    fn state(&self) -> &'static str {
        self.state.name()
    }
}

/// Fields of a technician that may be changed; `None` leaves one alone.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// Service point with its organisation unit.
    pub service_point: Option<(ServicePointId, String)>,
    /// Name.
    pub name: Option<String>,
    /// Phone.
    pub phone: Option<String>,
    /// Skills.
    pub skills: Option<Vec<Skill>>,
    /// Papers.
    pub certificates: Option<Vec<Certificate>>,
    /// Where the day begins.
    pub home: Option<Option<Position>>,
    /// Working time.
    pub shifts: Option<Vec<Shift>>,
    /// Languages.
    pub languages: Option<Vec<String>>,
    /// Jobs in one day.
    pub daily_job_limit: Option<i32>,
    /// Time zone.
    pub time_zone: Option<String>,
    /// Photo.
    pub photo: Option<Option<Attachment>>,
    /// Overtime a plan may use.
    pub overtime_minutes: Option<i32>,
    /// Travel in one day.
    pub driving_limit_minutes: Option<i32>,
    /// Own divisions.
    pub territories: Option<Vec<String>>,
    /// Consent to the position.
    pub position_consent: Option<bool>,
}

impl Technician {
    /// Checks what the contract cannot say: no skill or paper twice, shifts and breaks that fit.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS`.
    pub fn checked(self) -> Result<Self> {
        if self.name.is_empty() {
            return Err(Error::invalid("name", "string.min_len"));
        }
        for (index, skill) in self.skills.iter().enumerate() {
            if self.skills[..index].iter().any(|other| other.code == skill.code) {
                return Err(Error::invalid(format!("skills[{index}].code"), "unique"));
            }
        }
        for (index, paper) in self.certificates.iter().enumerate() {
            if self.certificates[..index].iter().any(|other| other.code == paper.code) {
                return Err(Error::invalid(format!("certificates[{index}].code"), "unique"));
            }
            if paper.valid_from.is_some_and(|from| from > paper.valid_until) {
                return Err(Error::invalid(format!("certificates[{index}].valid_from"), "date.before_valid_until"));
            }
        }
        for (index, shift) in self.shifts.iter().enumerate() {
            if shift.time.start >= shift.time.end {
                return Err(Error::invalid(format!("shifts[{index}].end"), "time.after_start"));
            }
            let inside = |pause: &Minutes| pause.start < pause.end && shift.time.contains(pause);
            if !shift.breaks.iter().all(inside) {
                return Err(Error::invalid(format!("shifts[{index}].breaks"), "time.inside_shift"));
            }
            let clash = |other: &Shift| other.weekday == shift.weekday && other.time.overlaps(&shift.time);
            if self.shifts[..index].iter().any(clash) {
                return Err(Error::invalid(format!("shifts[{index}]"), "time.no_overlap"));
            }
        }
        Ok(self)
    }

    /// Whether a place in this division lies in the technician's own territory.
    #[must_use]
    pub fn at_home_in(&self, division_code: &str) -> bool {
        let own = |prefix: &String| division_code.starts_with(prefix.as_str());
        division_code.is_empty() || self.territories.is_empty() || self.territories.iter().any(own)
    }

    fn permit(&self, action: &str) -> Result<()> {
        if self.state.allowed().contains(&action) {
            Ok(())
        } else {
            Err(Error::illegal(Self::KIND, action, self.state.name(), self.state.allowed()))
        }
    }

    fn moved(mut self, action: &'static str, to: State, why: String, now: DateTime<Utc>) -> Changed<Self> {
        let from = self.state.name();
        self.state = to;
        self.updated_at = now;
        Changed::new(self, action, from, why)
    }

    /// Changes the file.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, `INVALID_FIELDS`.
    pub fn update(mut self, patch: Patch, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("update")?;
        if let Some((point, org_unit)) = patch.service_point {
            self.service_point_id = point;
            self.org_unit_id = org_unit;
        }
        self.name = patch.name.unwrap_or(self.name);
        self.phone = patch.phone.unwrap_or(self.phone);
        self.skills = patch.skills.unwrap_or(self.skills);
        self.certificates = patch.certificates.unwrap_or(self.certificates);
        self.home = patch.home.unwrap_or(self.home);
        self.shifts = patch.shifts.unwrap_or(self.shifts);
        self.languages = patch.languages.unwrap_or(self.languages);
        self.daily_job_limit = patch.daily_job_limit.unwrap_or(self.daily_job_limit);
        self.time_zone = patch.time_zone.unwrap_or(self.time_zone);
        self.photo = patch.photo.unwrap_or(self.photo);
        self.overtime_minutes = patch.overtime_minutes.unwrap_or(self.overtime_minutes);
        self.driving_limit_minutes = patch.driving_limit_minutes.unwrap_or(self.driving_limit_minutes);
        self.territories = patch.territories.unwrap_or(self.territories);
        self.position_consent = patch.position_consent.unwrap_or(self.position_consent);
        let state = self.state;
        Ok(self.checked()?.moved("update", state, String::new(), now))
    }

    /// Records an absence; those long past are dropped.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn add_absence(mut self, absence: Absence, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("add_absence")?;
        let why = absence.reason.clone();
        self.absences.retain(|old| old.window.end > now - ABSENCE_KEPT);
        self.absences.push(absence);
        let state = self.state;
        Ok(self.moved("add_absence", state, why, now))
    }

    /// Takes an absence back.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `NOT_FOUND` for an unknown absence.
    pub fn remove_absence(mut self, id: &AbsenceId, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("remove_absence")?;
        let before = self.absences.len();
        self.absences.retain(|absence| absence.id != *id);
        if self.absences.len() == before {
            return Err(Error::not_found("absence", id));
        }
        let state = self.state;
        Ok(self.moved("remove_absence", state, String::new(), now))
    }

    /// Gives no jobs for the time being.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn suspend(self, why: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("suspend")?;
        Ok(self.moved("suspend", State::Suspended, why, now))
    }

    /// Gives jobs again.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn activate(self, why: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("activate")?;
        Ok(self.moved("activate", State::Active, why, now))
    }

    /// Has left.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn dismiss(self, why: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("dismiss")?;
        Ok(self.moved("dismiss", State::Left, why, now))
    }
}

#[cfg(test)]
#[path = "technician_tests.rs"]
mod tests;
