//! After a disturbance: what is touched is mended near by, and as few promised customers as possible are moved.

use std::sync::Arc;

use crate::{
    budget::{Budget, Progress},
    diff::{Change, diff},
    model::{Cost, Job, JobIx, Lock, Present, Seconds, Shift, ShiftIx},
    plan::{Plan, Purpose},
    search::Search,
    state::PlanState,
    travel::Travel,
};

/// What has happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disturbance {
    /// Shifts as they are now: closed (somebody is ill), later, shorter.
    pub shifts: Vec<(ShiftIx, Shift)>,
    /// Jobs as they are now: longer, another window, urgent. Pinned ones come with their lock.
    pub jobs: Vec<(JobIx, Job)>,
    /// Nothing that starts before this moves: it is too near.
    pub freeze_before: Option<Seconds>,
    /// Jobs that stay where they are.
    pub frozen: Vec<JobIx>,
}

/// The plan afterwards, and for whom it has changed.
#[derive(Clone, Debug)]
pub struct Repaired<T> {
    /// The plan afterwards.
    pub state: PlanState<T>,
    /// Jobs the disturbance itself took out of the plan; they are planned again or open.
    pub disturbed: Vec<JobIx>,
    /// Everything that is not as before, by more than a quarter of an hour.
    pub changes: Vec<Change>,
}

/// How much dearer it is to move a customer in a repair than in a new plan.
const DEARER: Cost = 20;
/// A start may move that far within its window before it counts as a change.
const SAME: Seconds = 15 * 60;
/// How warm a repair begins, compared with a new plan.
const WARMTH: f64 = 0.1;
/// How many neighbours of a disturbed job are in focus.
const NEAR: usize = 12;

impl<T: Travel> PlanState<T> {
    /// Replaces a job. It is left open unless it is pinned or still fits where it was.
    pub fn change_job(&mut self, job: JobIx, changed: Job) {
        let plan = self.plan();
        Arc::make_mut(self.shared_mut()).set_job(job, changed);
        *self = Self::from_plan(Arc::clone(self.shared()), &plan);
    }

    /// Replaces a shift. What no longer fits is left open and named.
    pub fn change_shift(&mut self, shift: ShiftIx, changed: Shift) -> Vec<JobIx> {
        self.change(&[(shift, changed)], &[])
    }

    /// Replaces several shifts and jobs at once; the jobs that are left open by it are named.
    fn change(&mut self, shifts: &[(ShiftIx, Shift)], jobs: &[(JobIx, Job)]) -> Vec<JobIx> {
        let plan = self.plan();
        let tables = Arc::make_mut(self.shared_mut());
        for (shift, changed) in shifts {
            tables.set_shift(*shift, changed.clone());
        }
        for (job, changed) in jobs {
            tables.set_job(*job, changed.clone());
        }
        *self = Self::from_plan(Arc::clone(self.shared()), &plan);
        self.unassigned().iter().copied().filter(|job| plan.unassigned.binary_search(job).is_err()).collect()
    }

    /// From now on it costs to move what is planned: every planned job's present place is where it is. Promises stay as they are.
    pub fn remember(&mut self) {
        let plan = self.plan();
        let mut places: Vec<(Vec<ShiftIx>, Seconds)> = vec![(Vec::new(), 0); self.tables().jobs.len()];
        for shift in &plan.shifts {
            for visit in shift.visits.iter().filter(|visit| visit.purpose == Purpose::Job) {
                places[visit.job as usize].0.push(shift.shift);
                places[visit.job as usize].1 = visit.start;
            }
        }
        let tables = Arc::make_mut(self.shared_mut());
        for (job, (shifts, start)) in (0..).zip(places).filter(|(_, (shifts, _))| !shifts.is_empty()) {
            let (promised, confirmed, consent) = tables.problem.jobs[job as usize]
                .present
                .as_ref()
                .map_or((None, false, false), |present| (present.promised, present.confirmed, present.consent));
            tables.set_present(job, Present { shifts, start, promised, confirmed, consent });
        }
        self.recount();
    }
}

