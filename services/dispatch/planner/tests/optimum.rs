//! Tiny problems, where every plan can be tried: the search finds the best one.

use std::sync::Arc;

use planner::{
    budget::Budget,
    model::{Cost, Job, Problem, Shift, Technician, Weights, Window},
    random::Random,
    search,
    tables::Tables,
    travel::{Plane, Travel as _},
};

fn weights() -> Weights {
    Weights { travel_second: 1, metre: 0, busy_hour_squared: 0, unassigned: [100_000; 4], ..Weights::default() }
}

/// Seven jobs, two technicians, windows in which not everything always fits.
fn tiny(seed: u64) -> (Problem, Plane) {
    let mut random = Random::new(seed);
    let points: Vec<(f64, f64)> = (0..9).map(|_| (random.unit() * 100.0, random.unit() * 100.0)).collect();
    let jobs = (2..9)
        .map(|place| {
            let from = i32::try_from(random.below(300)).unwrap_or(0);
            let mut job = Job::new(place, 10 + i32::try_from(random.below(30)).unwrap_or(0));
            job.windows = vec![Window { from, until: from + 150 }];
            job
        })
        .collect();
    let problem = Problem {
        technicians: vec![Technician::default(), Technician::default()],
        shifts: vec![Shift::new(0, 0, 0, 330, 0), Shift::new(1, 0, 0, 280, 1)],
        jobs,
        weights: weights(),
    };
    (problem, Plane::new(&points, 1.0, true))
}

/// Cheapest way to serve a set of jobs in one shift, for every set, by trying every order.
fn best_of_sets(problem: &Problem, travel: &Plane, shift: &Shift) -> Vec<Option<Cost>> {
    fn go(
        problem: &Problem,
        travel: &Plane,
        shift: &Shift,
        set: usize,
        state: (u32, i32, i32),
        best: &mut Vec<Option<Cost>>,
    ) {
        let (place, now, road) = state;
        let home = travel.leg(place, shift.from, 0).seconds;
        if now + home <= shift.end {
            let cost = Cost::from(road + home);
            if set != 0 && best[set].is_none_or(|known| cost < known) {
                best[set] = Some(cost);
            }
        }
        for (at, job) in problem.jobs.iter().enumerate().filter(|(at, _)| set >> at & 1 == 0) {
            let way = travel.leg(place, job.place, 0).seconds;
            let start = (now + way).max(job.windows[0].from);
            if start <= job.windows[0].until {
                go(problem, travel, shift, set | 1 << at, (job.place, start + job.seconds, road + way), best);
            }
        }
    }
    let mut best = vec![None; 1 << problem.jobs.len()];
    best[0] = Some(0);
    go(problem, travel, shift, 0, (shift.from, shift.start, 0), &mut best);
    best
}

#[test]
fn the_search_finds_the_best_plan_of_tiny_problems() {
    let mut partly_open = 0;
    for seed in 0..40 {
        let (problem, travel) = tiny(seed);
        let (first, second) =
            (best_of_sets(&problem, &travel, &problem.shifts[0]), best_of_sets(&problem, &travel, &problem.shifts[1]));
        let all = (1usize << problem.jobs.len()) - 1;
        let mut optimum = Cost::MAX;
        for (mine, cost) in first.iter().enumerate() {
            let rest = all & !mine;
            let mut other = rest;
            loop {
                if let (Some(cost), Some(more)) = (cost, second[other]) {
                    let open = Cost::from((rest & !other).count_ones()) * 100_000;
                    optimum = optimum.min(cost + more + open);
                }
                if other == 0 {
                    break;
                }
                other = (other - 1) & rest;
            }
        }
        partly_open += usize::from(optimum >= 100_000);
        let tables = Arc::new(Tables::new(problem, travel));
        let state = search::plan(&tables, None, seed, 1, &Budget::iterations(20_000), &mut |_| {});
        assert_eq!(state.cost(), optimum, "problem {seed}");
    }
    assert!(partly_open > 3, "{partly_open}");
}
