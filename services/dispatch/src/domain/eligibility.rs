//! Who can do a job, and every rule that stands in the way of those who cannot: numbers in, reasons out.
//!
//! The seam for slots and the plan: both ask this function and nothing else.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, Timelike as _};
use common::convert::{Position, Window};
use serde::{Deserialize, Serialize};

use super::{
    service_point::{self, ServicePoint},
    technician::{self, Minutes, Skill, Technician},
    travel::Travel,
};

/// What plan and check may differ by, because one of them counts in whole seconds.
const ROUNDING: chrono::Duration = chrono::Duration::seconds(5);

/// A rule between a technician and a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The technician does not work for us at present.
    TechnicianInactive,
    /// A skill is missing.
    SkillMissing,
    /// A level is too low.
    LevelTooLow,
    /// A certificate is missing.
    CertificateMissing,
    /// A certificate has expired on the day.
    CertificateExpired,
    /// Absent.
    Absent,
    /// Not inside one shift.
    OutsideShift,
    /// Runs into a break.
    BreakOverlap,
    /// Another visit, with the way there.
    VisitOverlap,
    /// The technician's day is full.
    DailyLimit,
    /// Outside the territories.
    Territory,
    /// The category is not served.
    CategoryNotServed,
    /// The service point is not active.
    ServicePointInactive,
    /// The contract does not hold on the day.
    ContractNotValid,
    /// The service point's day is full.
    Capacity,
    /// Excluded by the work order.
    Excluded,
    /// Refused it before, or let the offer run out.
    RefusedBefore,
    /// Parts are short.
    PartsUnavailable,
    /// Does not speak the language.
    Language,
    /// The customer did not name that time.
    WindowNotAccepted,
    /// More travel in one day than the technician's limit.
    DrivingLimit,
    /// No time is left between the visits of the days looked at.
    NoTimeLeft,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 22] = [
        Self::TechnicianInactive,
        Self::SkillMissing,
        Self::LevelTooLow,
        Self::CertificateMissing,
        Self::CertificateExpired,
        Self::Absent,
        Self::OutsideShift,
        Self::BreakOverlap,
        Self::VisitOverlap,
        Self::DailyLimit,
        Self::Territory,
        Self::CategoryNotServed,
        Self::ServicePointInactive,
        Self::ContractNotValid,
        Self::Capacity,
        Self::Excluded,
        Self::RefusedBefore,
        Self::PartsUnavailable,
        Self::Language,
        Self::WindowNotAccepted,
        Self::DrivingLimit,
        Self::NoTimeLeft,
    ];

    /// Its stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TechnicianInactive => "technician_inactive",
            Self::SkillMissing => "skill_missing",
            Self::LevelTooLow => "level_too_low",
            Self::CertificateMissing => "certificate_missing",
            Self::CertificateExpired => "certificate_expired",
            Self::Absent => "absent",
            Self::OutsideShift => "outside_shift",
            Self::BreakOverlap => "break_overlap",
            Self::VisitOverlap => "visit_overlap",
            Self::DailyLimit => "daily_limit",
            Self::Territory => "territory",
            Self::CategoryNotServed => "category_not_served",
            Self::ServicePointInactive => "service_point_inactive",
            Self::ContractNotValid => "contract_not_valid",
            Self::Capacity => "capacity",
            Self::Excluded => "excluded",
            Self::RefusedBefore => "refused_before",
            Self::PartsUnavailable => "parts_unavailable",
            Self::Language => "language",
            Self::WindowNotAccepted => "window_not_accepted",
            Self::DrivingLimit => "driving_limit",
            Self::NoTimeLeft => "no_time_left",
        }
    }

    /// Whether a dispatcher may override it with a reason. Safety, law, contracts and physics are not overridden.
    #[must_use]
    pub fn soft(self) -> bool {
        match self {
            Self::TechnicianInactive
            | Self::SkillMissing
            | Self::LevelTooLow
            | Self::CertificateMissing
            | Self::CertificateExpired
            | Self::Absent
            | Self::VisitOverlap
            | Self::CategoryNotServed
            | Self::ServicePointInactive
            | Self::ContractNotValid
            | Self::NoTimeLeft
            | Self::Excluded => false,
            Self::OutsideShift
            | Self::BreakOverlap
            | Self::DailyLimit
            | Self::Territory
            | Self::Capacity
            | Self::RefusedBefore
            | Self::PartsUnavailable
            | Self::Language
            | Self::DrivingLimit
            | Self::WindowNotAccepted => true,
        }
    }

    /// Whether another time would not help.
    #[must_use]
    pub fn lasts(self) -> bool {
        match self {
            Self::TechnicianInactive
            | Self::SkillMissing
            | Self::LevelTooLow
            | Self::Territory
            | Self::CategoryNotServed
            | Self::ServicePointInactive
            | Self::Excluded
            | Self::RefusedBefore
            | Self::PartsUnavailable
            | Self::Language => true,
            Self::CertificateMissing
            | Self::CertificateExpired
            | Self::Absent
            | Self::OutsideShift
            | Self::BreakOverlap
            | Self::VisitOverlap
            | Self::DailyLimit
            | Self::ContractNotValid
            | Self::Capacity
            | Self::WindowNotAccepted
            | Self::DrivingLimit
            | Self::NoTimeLeft => false,
        }
    }
}

