//! No plan breaks a hard rule, whatever the problem: the search against an independent check, on random problems with every rule in them.

#[path = "../bench/generate.rs"]
mod generate;
mod small;

use std::sync::{Arc, atomic::AtomicBool};

use planner::{
    budget::Budget,
    diff::diff,
    model::{Lock, Window},
    plan::Plan,
    random::Random,
    repair::{Disturbance, repair},
    search,
    state::PlanState,
    tables::Tables,
    travel::Geodesic,
    validate::validate,
};

fn problems() -> u64 {
    if std::env::var_os("AFTERCARE_FULL").is_some() { 10_000 } else { 300 }
}

fn tables(seed: u64) -> Arc<Tables<Geodesic>> {
    let (problem, travel) = small::small(seed);
    Arc::new(Tables::new(problem, travel))
}

fn sound(tables: &Tables<Geodesic>, plan: &Plan, what: &str) {
    let found = validate(tables.problem(), tables.travel(), plan);
    assert!(found.is_empty(), "{what}: {found:?}");
}

fn planned(tables: &Arc<Tables<Geodesic>>, seed: u64, iterations: u64) -> PlanState<Geodesic> {
    search::plan(tables, None, seed, 1, &Budget::iterations(iterations), &mut |_| {})
}

#[test]
fn no_plan_breaks_a_hard_rule_and_every_open_job_is_explained() {
    let (mut jobs, mut open) = (0, 0);
    for seed in 0..problems() {
        let tables = tables(seed);
        let state = planned(&tables, seed, 256);
        let plan = state.plan();
        sound(&tables, &plan, &format!("problem {seed}"));
        assert_eq!(plan.cost.total(), state.cost(), "the cost of problem {seed} is the sum of its parts");
        jobs += tables.problem().jobs.len();
        open += plan.unassigned.len();
        for job in &plan.unassigned {
            let why = state.why_not(*job);
            let refused = why.technicians.iter().all(|(_, rule)| rule.is_some());
            assert!(refused != why.possible.is_some(), "problem {seed}, job {job}: {why:?}");
            assert!(why.possible.is_none(), "problem {seed}: job {job} would fit at {:?}", why.possible);
        }
    }
    assert!(open * 2 < jobs && open > 0, "{open} of {jobs} open: the problems test nothing");
}

#[test]
fn a_crew_of_workers_keeps_the_rules_too() {
    for seed in 0..problems() / 20 {
        let tables = tables(seed);
        let state = search::plan(&tables, None, seed, 2, &Budget::iterations(1024), &mut |_| {});
        sound(&tables, &state.plan(), &format!("problem {seed}"));
    }
}

#[test]
fn a_divided_plan_keeps_the_rules() {
    let (problem, travel) = generate::horizon(2, 400, 40, 1);
    let tables = Arc::new(Tables::new(problem, travel));
    let divided = search::plan(&tables, None, 1, 2, &Budget::iterations(6400), &mut |_| {});
    sound(&tables, &divided.plan(), "divided");
    assert_eq!(divided.plan().cost.total(), divided.cost());
    let first = search::plan(&tables, None, 1, 2, &Budget::iterations(0), &mut |_| {});
    assert!(divided.cost() < first.cost(), "{} {}", divided.cost(), first.cost());
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    for workers in [1, 2] {
        for seed in 0..8 {
            let (problem, travel) = generate::horizon(seed, 120, 10, 2);
            let tables = Arc::new(Tables::new(problem, travel));
            let run = || search::plan(&tables, None, seed, workers, &Budget::iterations(3200), &mut |_| {}).plan();
            assert_eq!(run(), run(), "seed {seed}, {workers} workers");
        }
    }
}

#[test]
fn a_plan_taken_over_is_the_same_plan() {
    let mut moved = 0;
    for seed in 0..problems() / 4 {
        let tables = tables(seed);
        let plan = planned(&tables, seed, 128).plan();
        let again = PlanState::from_plan(Arc::clone(&tables), &plan).plan();
        sound(&tables, &again, &format!("problem {seed}"));
        moved += diff(tables.problem(), &plan, &again, 0).len();
    }
    assert_eq!(moved, 0);
}

