//! An independent, naive check of every hard rule. It shares nothing with the search but the problem and the travel times.

use std::collections::BTreeMap;

use crate::{
    model::{Job, JobIx, Lock, Problem, Seconds, Shift, ShiftIx},
    plan::{Plan, PlannedShift, Purpose},
    rules::{self, Rule},
    travel::Travel,
};

/// A hard rule that a plan breaks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A job is neither planned nor listed as open, or both, or planned twice.
    Lost(JobIx),
    /// A job's technician may not do it.
    NotAllowed(JobIx, ShiftIx, Rule),
    /// Work starts outside every window, or outside the confirmed one.
    OutsideWindow(JobIx, Seconds),
    /// Work starts before the technician can be there, or the times of a visit do not add up.
    Impossible(JobIx, Seconds),
    /// A shift starts too early or ends too late.
    Hours(ShiftIx, Seconds),
    /// A break is missing, too short, at the wrong time, or during work or on the road.
    Break(ShiftIx),
    /// Too many jobs.
    DailyLimit(ShiftIx),
    /// Too long on the road.
    DrivingLimit(ShiftIx),
    /// Too much in the vehicle.
    Capacity(ShiftIx),
    /// The crew is not complete, not of different technicians, or does not start together.
    Crew(JobIx),
    /// The parts are not collected before.
    Parts(JobIx),
    /// A pinned visit is not where it was pinned.
    Moved(JobIx),
}

/// Everything that is wrong with a plan. Shifts whose pinned visits contradict each other are the caller's facts and are not checked for
/// times; they are in [`contradictions`].
#[must_use]
pub fn validate<T: Travel>(problem: &Problem, travel: &T, plan: &Plan) -> Vec<Violation> {
    let mut found = Vec::new();
    let contradictions = contradictions(problem, travel);
    let mut members: BTreeMap<JobIx, Vec<(ShiftIx, Seconds)>> = BTreeMap::new();
    for planned in &plan.shifts {
        for visit in planned.visits.iter().filter(|visit| visit.purpose == Purpose::Job) {
            members.entry(visit.job).or_default().push((planned.shift, visit.start));
        }
        let Some(shift) = problem.shifts.get(planned.shift as usize) else { continue };
        permissions(problem, planned, &mut found);
        if !contradictions.contains(&planned.shift) {
            times(problem, travel, shift, planned, &mut found);
        }
    }
    for (at, job) in problem.jobs.iter().enumerate() {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let team = members.get(&at).map_or(&[][..], Vec::as_slice);
        whole(problem, at, job, team, plan.unassigned.iter().filter(|open| **open == at).count(), &mut found);
    }
    found
}

fn whole(
    problem: &Problem,
    at: JobIx,
    job: &Job,
    team: &[(ShiftIx, Seconds)],
    open: usize,
    found: &mut Vec<Violation>,
) {
    if let Lock::Pinned { shifts, start } = &job.lock {
        let mut wanted = shifts.clone();
        let mut have: Vec<ShiftIx> = team.iter().map(|(shift, _)| *shift).collect();
        wanted.truncate(3);
        wanted.sort_unstable();
        have.sort_unstable();
        if wanted != have || team.iter().any(|(_, at)| at != start) {
            found.push(Violation::Moved(at));
        }
        return;
    }
    if (team.is_empty() && open != 1) || (!team.is_empty() && open != 0) {
        found.push(Violation::Lost(at));
    }
    if team.is_empty() {
        return;
    }
    let mut who: Vec<u32> = team.iter().map(|(shift, _)| problem.shifts[*shift as usize].technician).collect();
    who.sort_unstable();
    who.dedup();
    if team.len() != usize::from(job.crew.clamp(1, 3))
        || who.len() != team.len()
        || team.iter().any(|(_, start)| *start != team[0].1)
    {
        found.push(Violation::Crew(at));
    }
}

fn permissions(problem: &Problem, planned: &PlannedShift, found: &mut Vec<Violation>) {
    let shift = &problem.shifts[planned.shift as usize];
    let (mut load, mut jobs) = (0, 0);
    for visit in planned.visits.iter().filter(|visit| visit.purpose == Purpose::Job) {
        let job = &problem.jobs[visit.job as usize];
        load += job.load;
        jobs += 1;
        if job.is_pinned() {
            continue;
        }
        if let Some(rule) = rules::refusal(problem, visit.job, planned.shift) {
            found.push(Violation::NotAllowed(visit.job, planned.shift, rule));
        }
        let inside = job.windows.is_empty()
            || job.windows.iter().any(|window| window.from <= visit.start && visit.start <= window.until);
        let confirmed = job.confirmed();
        let ok = confirmed.map_or(inside, |window| window.from <= visit.start && visit.start <= window.until);
        if !ok || job.release.is_some_and(|release| visit.start < release) {
            found.push(Violation::OutsideWindow(visit.job, visit.start));
        }
        let carried = job.pickup.as_ref().is_none_or(|parts| parts.on_van_of.contains(&shift.technician));
        let collected = planned
            .visits
            .iter()
            .take_while(|other| other.job != visit.job || other.purpose == Purpose::Pickup)
            .any(|other| other.job == visit.job && other.purpose == Purpose::Pickup);
        if visit.member == 0 && !carried && !collected {
            found.push(Violation::Parts(visit.job));
        }
    }
    let pinned = planned.visits.iter().all(|visit| problem.jobs[visit.job as usize].is_pinned());
    if !pinned && shift.max_jobs.is_some_and(|most| jobs > most) {
        found.push(Violation::DailyLimit(planned.shift));
    }
    if !pinned && shift.capacity.is_some_and(|most| load > most) {
        found.push(Violation::Capacity(planned.shift));
    }
}