/// One reason why a technician cannot take a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The rule.
    pub rule: Rule,
    /// What it is about.
    pub subject: String,
    /// What was needed.
    pub needed: String,
    /// What there is.
    pub found: String,
}

/// What a job asks for, at a planned time.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    /// Skills with the least level.
    pub skills: &'a [Skill],
    /// Certificates.
    pub certificates: &'a [String],
    /// Category of the product; empty when unknown.
    pub category_code: &'a str,
    /// Division; empty when unknown.
    pub division_code: &'a str,
    /// Where it is.
    pub position: Option<Position>,
    /// The customer's language; empty when any will do.
    pub language: &'a str,
    /// Windows the customer accepts; none when nobody asked.
    pub windows: &'a [Window],
    /// Excluded technicians.
    pub excluded: &'a [String],
    /// Preferred technicians.
    pub preferred: &'a [String],
    /// Technicians who refused it or let the offer run out.
    pub refused: &'a [String],
    /// SKUs that are short.
    pub short_skus: &'a [String],
    /// The planned work, from start to end.
    pub planned: Window,
}

/// Another visit of the technician.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// Number of its work order.
    pub number: String,
    /// Its planned work.
    pub planned: Window,
    /// Where it is.
    pub position: Option<Position>,
}

/// One technician at the planned time.
#[derive(Clone, Debug)]
pub struct Person<'a> {
    /// The technician.
    pub technician: &'a Technician,
    /// The service point.
    pub point: &'a ServicePoint,
    /// Start of the planned work on the technician's clock.
    pub local_start: NaiveDateTime,
    /// End of the planned work on the technician's clock.
    pub local_end: NaiveDateTime,
    /// Day of the planned work on the service point's clock.
    pub point_day: NaiveDate,
    /// Other visits around that time that are not over.
    pub visits: &'a [Visit],
    /// Jobs of the technician on that day, without this one.
    pub jobs_that_day: i32,
    /// Jobs of the service point on that day, without this one.
    pub point_jobs_that_day: i32,
}

