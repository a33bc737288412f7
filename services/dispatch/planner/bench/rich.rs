//! Generated days: the first plan, the improvement, memory, slots, one job, repair, explanation.

use std::{sync::Arc, time::Instant};

use cpu_time::ThreadTime;
use planner::{
    budget::Budget,
    diff::ChangeKind,
    model::Window,
    random::Random,
    repair::{Disturbance, repair},
    search,
    state::PlanState,
    tables::Tables,
    travel::Geodesic,
    validate::validate,
};

use crate::{Options, generate, memory};

/// The thread's own time for something, in microseconds: what a machine shared with others takes is not ours.
fn timed<R>(what: impl FnOnce() -> R) -> (R, f64) {
    let began = ThreadTime::now();
    let result = what();
    (result, began.elapsed().as_secs_f64() * 1e6)
}

/// The value below which that share of the (sorted) values lies.
fn share(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

fn quantiles(what: &str, values: &mut [f64]) {
    let (half, most) = (share(values, 0.5), share(values, 0.99));
    println!("  {what:44} p50 {half:9.1} us   p99 {most:9.1} us   n {}", values.len());
}

/// One generated horizon, from nothing to a plan.
pub fn day(options: &Options, jobs: usize, technicians: usize, days: i32, seconds: f64) {
    let (problem, travel) = generate::horizon(7, jobs, technicians, days);
    let what = format!("{jobs} jobs x {technicians} technicians x {days} days");
    let shifts = problem.shifts.len();
    let before = memory();
    let (tables, flat) = timed(|| Arc::new(Tables::new(problem, travel)));
    let nobody = Budget::iterations(0);
    let (first, took) = timed(|| search::plan(&tables, None, 1, 1, &nobody, &mut |_| {}));
    println!("\n{what} ({shifts} shifts)");
    println!(
        "  first plan                                   {:.1} ms (and {:.1} ms for the tables): cost {}, {} open",
        took / 1e3,
        flat / 1e3,
        first.cost(),
        first.unassigned().len()
    );
    let mut curve: Vec<(f64, i64, usize)> = Vec::new();
    let clock = options.clock.read();
    let budget = Budget::seconds(seconds, clock);
    let mut iterations = 0;
    let state = search::plan(&tables, None, 1, options.threads, &budget, &mut |progress| {
        iterations = progress.iterations;
        curve.push((progress.used, progress.cost, progress.unassigned));
    });
    let at = |used: f64| curve.iter().rfind(|point| point.0 <= used).or(curve.first()).map_or(0, |point| point.1);
    let (two, end) = (at(2.0 / 3.0), state.cost());
    let plan = state.plan();
    println!(
        "  after {seconds:.0} s on {} worker(s)                    cost {end}, {} open, {} iterations; fell {:.2} % over the last third",
        options.threads,
        plan.unassigned.len(),
        iterations,
        (1.0 - end as f64 / two.max(1) as f64) * 100.0
    );
    let unexplained = plan.unassigned.iter().filter(|job| state.why_not(**job).possible.is_some()).count();
    let violations = validate(tables.problem(), tables.travel(), &plan);
    println!(
        "  {} h on the road, {} violations, {unexplained} open without a reason; memory of problem, plan and search {:.1} MB",
        plan.shifts.iter().map(|shift| i64::from(shift.drive)).sum::<i64>() / 3600,
        violations.len(),
        (memory() - before) as f64 / 1024.0
    );
    uses(state, technicians, days);
}

/// What the service asks of the plan in memory.
fn uses(state: PlanState<Geodesic>, technicians: usize, days: i32) {
    let mut random = Random::new(11);
    let jobs = state.tables().problem().jobs.len() as u32;
    let windows: Vec<Window> = (0..days)
        .flat_map(|day| {
            (0..5).map(move |at| {
                let from = day * 86_400 + (8 + 2 * at) * 3600;
                Window { from, until: from + 7199 }
            })
        })
        .collect();
    let (mut slots, mut single, mut whys, mut nots) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut offered = 0;
    let mut work = state.clone();
    while slots.len() < 1000 {
        let job = random.below(jobs);
        if work.tables().problem().jobs[job as usize].crew > 1 || !work.take_out(job) {
            continue;
        }
        let (offers, took) = timed(|| work.offers(job, &windows));
        offered += offers.len();
        slots.push(took);
        let (done, took) = timed(|| work.insert(job));
        single.push(took);
        if done.is_none() {
            let (_, took) = timed(|| work.why_not(job));
            nots.push(took);
        }
        let (_, took) = timed(|| work.why(job));
        whys.push(took);
    }
    quantiles(&format!("slots, {technicians} technicians x {} windows", windows.len()), &mut slots);
    println!("  {:44} {:.1}", "windows offered on average", offered as f64 / slots.len() as f64);
    quantiles("one urgent job: best place found and taken", &mut single);
    quantiles("why this technician", &mut whys);
    for job in state.unassigned().iter().take(200) {
        let (_, took) = timed(|| state.why_not(*job));
        nots.push(took);
    }
    quantiles("why not", &mut nots);
    let (_, took) = timed(|| state.clone());
    println!("  {:44} {took:9.1} us", "snapshot of the plan");
    sick(&state);
}

/// Somebody falls ill.
fn sick(state: &PlanState<Geodesic>) {
    let began = Instant::now();
    let clock = move || began.elapsed().as_secs_f64();
    let plan = state.plan();
    let Some(busiest) = plan.shifts.iter().max_by_key(|shift| (shift.visits.len(), shift.shift)) else { return };
    let mut closed = state.tables().problem().shifts[busiest.shift as usize].clone();
    closed.closed = true;
    let disturbance = Disturbance { shifts: vec![(busiest.shift, closed)], ..Disturbance::default() };
    let (repaired, took) =
        timed(|| repair(state, &disturbance, 3, &Budget::seconds(clock() + 0.7, &clock), &mut |_| {}));
    let others = repaired.changes.iter().filter(|change| {
        let elsewhere = matches!(change.kind, ChangeKind::OtherDay | ChangeKind::OtherTechnician);
        (elsewhere || change.breaks_promise) && !repaired.disturbed.contains(&change.job)
    });
    let others = others.count();
    let later = repaired.changes.iter().filter(|change| change.kind == ChangeKind::OtherTime).count();
    let open = repaired.changes.iter().filter(|change| change.after.is_none()).count();
    let broken =
        validate(repaired.state.tables().problem(), repaired.state.tables().travel(), &repaired.state.plan()).len();
    println!(
        "  one technician ill ({} jobs): repaired in {:.2} s, {open} left open, {others} other customers moved, {later} start more than 15 minutes otherwise, {broken} violations",
        repaired.disturbed.len(),
        took / 1e6
    );
}