/// Walks the shift minute by minute, so to say: drive, break, wait, work.
fn times<T: Travel>(problem: &Problem, travel: &T, shift: &Shift, planned: &PlannedShift, found: &mut Vec<Violation>) {
    let latest = shift.latest_end();
    let (mut now, mut place, mut drive) = (shift.start, shift.from, 0);
    let mut breaks = planned.breaks.iter().copied().peekable();
    let pause = |now: &mut Seconds, by: Seconds, breaks: &mut std::iter::Peekable<_>| {
        // Breaks that end by then are taken while standing.
        while let Some((from, until)) = breaks.next_if(|(_, until): &(Seconds, Seconds)| *until <= by) {
            if from < *now {
                return false;
            }
            *now = until;
        }
        true
    };
    for visit in &planned.visits {
        let job = &problem.jobs[visit.job as usize];
        let (to, seconds) = match (visit.purpose, &job.pickup) {
            (Purpose::Pickup, Some(parts)) => {
                let open = parts.windows.is_empty()
                    || parts.windows.iter().any(|window| window.from <= visit.start && visit.start <= window.until);
                if !open {
                    found.push(Violation::Parts(visit.job));
                }
                (parts.place, parts.seconds)
            }
            _ => {
                let pace = problem.technicians[shift.technician as usize]
                    .paces
                    .iter()
                    .rev()
                    .find(|(kind, _)| *kind == job.kind);
                let pace = pace.map_or(1000, |(_, pace)| i64::from(*pace));
                (job.place, i32::try_from(i64::from(job.seconds) * pace / 1000).unwrap_or(i32::MAX))
            }
        };
        // On the road; breaks before it are over when it begins.
        let leave = visit.arrive - visit.travel;
        if !pause(&mut now, leave, &mut breaks) {
            found.push(Violation::Break(planned.shift));
        }
        let way = travel.leg(place, to, now.max(leave)).seconds;
        let arrive = now.max(leave) + way;
        drive += way;
        now = arrive;
        if !pause(&mut now, visit.start, &mut breaks) {
            found.push(Violation::Break(planned.shift));
        }
        if visit.start < now || visit.end - visit.start != seconds {
            found.push(Violation::Impossible(visit.job, visit.start));
        }
        now = visit.end;
        place = to;
    }
    // Breaks after the last visit: some on leaving, the others at the end place. A plan does not say which; one way of
    // reading it must be true.
    let rest: Vec<_> = breaks.collect();
    let read = |on_leaving: usize| {
        let walk = |mut now: Seconds, breaks: &[(Seconds, Seconds)]| {
            for (from, until) in breaks {
                if *from < now {
                    return None;
                }
                now = *until;
            }
            Some(now)
        };
        let leave = walk(now, &rest[..on_leaving])?;
        let way = shift.to.map_or(0, |to| travel.leg(place, to, leave).seconds);
        Some((walk(leave + way, &rest[on_leaving..])?, way))
    };
    let readings: Vec<_> = (0..=rest.len()).filter_map(read).collect();
    match readings.iter().find(|(end, _)| *end == planned.end).or(readings.first()) {
        Some((end, way)) => {
            now = *end;
            drive += way;
        }
        None => found.push(Violation::Break(planned.shift)),
    }
    if now != planned.end || now > latest {
        found.push(Violation::Hours(planned.shift, now));
    }
    if shift.drive_seconds.is_some_and(|most| drive > most) {
        found.push(Violation::DrivingLimit(planned.shift));
    }
    let wanted: Vec<_> = crate::days::breaks(shift).collect();
    let fits = wanted.len() == planned.breaks.len()
        && wanted.iter().zip(&planned.breaks).all(|(wanted, (from, until))| {
            (wanted.window.from..=wanted.window.until).contains(from) && until - from == wanted.seconds
        });
    if !fits {
        found.push(Violation::Break(planned.shift));
    }
}

/// Shifts whose pinned visits cannot all be true: they overlap, lie too far apart, leave no time for a break, end too late.
#[must_use]
pub fn contradictions<T: Travel>(problem: &Problem, travel: &T) -> Vec<ShiftIx> {
    let mut only = problem.clone();
    only.jobs.retain(Job::is_pinned);
    for job in &mut only.jobs {
        job.pickup = None;
    }
    let state = crate::state::PlanState::new(std::sync::Arc::new(crate::tables::Tables::new(only, travel.clone())));
    (0..u32::try_from(problem.shifts.len()).unwrap_or(0))
        .filter(|shift| state.routes()[*shift as usize].broken)
        .collect()
}