/// Mends the plan after a disturbance. Pinned, frozen and confirmed visits stay (a confirmed visit may go to another technician, never to
/// another time); every other customer that is moved has a price.
pub fn repair<T: Travel>(
    state: &PlanState<T>,
    disturbance: &Disturbance,
    seed: u64,
    budget: &Budget<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Repaired<T> {
    let before: Plan = state.plan();
    let began = budget.now();
    let mut state = state.clone();
    state.settle();
    let weights = state.tables().problem.weights.clone();
    Arc::make_mut(state.shared_mut()).problem.weights.moved = weights.moved.max(1) * DEARER;
    state.remember();
    let disturbed = state.change(&disturbance.shifts, &disturbance.jobs);
    let held = hold(&mut state, disturbance, &before);
    let mut open: Vec<JobIx> = state.unassigned().to_vec();
    let t = Arc::clone(state.shared());
    open.sort_by_key(|job| (std::cmp::Reverse(t.jobs[*job as usize].priority), *job));
    // First without moving anybody; then, if that is not the best, by moving some.
    for job in &open {
        state.insert_best(*job);
    }
    let mut focus = disturbed.clone();
    focus.extend(disturbance.jobs.iter().map(|(job, _)| *job));
    focus.extend_from_slice(state.unassigned());
    let (near, width) = t.neighbours();
    for at in 0..focus.len() {
        let from = focus[at] as usize * width;
        focus.extend_from_slice(&near[from..from + width.min(NEAR)]);
    }
    focus.sort_unstable();
    focus.dedup();
    if !focus.is_empty() {
        let mut search = Search::new(state, seed);
        search.focus = focus;
        search.warm(WARMTH);
        search.run(budget, began, 1.0, progress);
        search.return_to_best();
        state = search.state;
        crate::search::fill(&mut state);
    }
    let_go(&mut state, held);
    Arc::make_mut(state.shared_mut()).problem.weights = weights;
    state.recount();
    let changes = diff(state.tables().problem(), &before, &state.plan(), SAME);
    Repaired { state, disturbed, changes }
}

/// Pins what must not move, as it stands; what was pinned before is left alone.
fn hold<T: Travel>(state: &mut PlanState<T>, disturbance: &Disturbance, before: &Plan) -> Vec<JobIx> {
    let freeze = disturbance.freeze_before.unwrap_or(Seconds::MIN);
    let mut soon: Vec<JobIx> = disturbance.frozen.clone();
    for visit in before.shifts.iter().flat_map(|shift| &shift.visits).filter(|visit| visit.start < freeze) {
        soon.push(visit.job);
    }
    soon.sort_unstable();
    soon.dedup();
    let mut held: Vec<(JobIx, Lock)> = Vec::new();
    for job in soon {
        // At the start that was planned, even where the disturbance has just made an earlier one possible.
        let places: Vec<(ShiftIx, Seconds)> =
            before.visits_of(job).map(|(shift, visit)| (shift, visit.start)).collect();
        let kept = places.iter().all(|(shift, _)| state.shifts_of(job).contains(shift));
        if let (Some((_, start)), true, false) = (places.first(), kept, state.tables().jobs[job as usize].pinned) {
            held.push((job, Lock::Pinned { shifts: state.shifts_of(job).to_vec(), start: *start }));
        }
    }
    let jobs = held.iter().map(|(job, _)| *job).collect();
    relock(state, held);
    jobs
}

fn let_go<T: Travel>(state: &mut PlanState<T>, held: Vec<JobIx>) {
    relock(state, held.into_iter().map(|job| (job, Lock::Free)).collect());
}

fn relock<T: Travel>(state: &mut PlanState<T>, locks: Vec<(JobIx, Lock)>) {
    let short = !state.tables().rich;
    let plan = if short && !locks.is_empty() { Some(state.plan()) } else { None };
    state.settle();
    for (job, lock) in locks {
        let start = match &lock {
            Lock::Pinned { start, .. } => Some(*start),
            Lock::Free => None,
        };
        Arc::make_mut(state.shared_mut()).set_lock(job, lock);
        if short {
            continue;
        }
        for (member, shift) in state.shifts_of(job).to_vec().into_iter().enumerate() {
            let node = job << 2 | if member == 0 { 0 } else { u32::try_from(member + 1).unwrap_or(0) };
            let mut was = None;
            let fits = state.edit(shift, |_, route| {
                if let Some(at) = route.find(node) {
                    let times = &mut route.times[at];
                    was = Some((at, times.pinned, times.fixed));
                    times.pinned = start.is_some();
                    // The agreed start stays, pinned or not.
                    times.fixed = start.unwrap_or(times.fixed);
                }
            });
            if let (false, Some((at, pinned, fixed))) = (fits, was) {
                // Cannot be held there any more; it is planned like the others.
                state.edit(shift, |_, route| (route.times[at].pinned, route.times[at].fixed) = (pinned, fixed));
                Arc::make_mut(state.shared_mut()).set_lock(job, Lock::Free);
            }
        }
    }
    if let Some(plan) = plan {
        // The short form knows no locks; the long form is made from the plan.
        *state = PlanState::from_plan(Arc::clone(state.shared()), &plan);
    }
}
