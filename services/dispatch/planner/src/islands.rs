//! Several workers on one plan, the same plan for the same seed and number of workers.
//!
//! A large plan is divided: every round each worker has the routes of one side and improves them alone, then the sides are put together
//! and divided otherwise. So two workers do twice the steps. A small plan cannot be divided; its workers search alone and later all go on
//! from the best of them.

use crate::{
    budget::{Budget, Progress},
    model::{Cost, JobIx},
    random::Random,
    search::{Kept, Search},
    state::PlanState,
    tables::NONE,
    travel::Travel,
};

/// Rounds of a run.
const ROUNDS: u32 = 40;
/// From which round on the workers of a small plan go on together.
const TOGETHER: u32 = 20;
/// Fewer routes for each worker than this are not divided.
const LEAST: usize = 8;

/// Runs `workers` searches side by side.
pub(crate) fn run<T: Travel>(
    state: PlanState<T>,
    seed: u64,
    workers: usize,
    budget: &Budget<'_>,
    progress: &mut dyn FnMut(Progress),
) -> PlanState<T> {
    let mut random = Random::new(seed);
    let mut best = Kept::of(&state);
    let mut searches: Vec<Search<T>> =
        (0..workers as u64).map(|worker| Search::new(state.clone(), seed ^ worker << 32)).collect();
    let mut spent = vec![0.0; workers];
    // Once and for all: the sides of a divided plan are one plan, workers that search alone have one each. Where the number of routes
    // passed the limit during a run, both were mixed, and a job could stand in two routes.
    let divided = used_routes(&state) >= LEAST * workers;
    for round in 1..=ROUNDS {
        let until = f64::from(round) / f64::from(ROUNDS);
        let sides = divided.then(|| divide(&searches[0].state, workers, round, &mut random));
        if let Some(sides) = &sides {
            for (search, side) in searches.iter_mut().zip(sides) {
                search.restrict(side.clone());
            }
        }
        std::thread::scope(|scope| {
            for (search, spent) in searches.iter_mut().zip(&mut spent) {
                scope.spawn(move || {
                    // Clocks may count the seconds of the thread that asks, and every round has new threads.
                    let began = budget.now() - *spent;
                    search.run(budget, began, until, &mut |_| {});
                    *spent = budget.now() - began;
                });
            }
        });
        match sides {
            Some(sides) => put_together(&mut searches, &sides, &mut best),
            None => compare(&mut searches, round, &mut best),
        }
        progress(Progress { cost: best.cost, unassigned: best.pool.len(), ..searches[0].progress(until) });
        if budget.is_stopped() {
            break;
        }
    }
    let mut state = searches.swap_remove(0).state;
    let all: Vec<u32> = (0..).take(best.routes.len()).collect();
    state.adopt(&all, &best.routes, &best.pool);
    state
}

/// Every worker's shifts: the routes in order of their distance from some job, cut into as many pieces.
fn divide<T: Travel>(state: &PlanState<T>, workers: usize, round: u32, random: &mut Random) -> Vec<Vec<u64>> {
    let t = state.tables();
    let pivot = t.jobs[random.below(u32::try_from(t.jobs.len()).unwrap_or(1)) as usize].place;
    let mut order: Vec<(u32, u32)> = (0..)
        .zip(state.routes())
        .filter(|(_, route)| route.jobs > 0)
        .map(|(shift, route)| {
            // The mean over its stops says where a route lies.
            let ways =
                route.stops.iter().filter(|stop| stop.node != NONE).map(|stop| t.travel.apart(pivot, stop.place));
            let (sum, count) = ways.fold((0.0, 0.0), |(sum, count): (f32, f32), way| (sum + way, count + 1.0));
            ((sum / count).max(0.0).to_bits(), shift)
        })
        .collect();
    order.sort_unstable();
    let mut sides = vec![vec![0u64; t.words]; workers];
    for (at, (_, shift)) in order.iter().enumerate() {
        sides[at * workers / order.len()][*shift as usize / 64] |= 1 << (shift % 64);
    }
    // Empty shifts go round.
    for (shift, route) in (0u32..).zip(state.routes()) {
        if route.jobs == 0 {
            sides[(shift.wrapping_add(round)) as usize % workers][shift as usize / 64] |= 1 << (shift % 64);
        }
    }
    sides
}

fn used_routes<T: Travel>(state: &PlanState<T>) -> usize {
    state.routes().iter().filter(|route| route.jobs > 0).count()
}

fn shifts_of(side: &[u64]) -> Vec<u32> {
    (0u32..)
        .zip(side)
        .flat_map(|(word, bits)| (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word * 64 + bit))
        .collect()
}