/// Every rule that stands between this technician and this job; none when the technician can take it.
#[must_use]
pub fn refusals(job: &Job<'_>, person: &Person<'_>, travel: &Travel) -> Vec<Refusal> {
    let mut found = Vec::new();
    let mut refuse = |rule, subject: &str, needed: String, has: String| {
        found.push(Refusal { rule, subject: subject.to_owned(), needed, found: has });
    };
    let technician = person.technician;
    if technician.state != technician::State::Active {
        refuse(
            Rule::TechnicianInactive,
            technician.id.as_str(),
            "active".to_owned(),
            technician.state.name().to_owned(),
        );
    }
    for needed in job.skills {
        match technician.skills.iter().find(|skill| skill.code == needed.code) {
            None => refuse(Rule::SkillMissing, &needed.code, needed.level.to_string(), String::new()),
            Some(has) if has.level < needed.level => {
                refuse(Rule::LevelTooLow, &needed.code, needed.level.to_string(), has.level.to_string());
            }
            Some(_) => {}
        }
    }
    // A visit that ends at midnight is over on the day it began.
    let last_day = (person.local_end - chrono::Duration::seconds(1)).date();
    for code in job.certificates {
        match technician.certificates.iter().find(|paper| paper.code == *code) {
            None => refuse(Rule::CertificateMissing, code, code.clone(), String::new()),
            Some(paper) if paper.valid_until < last_day => {
                refuse(Rule::CertificateExpired, code, last_day.to_string(), paper.valid_until.to_string());
            }
            Some(paper) if paper.valid_from.is_some_and(|from| from > person.local_start.date()) => {
                let from = paper.valid_from.map(|from| from.to_string()).unwrap_or_default();
                refuse(Rule::CertificateMissing, code, person.local_start.date().to_string(), from);
            }
            Some(_) => {}
        }
    }
    for absence in technician.absences.iter().filter(|absence| absence.window.overlaps(&job.planned)) {
        refuse(Rule::Absent, absence.id.as_str(), span(&job.planned), span(&absence.window));
    }
    for (rule, needed, has) in shift_refusals(person) {
        refuse(rule, "shift", needed, has);
    }
    for visit in person.visits {
        // The way to it and the way from it; a few seconds of rounding keep nobody from a job.
        let to = travel.between(job.position, visit.position, job.planned.end) - ROUNDING;
        let from = travel.between(visit.position, job.position, visit.planned.end) - ROUNDING;
        let taken = Window { start: visit.planned.start - to, end: visit.planned.end + from };
        if taken.overlaps(&job.planned) {
            refuse(Rule::VisitOverlap, &visit.number, span(&job.planned), span(&taken));
        }
    }
    if technician.daily_job_limit > 0 && person.jobs_that_day >= technician.daily_job_limit {
        let limit = technician.daily_job_limit.to_string();
        refuse(Rule::DailyLimit, technician.id.as_str(), limit, person.jobs_that_day.to_string());
    }
    if job.excluded.iter().any(|id| id == technician.id.as_str()) {
        refuse(Rule::Excluded, technician.id.as_str(), String::new(), String::new());
    }
    if job.refused.iter().any(|id| id == technician.id.as_str()) {
        refuse(Rule::RefusedBefore, technician.id.as_str(), String::new(), String::new());
    }
    for sku in job.short_skus {
        refuse(Rule::PartsUnavailable, sku, sku.clone(), String::new());
    }
    if !speaks(technician, job.language) {
        refuse(Rule::Language, job.language, job.language.to_owned(), technician.languages.join(", "));
    }
    let accepted = |window: &Window| window.start <= job.planned.start && job.planned.start < window.end;
    if !job.windows.is_empty() && !job.windows.iter().any(accepted) {
        let windows: Vec<_> = job.windows.iter().map(span).collect();
        refuse(Rule::WindowNotAccepted, "window", windows.join(", "), span(&job.planned));
    }
    found.extend(point_refusals(job, person));
    found
}

/// What the technician's service point says.
fn point_refusals(job: &Job<'_>, person: &Person<'_>) -> Vec<Refusal> {
    let mut found = Vec::new();
    let point = person.point;
    let mut refuse = |rule, needed: String, has: String| {
        found.push(Refusal { rule, subject: point.id.to_string(), needed, found: has });
    };
    if point.state != service_point::State::Active {
        refuse(Rule::ServicePointInactive, "active".to_owned(), point.state.name().to_owned());
    }
    let Some(contract) = &point.contract else {
        refuse(Rule::ContractNotValid, person.point_day.to_string(), String::new());
        return found;
    };
    if !contract.holds_on(person.point_day) {
        let holds = format!("{}..{}", contract.valid_from, contract.valid_until);
        refuse(Rule::ContractNotValid, person.point_day.to_string(), holds);
    }
    if !job.division_code.is_empty() && !contract.serves_division(job.division_code) {
        refuse(Rule::Territory, job.division_code.to_owned(), contract.territories.join(", "));
    }
    if !job.category_code.is_empty() && !contract.serves_category(job.category_code) {
        refuse(Rule::CategoryNotServed, job.category_code.to_owned(), contract.categories.join(", "));
    }
    if contract.capacity_per_day > 0 && person.point_jobs_that_day >= contract.capacity_per_day {
        refuse(Rule::Capacity, contract.capacity_per_day.to_string(), person.point_jobs_that_day.to_string());
    }
    found
}

