//! What one plan changes in another, and for whom.

use std::collections::BTreeMap;

use crate::{
    model::{JobIx, Problem, Seconds, ShiftIx},
    plan::{Plan, Purpose},
};

/// Where a job stands in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Standing {
    /// Its shifts, one per member of the crew.
    pub shifts: Vec<ShiftIx>,
    /// Its start.
    pub start: Seconds,
}

/// What happens to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// It was open and is planned.
    Planned,
    /// It was planned and is open.
    Opened,
    /// Another day.
    OtherDay,
    /// The same day, other technicians.
    OtherTechnician,
    /// The same technicians and day, another start.
    OtherTime,
}

/// One job that does not stay as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// Which job.
    pub job: JobIx,
    /// What happens.
    pub kind: ChangeKind,
    /// Before, if it was planned.
    pub before: Option<Standing>,
    /// After, if it is planned.
    pub after: Option<Standing>,
    /// Whether the customer was told a window that the new start leaves.
    pub breaks_promise: bool,
}

fn standings(plan: &Plan) -> BTreeMap<JobIx, Standing> {
    let mut found: BTreeMap<JobIx, Vec<(u8, ShiftIx, Seconds)>> = BTreeMap::new();
    for shift in &plan.shifts {
        for visit in shift.visits.iter().filter(|visit| visit.purpose == Purpose::Job) {
            found.entry(visit.job).or_default().push((visit.member, shift.shift, visit.start));
        }
    }
    found
        .into_iter()
        .map(|(job, mut members)| {
            members.sort_unstable();
            let start = members.first().map_or(0, |(_, _, start)| *start);
            (job, Standing { shifts: members.into_iter().map(|(_, shift, _)| shift).collect(), start })
        })
        .collect()
}

/// Every job that `after` treats otherwise than `before`, in order of the jobs. Starts that move less than `tolerance` do not count.
#[must_use]
pub fn diff(problem: &Problem, before: &Plan, after: &Plan, tolerance: Seconds) -> Vec<Change> {
    let (old, new) = (standings(before), standings(after));
    let mut jobs: Vec<JobIx> = old.keys().chain(new.keys()).copied().collect();
    jobs.sort_unstable();
    jobs.dedup();
    let of = |shifts: &[ShiftIx], what: fn(&crate::model::Shift) -> i64| {
        let mut list: Vec<i64> =
            shifts.iter().filter_map(|shift| problem.shifts.get(*shift as usize)).map(what).collect();
        list.sort_unstable();
        list
    };
    jobs.into_iter()
        .filter_map(|job| {
            let (was, is) = (old.get(&job), new.get(&job));
            let kind = match (was, is) {
                (None, None) => return None,
                (None, Some(_)) => ChangeKind::Planned,
                (Some(_), None) => ChangeKind::Opened,
                (Some(was), Some(is)) => {
                    let day = |shift: &crate::model::Shift| i64::from(shift.day);
                    let who = |shift: &crate::model::Shift| i64::from(shift.technician);
                    if of(&was.shifts, day) != of(&is.shifts, day) {
                        ChangeKind::OtherDay
                    } else if of(&was.shifts, who) != of(&is.shifts, who) {
                        ChangeKind::OtherTechnician
                    } else if (was.start - is.start).abs() > tolerance {
                        ChangeKind::OtherTime
                    } else {
                        return None;
                    }
                }
            };
            let promised = problem
                .jobs
                .get(job as usize)
                .and_then(|job| job.present.as_ref())
                .and_then(|present| present.promised);
            let breaks_promise =
                promised.is_some_and(|window| is.is_none_or(|is| is.start < window.from || is.start > window.until));
            Some(Change { job, kind, before: was.cloned(), after: is.cloned(), breaks_promise })
        })
        .collect()
}
