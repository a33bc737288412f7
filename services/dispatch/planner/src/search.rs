//! The whole plan: ruin and recreate under simulated annealing, with changes taken back instead of plans copied.

use std::sync::Arc;

use crate::{
    budget::{Budget, Progress},
    model::{Cost, JobIx},
    plan::Plan,
    random::Random,
    recreate::Cache,
    route::Route,
    state::PlanState,
    tables::Tables,
    travel::Travel,
};

/// Begin and end of the annealing, in mean ways between two visits.
const HOT: f64 = 0.5;
const COLD: f64 = 0.02;
/// How often the budget is asked.
const CHECK: u64 = 64;

/// A plan that is kept beside the present one.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub routes: Vec<Route>,
    pub pool: Vec<JobIx>,
    pub cost: Cost,
}

impl Kept {
    pub fn of<T: Travel>(state: &PlanState<T>) -> Self {
        Self {
            routes: state.routes().iter().map(|route| (**route).clone()).collect(),
            pool: state.unassigned().to_vec(),
            cost: state.cost(),
        }
    }
}

/// The best plan found, as routes that are copied only where they have changed.
#[derive(Clone, Debug)]
struct Best {
    plan: Kept,
    /// Shifts in which the present plan may differ from it.
    dirty: Vec<u32>,
    is_dirty: Vec<bool>,
}

/// One worker's search.
pub(crate) struct Search<T> {
    pub state: PlanState<T>,
    pub random: Random,
    pub cache: Cache,
    pub neighbours: (Arc<Vec<u32>>, usize),
    pub jobs: u32,
    pub marks: Vec<u32>,
    pub stamp: u32,
    pub gone: Vec<JobIx>,
    pub order: Vec<(i64, u32)>,
    pub ruined: Vec<u32>,
    pub used_routes: u32,
    /// Around which jobs to search; empty means around all.
    pub focus: Vec<JobIx>,
    /// Shifts that may be changed; empty means all.
    pub mask: Vec<u64>,
    pub absences: Vec<u32>,
    /// Room for a crew's shifts.
    pub team: Vec<(Cost, u32)>,
    /// Shifts to look at for one job, where not all are.
    pub chosen: Vec<u64>,
    pub remoteness: Arc<Vec<i32>>,
    pub loaded: bool,
    /// Candidates until the next one is overlooked.
    pub blink: u32,
    best: Best,
    iterations: u64,
    hot: f64,
    cold: f64,
}

impl<T: Travel> Search<T> {
    pub fn new(mut state: PlanState<T>, seed: u64) -> Self {
        state.settle();
        let t = state.shared();
        let jobs = t.jobs.len();
        let mut search = Self {
            random: Random::new(seed),
            cache: Cache::new(jobs, t.days.len()),
            neighbours: t.neighbours(),
            jobs: u32::try_from(jobs).unwrap_or(u32::MAX),
            marks: vec![0; jobs],
            stamp: 0,
            gone: Vec::new(),
            order: Vec::new(),
            ruined: Vec::new(),
            used_routes: 0,
            focus: Vec::new(),
            mask: Vec::new(),
            absences: vec![0; jobs],
            team: Vec::new(),
            chosen: vec![0; t.words],
            remoteness: Arc::new(remoteness(t)),
            loaded: t.jobs.iter().any(|job| job.load != 0),
            blink: 50,
            best: Best { plan: Kept::of(&state), dirty: Vec::new(), is_dirty: vec![false; state.routes().len()] },
            iterations: 0,
            hot: 1.0,
            cold: 1.0,
            state,
        };
        search.used_routes = search.count_routes();
        let way = search.mean_way();
        search.hot = HOT * way;
        search.cold = COLD * way;
        search
    }

    fn count_routes(&self) -> u32 {
        u32::try_from(self.state.routes().iter().filter(|route| route.jobs > 0).count()).unwrap_or(u32::MAX)
    }

    /// Mean price of the way to a visit.
    #[expect(clippy::cast_precision_loss, reason = "a temperature needs no precision")]
    fn mean_way(&self) -> f64 {
        let road: Cost = self.state.routes().iter().map(|route| route.road).sum();
        let visits: usize =
            self.state.routes().iter().filter(|route| route.jobs > 0).map(|route| route.stops.len() - 1).sum();
        (road as f64 / visits.max(1) as f64).max(1.0)
    }