/// The visit must lie inside one shift of its weekday and outside its breaks.
fn shift_refusals(person: &Person<'_>) -> Vec<(Rule, String, String)> {
    let (start, end) = (person.local_start, person.local_end);
    let needed = || format!("{start}..{end}");
    let weekday = start.weekday().number_from_monday();
    // A visit that ends at midnight ends at minute 1440 of its own day; one that passes midnight fits no shift.
    let last = if end.date() == start.date() {
        Some(minute(end))
    } else {
        (start.date().succ_opt() == Some(end.date()) && minute(end) == 0).then_some(24 * 60)
    };
    let today: Vec<_> = person.technician.shifts.iter().filter(|shift| shift.weekday == weekday).collect();
    let visit = last.map(|last| Minutes { start: minute(start), end: last });
    match visit.and_then(|visit| today.iter().find(|shift| shift.time.contains(&visit)).map(|shift| (visit, shift))) {
        None => {
            let has: Vec<_> = today.iter().map(|shift| clock(&shift.time)).collect();
            vec![(Rule::OutsideShift, needed(), has.join(", "))]
        }
        Some((visit, shift)) => shift
            .breaks
            .iter()
            .filter(|pause| pause.overlaps(&visit))
            .map(|pause| (Rule::BreakOverlap, needed(), clock(pause)))
            .collect(),
    }
}

fn minute(at: NaiveDateTime) -> u32 {
    at.hour() * 60 + at.minute()
}

fn clock(time: &Minutes) -> String {
    let text = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
    format!("{}-{}", text(time.start), text(time.end))
}

fn span(window: &Window) -> String {
    use chrono::SecondsFormat::Secs;
    format!("{}..{}", window.start.to_rfc3339_opts(Secs, true), window.end.to_rfc3339_opts(Secs, true))
}

/// Languages are compared by their first part, so that `zh` speaks `zh-CN`. Nothing written down speaks everything.
#[must_use]
pub fn speaks(technician: &Technician, language: &str) -> bool {
    let first = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    language.is_empty()
        || technician.languages.is_empty()
        || technician.languages.iter().any(|spoken| first(spoken) == first(language))
}

/// How well a technician suits a job: lower is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suitability {
    /// The sum.
    pub score: i32,
    /// Levels above the need, and levels of skills that the job does not need.
    pub over_qualification: i32,
    /// Whole kilometres from the nearest known place before; -1 when unknown.
    pub distance_km: i32,
}

/// Ranks one technician. `holders` counts the technicians that have a skill: spending a rare one costs more.
#[must_use]
pub fn suitability(job: &Job<'_>, person: &Person<'_>, holders: &BTreeMap<&str, i32>) -> Suitability {
    let (mut over, mut rarity) = (0, 0);
    for skill in &person.technician.skills {
        let needed = job.skills.iter().find(|needed| needed.code == skill.code).map_or(0, |needed| needed.level);
        let spare = (skill.level - needed).max(0);
        over += spare;
        let holders = holders.get(skill.code.as_str()).copied().unwrap_or(1).max(1);
        rarity += spare * (20 / holders).max(1);
    }
    let before = person.visits.iter().filter(|visit| visit.planned.end <= job.planned.start);
    let last = before.max_by_key(|visit| visit.planned.end).and_then(|visit| visit.position);
    let metres = last.or(person.technician.home).zip(job.position).map(|(from, to)| from.metres_to(&to));
    let distance_km = metres.map_or(-1, |metres| (metres / 1000.0).clamp(0.0, 40_000.0).round() as i32);
    let preferred = job.preferred.iter().any(|id| id == person.technician.id.as_str());
    let score = rarity + 5 * person.jobs_that_day + distance_km.max(0) - if preferred { 100 } else { 0 };
    Suitability { score, over_qualification: over, distance_km }
}

#[cfg(test)]
#[path = "eligibility_tests.rs"]
mod tests;
