//! Who may do a job at all: the rules that do not depend on the rest of the plan.

use crate::model::{Job, JobIx, Need, Problem, Shift, ShiftIx, Technician, Window};

/// A rule that stands between a job and a shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Nobody works in the shift.
    Closed,
    /// A skill is missing.
    SkillMissing(u16),
    /// A level is too low.
    LevelTooLow(u16),
    /// A certificate is missing.
    CertificateMissing(u16),
    /// A certificate is not valid on the day.
    CertificateNotValid(u16),
    /// The caller forbids it, with the caller's code.
    Forbidden(u16),
    /// Outside the technician's territories, and that is a hard rule.
    Territory,
    /// The job has no time left at all: release, windows and confirmed window contradict each other.
    NoWindow,
    /// No window of the job meets the shift.
    OutsideShift,
    /// The shift holds as many jobs as it may.
    DailyLimit,
    /// The vehicle is full.
    Capacity,
    /// The way would be longer than a day's driving may be.
    DrivingLimit,
    /// No gap: windows, breaks, other visits and the end of the shift leave no place for it.
    NoGap,
    /// Not enough technicians can start together.
    CrewIncomplete,
    /// Other pinned visits of the shift contradict each other, so nothing can be added.
    Contradiction,
}

/// The first of the needs that the technician does not meet on that day.
pub(crate) fn unmet(technician: &Technician, needs: &[Need], day: i32) -> Option<Rule> {
    needs.iter().find_map(|need| {
        let mut rule = Some(Rule::SkillMissing(need.skill));
        for has in technician.skills.iter().filter(|has| has.skill == need.skill) {
            let found = if has.level < need.level {
                Some(Rule::LevelTooLow(need.skill))
            } else if !need.certificate {
                None
            } else {
                match has.certificate {
                    None => Some(Rule::CertificateMissing(need.skill)),
                    Some((from, until)) if day < from || day > until => Some(Rule::CertificateNotValid(need.skill)),
                    Some(_) => None,
                }
            };
            rule = found;
            if rule.is_none() {
                break;
            }
        }
        rule
    })
}

/// When a job may really start: its windows after the release and inside what the customer confirmed.
#[must_use]
pub fn windows(job: &Job) -> Vec<Window> {
    let any = [Window { from: crate::tables::EVER, until: crate::tables::NEVER }];
    let confirmed = job.confirmed();
    let stated: &[Window] = if job.windows.is_empty() { &any } else { &job.windows };
    let mut windows: Vec<Window> = match confirmed {
        // What was confirmed counts, even where the stated windows have changed since.
        Some(window) => vec![window],
        None => stated.to_vec(),
    };
    if let Some(release) = job.release {
        for window in &mut windows {
            window.from = window.from.max(release);
        }
    }
    windows.retain(|window| window.from <= window.until);
    windows.sort_unstable();
    let mut merged: Vec<Window> = Vec::with_capacity(windows.len());
    for window in windows {
        match merged.last_mut() {
            Some(last) if window.from <= last.until => last.until = last.until.max(window.until),
            _ => merged.push(window),
        }
    }
    merged
}

/// Whether any window of the job meets the shift.
pub(crate) fn meets(windows: &[Window], shift: &Shift) -> bool {
    let latest = shift.latest_end();
    windows.iter().any(|window| window.from <= latest && window.until >= shift.start)
}

/// The rule that keeps a job out of a shift whatever else is planned there.
#[must_use]
pub fn refusal(problem: &Problem, job: JobIx, shift: ShiftIx) -> Option<Rule> {
    let (job, shift) = (&problem.jobs[job as usize], &problem.shifts[shift as usize]);
    let technician = &problem.technicians[shift.technician as usize];
    if shift.closed {
        return Some(Rule::Closed);
    }
    if let Some((_, code)) = job.forbidden.iter().find(|(who, _)| *who == shift.technician) {
        return Some(Rule::Forbidden(*code));
    }
    if let Some(rule) = unmet(technician, &job.needs, shift.day) {
        return Some(rule);
    }
    if problem.weights.outside_territory.is_none() && is_outside(job, technician) {
        return Some(Rule::Territory);
    }
    let windows = windows(job);
    if windows.is_empty() {
        return Some(Rule::NoWindow);
    }
    if !meets(&windows, shift) {
        return Some(Rule::OutsideShift);
    }
    None
}

/// Whether the job lies outside the technician's territories.
pub(crate) fn is_outside(job: &Job, technician: &Technician) -> bool {
    job.territory.is_some_and(|at| !technician.territories.is_empty() && !technician.territories.contains(&at))
}

/// What it costs to send this technician, before the road: levels too many, not wished for, outside the territory.
pub(crate) fn wish(problem: &Problem, job: &Job, technician: u32) -> i64 {
    let weights = &problem.weights;
    let who = &problem.technicians[technician as usize];
    let mut cost = 0;
    for need in &job.needs {
        let level = who.skills.iter().filter(|has| has.skill == need.skill).map(|has| has.level).max().unwrap_or(0);
        cost += weights.over_qualified_level * i64::from(level.saturating_sub(need.level));
    }
    if !job.preferred.is_empty() && !job.preferred.contains(&technician) {
        cost += weights.not_preferred;
    }
    if is_outside(job, who) {
        cost += weights.outside_territory.unwrap_or(0);
    }
    cost
}