    pub fn may_touch(&self, shift: u32) -> bool {
        self.mask.is_empty() || self.mask[shift as usize / 64] >> (shift % 64) & 1 == 1
    }

    /// Scales the temperatures; a repair is cooler than a new plan.
    pub fn warm(&mut self, factor: f64) {
        self.hot *= factor;
        self.cold = self.cold.min(self.hot);
    }

    /// Searches until the share `until` of the budget is used.
    pub fn run(&mut self, budget: &Budget<'_>, began: f64, until: f64, progress: &mut dyn FnMut(Progress)) {
        if self.jobs == 0 {
            return;
        }
        let mut used = budget.used(self.iterations, began);
        let mut temperature = self.temperature(used);
        while used < until {
            for _ in 0..CHECK {
                self.step(temperature);
                self.swap_tails(temperature);
            }
            self.iterations += CHECK;
            used = budget.used(self.iterations, began);
            temperature = self.temperature(used);
            if self.iterations.is_multiple_of(CHECK * 16) {
                self.used_routes = self.count_routes();
                progress(self.progress(used));
            }
        }
        progress(self.progress(used));
    }

    pub fn progress(&self, used: f64) -> Progress {
        Progress { used, iterations: self.iterations, cost: self.best.plan.cost, unassigned: self.best.plan.pool.len() }
    }

    fn temperature(&self, used: f64) -> f64 {
        self.hot * (self.cold / self.hot).powf(used)
    }

    #[expect(clippy::cast_precision_loss, reason = "a threshold needs no precision")]
    fn step(&mut self, temperature: f64) {
        let cost = self.state.cost();
        let open = self.open_price();
        self.state.begin();
        if !self.ruin() {
            self.state.roll_back();
            return;
        }
        self.recreate();
        let new = self.state.cost();
        let threshold = cost as f64 - temperature * self.random.unit().max(1e-300).ln();
        let accepted = (new as f64) < threshold || (open.0 > 0 && self.rather_these(open));
        if accepted {
            self.accept();
        } else {
            self.state.roll_back();
        }
    }

    /// The present step stays.
    pub(crate) fn accept(&mut self) {
        for shift in self.state.changed() {
            if !self.best.is_dirty[shift as usize] {
                self.best.is_dirty[shift as usize] = true;
                self.best.dirty.push(shift);
            }
        }
        if self.state.cost() < self.best.plan.cost {
            self.keep_best();
        }
    }

    /// Price of the open jobs, and how often they have been left open so far.
    fn open_price(&self) -> (Cost, u64) {
        let t = self.state.tables();
        self.state.unassigned().iter().fold((0, 0), |(price, times), job| {
            (price + t.unassigned(*job), times + u64::from(self.absences[*job as usize]))
        })
    }

    /// As many open jobs at the same price, but such as are left open less often: a way out of a dead end.
    fn rather_these(&mut self, before: (Cost, u64)) -> bool {
        for at in 0..self.state.unassigned().len() {
            let job = self.state.unassigned()[at];
            self.absences[job as usize] += 1;
        }
        let now = self.open_price();
        now.0 < before.0 || (now.0 == before.0 && now.1 < before.1)
    }

    fn keep_best(&mut self) {
        for shift in self.best.dirty.drain(..) {
            self.best.is_dirty[shift as usize] = false;
            self.best.plan.routes[shift as usize].clone_from(&self.state.routes()[shift as usize]);
        }
        self.best.plan.pool.clear();
        self.best.plan.pool.extend_from_slice(self.state.unassigned());
        self.best.plan.cost = self.state.cost();
    }

    /// Looks only at these shifts from now on: another worker has the others.
    pub fn restrict(&mut self, mask: Vec<u64>) {
        self.mask = mask;
        self.focus.clear();
        for (shift, route) in (0..).zip(self.state.routes()) {
            if self.may_touch(shift) {
                let jobs = route.stops.iter().filter(|stop| stop.node != crate::tables::NONE && stop.node & 3 == 0);
                self.focus.extend(jobs.map(|stop| stop.node >> 2));
            }
        }
    }