#[test]
fn stop_ends_a_run_with_the_best_plan_so_far() {
    let (problem, travel) = generate::horizon(3, 200, 20, 1);
    let tables = Arc::new(Tables::new(problem, travel));
    let stop = AtomicBool::new(false);
    let mut told = 0;
    let state = search::plan(&tables, None, 1, 1, &Budget::iterations(u64::MAX).stopped_by(&stop), &mut |progress| {
        told += 1;
        assert!(progress.cost > 0);
        if told == 3 {
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    assert!((3..6).contains(&told), "{told}");
    sound(&tables, &state.plan(), "stopped");
}

#[test]
fn what_is_offered_is_really_possible() {
    let mut accepted = 0;
    for seed in 0..problems() / 2 {
        let tables = tables(seed);
        let state = planned(&tables, seed, 64);
        let mut random = Random::new(seed);
        let job = random.below(u32::try_from(tables.problem().jobs.len()).unwrap_or(1));
        let mut without = state.clone();
        if state.shifts_of(job).is_empty() || !without.take_out(job) {
            continue;
        }
        let windows: Vec<Window> = (0..36).map(|at| Window { from: at * 7200, until: at * 7200 + 7200 }).collect();
        for offer in without.offers(job, &windows) {
            let mut with = without.clone();
            let window = windows[offer.window];
            assert!(with.book(job, &offer.offer, window), "problem {seed}: {offer:?}");
            let plan = with.plan();
            sound(with.tables(), &plan, &format!("problem {seed}, {offer:?}"));
            let start = plan.visits_of(job).next().map(|(_, visit)| visit.start);
            assert!(start.is_some_and(|start| window.from <= start && start <= window.until), "{start:?} {offer:?}");
            accepted += 1;
        }
        for place in without.places(job) {
            let mut with = without.clone();
            assert!(with.accept(job, &place), "problem {seed}: {place:?}");
            sound(&tables, &with.plan(), &format!("problem {seed}, {place:?}"));
        }
    }
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn a_repair_loses_nobody_and_moves_nothing_that_is_pinned_frozen_or_confirmed() {
    let mut moved = 0;
    for seed in 0..problems() / 4 {
        let tables = tables(seed);
        let before = planned(&tables, seed, 256);
        let plan = before.plan();
        let Some(ill) = plan.shifts.first().map(|shift| shift.shift) else { continue };
        let mut closed = tables.problem().shifts[ill as usize].clone();
        closed.closed = true;
        let frozen = plan.shifts.last().map(|shift| shift.visits[0].job).filter(|_| plan.shifts.len() > 1);
        let disturbance =
            Disturbance { shifts: vec![(ill, closed)], frozen: frozen.into_iter().collect(), ..Disturbance::default() };
        let repaired = repair(&before, &disturbance, seed, &Budget::iterations(256), &mut |_| {});
        let after = repaired.state.plan();
        sound(repaired.state.tables(), &after, &format!("problem {seed}"));
        moved += repaired.changes.len();
        for change in &repaired.changes {
            let job = &tables.problem().jobs[change.job as usize];
            assert!(matches!(job.lock, Lock::Free), "problem {seed}: {change:?}");
            assert!(
                Some(change.job) != frozen || repaired.disturbed.contains(&change.job),
                "problem {seed}: {change:?}"
            );
            if let (Some(window), Some(after)) = (job.confirmed(), &change.after) {
                assert!(window.from <= after.start && after.start <= window.until, "problem {seed}: {change:?}");
            }
        }
    }
    assert!(moved > 20, "{moved}");
}

#[test]
fn a_shift_that_changes_keeps_what_still_fits() {
    for seed in 0..problems() / 4 {
        let tables = tables(seed);
        let mut state = planned(&tables, seed, 64);
        let Some(shift) = state.plan().shifts.first().map(|shift| shift.shift) else { continue };
        let mut later = tables.problem().shifts[shift as usize].clone();
        later.start += 5400;
        let had = state.unassigned().len();
        let lost = state.change_shift(shift, later);
        sound(state.tables(), &state.plan(), &format!("problem {seed}"));
        assert_eq!(state.unassigned().len(), had + lost.len(), "problem {seed}");
    }
}

#[test]
fn a_job_that_comes_in_is_planned_like_the_others() {
    let (problem, travel) = generate::horizon(5, 120, 20, 1);
    let mut jobs = problem.jobs.clone();
    let late: Vec<_> = jobs.split_off(95);
    let tables = Arc::new(Tables::new(planner::model::Problem { jobs, ..problem }, travel));
    let mut state = planned(&tables, 1, 512);
    drop(tables);
    let mut planned = 0;
    for job in late {
        let job = state.add(job);
        let done = state.insert(job).is_some() || state.tables().problem().jobs[job as usize].is_pinned();
        planned += usize::from(done);
    }
    assert!(planned > 15, "{planned}");
    sound(state.tables(), &state.plan(), "with late jobs");
    assert_eq!(state.plan().cost.total(), state.cost());
}