/// Everybody gets the others' routes; the best of each side together may be the best of all.
fn put_together<T: Travel>(searches: &mut [Search<T>], sides: &[Vec<u64>], best: &mut Kept) {
    let shifts: Vec<Vec<u32>> = sides.iter().map(|side| shifts_of(side)).collect();
    let mut now = Kept::of(&searches[0].state);
    let mut good = Kept::of(&searches[0].state);
    let mut open: Vec<JobIx> = Vec::new();
    let mut open_of_best: Vec<JobIx> = Vec::new();
    for (search, shifts) in searches.iter().zip(&shifts) {
        let its_best = search.best_plan();
        for shift in shifts {
            now.routes[*shift as usize].clone_from(&search.state.routes()[*shift as usize]);
            good.routes[*shift as usize].clone_from(&its_best.routes[*shift as usize]);
        }
        open.extend_from_slice(search.state.unassigned());
        open_of_best.extend_from_slice(&its_best.pool);
    }
    for (kept, mut pool) in [(&mut now, open), (&mut good, open_of_best)] {
        pool.sort_unstable();
        pool.dedup();
        let t = searches[0].state.tables();
        kept.cost = kept.routes.iter().map(|route| route.cost).sum::<Cost>()
            + pool.iter().map(|job| t.unassigned(*job)).sum::<Cost>();
        kept.pool = pool;
    }
    for (worker, search) in searches.iter_mut().enumerate() {
        let others: Vec<u32> = shifts
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != worker)
            .flat_map(|(_, shifts)| shifts.iter().copied())
            .collect();
        search.go_on_from(&others, &now.routes, &now.pool);
    }
    if good.cost < best.cost {
        *best = good;
    }
}

/// The best of the workers; in the second half all go on from it.
fn compare<T: Travel>(searches: &mut [Search<T>], round: u32, best: &mut Kept) {
    let Some(leader) = (0..searches.len()).min_by_key(|worker| (searches[*worker].best_plan().cost, *worker)) else {
        return;
    };
    let leading = searches[leader].best_plan();
    if leading.cost < best.cost {
        *best = leading.clone();
    }
    if round >= TOGETHER && round.is_multiple_of(4) {
        let now = Kept::of(&searches[leader].state);
        let all: Vec<u32> = (0..).take(now.routes.len()).collect();
        for (worker, search) in searches.iter_mut().enumerate() {
            if worker != leader {
                search.go_on_from(&all, &now.routes, &now.pool);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        model::{Job, Problem, Shift, Technician, Weights},
        search::plan,
        tables::Tables,
        travel::Plane,
        validate::validate,
    };

    /// Sixty jobs and thirty shifts, of which the first so many are open.
    fn problem(open: u32, fairness: Cost) -> Problem {
        let mut shifts: Vec<Shift> = (0..30).map(|technician| Shift::new(technician, 0, 0, 100_000, 0)).collect();
        for (number, shift) in (0..).zip(&mut shifts) {
            shift.closed = number >= open;
            shift.max_jobs = Some(8);
        }
        let jobs = (1..61).map(|place| Job::new(place, 600)).collect();
        let weights = Weights { busy_hour_squared: fairness, metre: 0, ..Weights::default() };
        Problem { technicians: vec![Technician::default(); 30], shifts, jobs, weights }
    }

    #[test]
    fn a_plan_that_becomes_large_during_a_run_stays_one_plan() {
        let mut random = Random::new(3);
        let points: Vec<(f64, f64)> = (0..61).map(|_| (random.unit() * 100.0, random.unit() * 100.0)).collect();
        let travel = || Plane::new(&points, 10.0, false);
        // What is left of a night without half of the people, ...
        let few = Arc::new(Tables::new(problem(10, 0), travel()));
        let present = plan(&few, None, 1, 1, &Budget::iterations(500), &mut |_| {}).plan();
        assert!(present.unassigned.is_empty() && present.shifts.len() < 2 * LEAST, "{}", present.shifts.len());
        // ... on a day on which many short shifts are worth more than few long ones.
        let problem = problem(30, 1_000_000);
        let tables = Arc::new(Tables::new(problem.clone(), travel()));
        for seed in 0..8 {
            let budget = Budget::iterations(40 * 256);
            let state = plan(&tables, Some(&present), seed, 2, &budget, &mut |_| {});
            assert!(used_routes(&state) >= 2 * LEAST, "{}", used_routes(&state));
            let plan = state.plan();
            assert_eq!(validate(&problem, &travel(), &plan), []);
            let planned: usize = plan.shifts.iter().map(|shift| shift.visits.len()).sum();
            assert_eq!((planned, plan.unassigned.len()), (60, 0), "seed {seed}");
        }
    }
}