    /// Goes on from here: some routes of another worker, and what is open now. Its own best begins anew.
    pub fn go_on_from(&mut self, shifts: &[u32], routes: &[Route], pool: &[JobIx]) {
        self.state.adopt(shifts, routes, pool);
        for shift in shifts {
            if !std::mem::replace(&mut self.best.is_dirty[*shift as usize], true) {
                self.best.dirty.push(*shift);
            }
        }
        self.keep_best();
    }

    /// The best plan found.
    pub const fn best_plan(&self) -> &Kept {
        &self.best.plan
    }

    /// Goes back to the best plan found.
    pub fn return_to_best(&mut self) {
        let dirty = std::mem::take(&mut self.best.dirty);
        for shift in &dirty {
            self.best.is_dirty[*shift as usize] = false;
        }
        self.state.adopt(&dirty, &self.best.plan.routes, &self.best.plan.pool);
        debug_assert_eq!(self.state.cost(), self.best.plan.cost, "the kept plan has its cost");
    }
}

/// How far each job is from the nearest begin of a shift.
fn remoteness<T: Travel>(t: &Tables<T>) -> Vec<i32> {
    let mut homes: Vec<u32> = t.days.iter().map(|day| day.from).collect();
    homes.sort_unstable();
    homes.dedup();
    homes.truncate(64);
    t.jobs
        .iter()
        .map(|job| homes.iter().map(|home| t.travel.leg(*home, job.place, 12 * 3600).seconds).min().unwrap_or(0))
        .collect()
}

/// A first plan: the hard ones first, each where it is cheapest.
pub(crate) fn construct<T: Travel>(state: &mut PlanState<T>) {
    let t = Arc::clone(state.shared());
    let mut order: Vec<(i64, i64, i64, JobIx)> = state
        .unassigned()
        .iter()
        .filter_map(|job| {
            let visit = &t.jobs[*job as usize];
            let choices: i64 = t.may(*job).iter().map(|word| i64::from(word.count_ones())).sum();
            let width: i64 = t.windows_of(visit).iter().map(|(from, until)| i64::from(until - from)).sum();
            // Hours of room times those who may: the less, the earlier.
            (choices > 0).then(|| {
                (-i64::from(visit.crew), -i64::from(visit.priority), (width / 600 + 1).min(100) * choices, *job)
            })
        })
        .collect();
    order.sort_unstable();
    for (_, _, _, job) in order {
        if t.jobs[job as usize].crew > 1 {
            state.insert_best(job);
        } else if let Some((shift, spot)) = state.near_spot(job) {
            state.place(job, shift, &spot);
        }
    }
}

/// Plans the whole horizon: from nothing, or from a plan that is taken over as far as it still holds.
///
/// One worker and iterations alone: the same seed gives the same plan to the byte. Several workers and iterations too, for the same number
/// of workers. `progress` is told of the best plan so far now and then.
pub fn plan<T: Travel>(
    tables: &Arc<Tables<T>>,
    start: Option<&Plan>,
    seed: u64,
    workers: usize,
    budget: &Budget<'_>,
    progress: &mut dyn FnMut(Progress),
) -> PlanState<T> {
    let mut state =
        start.map_or_else(|| PlanState::new(Arc::clone(tables)), |plan| PlanState::from_plan(Arc::clone(tables), plan));
    let began = budget.now();
    construct(&mut state);
    if budget.used(0, began) >= 1.0 {
        fill(&mut state);
        return state;
    }
    if workers > 1 {
        let mut state = crate::islands::run(state, seed, workers, budget, progress);
        fill(&mut state);
        return state;
    }
    let mut search = Search::new(state, seed);
    search.run(budget, began, 1.0, progress);
    search.return_to_best();
    let mut state = search.state;
    fill(&mut state);
    state
}

/// Jobs that overlooked places have left open get one when there is one.
pub(crate) fn fill<T: Travel>(state: &mut PlanState<T>) {
    for job in state.unassigned().to_vec() {
        state.insert_best(job);
    }
}
