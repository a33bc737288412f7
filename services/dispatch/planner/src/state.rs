//! A plan kept in memory: routes shared between snapshots, copied only where they change, and taken back at no cost.

mod journal;

use std::sync::Arc;

use crate::{
    insert::{NO_PICKUP, Spot, Wanted, best_gap},
    model::{Cost, Job, JobIx, Seconds, ShiftIx},
    plan::member,
    route::{NONE_FIXED, Route},
    tables::{NONE, Tables},
    travel::Travel,
};
use journal::Journal;

/// A plan in memory. Cloning it shares the routes.
#[derive(Clone, Debug)]
pub struct PlanState<T> {
    pub(crate) tables: Arc<Tables<T>>,
    pub(crate) routes: Vec<Arc<Route>>,
    /// In which shifts a job is, by member of its crew.
    pub(crate) at: Vec<[u32; 3]>,
    /// Where in its route each of these stops was last seen: a hint.
    seen: Vec<[u16; 3]>,
    pub(crate) pool: Vec<JobIx>,
    /// Shifts worth looking at: those with work, and one of every class of equal empty ones.
    active: Vec<u64>,
    /// Those of them without work.
    idle: Vec<u64>,
    pub(crate) cost: Cost,
    pub(crate) versions: u32,
    journal: Journal,
}

pub(crate) const FREE: [u32; 3] = [NONE; 3];

#[expect(clippy::cast_possible_truncation, reason = "shifts and jobs are counted in thousands")]
impl<T: Travel> PlanState<T> {
    /// Nothing planned but what is pinned.
    #[must_use]
    pub fn new(tables: Arc<Tables<T>>) -> Self {
        let shifts = tables.days.len();
        let mut state = Self {
            routes: (0..shifts as u32).map(|shift| Arc::new(Route::empty(&tables, shift))).collect(),
            at: vec![FREE; tables.jobs.len()],
            seen: vec![[0; 3]; tables.jobs.len()],
            pool: (0..tables.jobs.len() as u32).collect(),
            active: vec![0; tables.words],
            idle: vec![0; tables.words],
            cost: 0,
            versions: 0,
            journal: Journal::new(shifts),
            tables,
        };
        state.pin();
        for class in 0..state.tables.classes.len() as u32 {
            state.mark_class(class);
        }
        state.cost = state.routes.iter().map(|route| route.cost).sum::<Cost>()
            + state.pool.iter().map(|job| state.tables.unassigned(*job)).sum::<Cost>();
        state
    }

    pub(crate) fn exchange(&mut self, shift: u32, mut route: Route) {
        self.versions += 1;
        route.version = self.versions;
        self.routes[shift as usize] = Arc::new(route);
        self.mark_class(self.tables.days[shift as usize].class);
    }

    /// The problem behind it.
    #[must_use]
    pub fn tables(&self) -> &Tables<T> {
        &self.tables
    }

    /// The problem behind it, shared.
    #[must_use]
    pub const fn shared(&self) -> &Arc<Tables<T>> {
        &self.tables
    }

    pub(crate) const fn shared_mut(&mut self) -> &mut Arc<Tables<T>> {
        &mut self.tables
    }

    /// Computes the prices of all routes anew, after the problem's wishes have changed.
    pub(crate) fn recount(&mut self) {
        self.settle();
        for shift in 0..self.routes.len() as u32 {
            if self.routes[shift as usize].jobs > 0 {
                self.edit(shift, |t, route| {
                    let jobs = route.stops.iter().filter(|stop| stop.node != NONE && stop.node & 3 != 1);
                    route.wishes = jobs.map(|stop| t.wish(stop.node >> 2, shift)).sum();
                });
            }
        }
    }

    /// Adds a job that has just come in; it is unassigned. Its place must be known to the travel times (see [`Self::change_tables`]).
    pub fn add(&mut self, job: Job) -> JobIx {
        let job = Arc::make_mut(&mut self.tables).add(job);
        self.at.push(FREE);
        self.seen.push([0; 3]);
        if self.tables.pinned_to(job).is_none() {
            self.pool.push(job);
            self.cost += self.tables.unassigned(job);
        } else {
            let plan = self.plan();
            *self = Self::from_plan(Arc::clone(&self.tables), &plan);
        }
        job
    }

    /// Changes what is shared (adds a place, for instance). Copies the tables when a snapshot still reads them.
    pub fn change_tables(&mut self, change: impl FnOnce(&mut Tables<T>)) {
        change(Arc::make_mut(&mut self.tables));
    }

    /// What the plan costs, with its unassigned jobs.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        self.cost
    }

    /// Jobs that are not planned.
    #[must_use]
    pub fn unassigned(&self) -> &[JobIx] {
        &self.pool
    }

    /// In which shifts a job is planned, one per member of its crew.
    #[must_use]
    pub fn shifts_of(&self, job: JobIx) -> &[ShiftIx] {
        let at = &self.at[job as usize];
        let count = at.iter().take_while(|shift| **shift != NONE).count();
        &at[..count]
    }

    /// The position of a job's stop in a route.
    #[inline]
    pub(crate) fn find(&self, shift: ShiftIx, node: u32) -> Option<usize> {
        let hint = usize::from(self.seen[(node >> 2) as usize][member(node) as usize]);
        let route = &self.routes[shift as usize];
        if route.stops.get(hint).is_some_and(|stop| stop.node == node) { Some(hint) } else { route.find(node) }
    }

    pub(crate) fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    pub(crate) fn active(&self) -> &[u64] {
        &self.active
    }

    /// Of the shifts worth looking at, those without work.
    pub(crate) fn idle(&self) -> &[u64] {
        &self.idle
    }

    /// Sets which of equal empty shifts is looked at.
    fn mark_class(&mut self, class: u32) {
        let mut first = true;
        for shift in &self.tables.classes[class as usize] {
            let empty = self.routes[*shift as usize].jobs == 0;
            let bit = 1u64 << (shift % 64);
            if !empty || first {
                self.active[*shift as usize / 64] |= bit;
            } else {
                self.active[*shift as usize / 64] &= !bit;
            }
            if empty && first {
                self.idle[*shift as usize / 64] |= bit;
            } else {
                self.idle[*shift as usize / 64] &= !bit;
            }
            first &= !empty;
        }
    }

    /// Takes over some routes of another plan, and its open jobs; together they must be a whole plan.
    pub(crate) fn adopt(&mut self, shifts: &[u32], routes: &[Route], pool: &[JobIx]) {
        self.settle();
        for shift in shifts {
            for stop in &self.routes[*shift as usize].stops {
                if stop.node != NONE && stop.node & 3 != 1 {
                    self.at[(stop.node >> 2) as usize][member(stop.node) as usize] = NONE;
                }
            }
        }
        for shift in shifts {
            let now = Arc::make_mut(&mut self.routes[*shift as usize]);
            now.clone_from(&routes[*shift as usize]);
            self.versions += 1;
            now.version = self.versions;
            for stop in &now.stops {
                if stop.node != NONE && stop.node & 3 != 1 {
                    self.at[(stop.node >> 2) as usize][member(stop.node) as usize] = *shift;
                }
            }
            self.mark_class(self.tables.days[*shift as usize].class);
        }
        self.pool.clear();
        self.pool.extend_from_slice(pool);
        self.cost = self.routes.iter().map(|route| route.cost).sum::<Cost>()
            + self.pool.iter().map(|job| self.tables.unassigned(*job)).sum::<Cost>();
    }

    /// Takes jobs out of the plan. Pinned ones must not be among them. False when a route is not feasible without them: where a
    /// way round is shorter than the way through.
    pub(crate) fn remove(&mut self, jobs: &[JobIx]) -> bool {
        let mut shifts = [NONE; 24];
        let mut count = 0;
        let mut more = Vec::new();
        let mut feasible = true;
        for job in jobs {
            for shift in std::mem::replace(&mut self.at[*job as usize], FREE) {
                if shift == NONE || shifts[..count].contains(&shift) || more.contains(&shift) {
                    continue;
                }
                if count < shifts.len() {
                    shifts[count] = shift;
                    count += 1;
                } else {
                    more.push(shift);
                }
            }
            self.pool.push(*job);
            self.cost += self.tables.unassigned(*job);
        }
        for shift in shifts[..count].iter().copied().chain(more) {
            let at = std::mem::take(&mut self.at);
            feasible &= self.edit(shift, |t, route| route.take(t, shift, |node| at[(node >> 2) as usize] == FREE));
            self.at = at;
        }
        feasible
    }

    /// Takes jobs out, and whatever would not be feasible without them.
    pub(crate) fn remove_surely(&mut self, jobs: &[JobIx]) {
        if self.remove(jobs) {
            return;
        }
        for shift in 0..self.routes.len() as u32 {
            let (tables, mut route) = (Arc::clone(&self.tables), (*self.routes[shift as usize]).clone());
            if route.jobs > 0 && !route.broken && !route.refresh(&tables, shift) {
                let free =
                    |stop: &&crate::route::Stop| stop.node != NONE && !tables.jobs[(stop.node >> 2) as usize].pinned;
                let mut all: Vec<u32> = route.stops.iter().filter(free).map(|stop| stop.node >> 2).collect();
                all.sort_unstable();
                all.dedup();
                self.remove(&all);
            }
        }
    }

    /// Puts an unassigned job of one technician where `spot` says. False when the exact times forbid it after all (driving limits at
    /// other hours); then nothing is changed.
    pub(crate) fn place(&mut self, job: JobIx, shift: ShiftIx, spot: &Spot) -> bool {
        self.place_member(job, 0, shift, spot, NONE_FIXED) && {
            self.planned(job);
            true
        }
    }

    /// Puts a crew; every member starts at `start`.
    pub(crate) fn place_crew(&mut self, job: JobIx, team: &[(ShiftIx, Spot)], start: Seconds) -> bool {
        for (member, (shift, spot)) in team.iter().enumerate() {
            if !self.place_member(job, member, *shift, spot, start) {
                let placed = std::mem::replace(&mut self.at[job as usize], FREE);
                for shift in placed.into_iter().filter(|shift| *shift != NONE) {
                    self.edit(shift, |t, route| route.take(t, shift, |node| node >> 2 == job));
                }
                return false;
            }
        }
        self.planned(job);
        true
    }

    fn planned(&mut self, job: JobIx) {
        if let Some(at) = self.pool.iter().rposition(|open| *open == job) {
            self.pool.swap_remove(at);
        }
        self.cost -= self.tables.unassigned(job);
    }

    fn place_member(&mut self, job: JobIx, member: usize, shift: ShiftIx, spot: &Spot, fixed: Seconds) -> bool {
        let node = job << 2 | if member == 0 { 0 } else { member as u32 + 1 };
        let feasible = self.edit(shift, |t, route| {
            route.put(t, shift, spot.after as usize, node, fixed, false);
            if spot.pickup != NO_PICKUP {
                route.put(t, shift, spot.pickup as usize, job << 2 | 1, NONE_FIXED, false);
            }
        });
        if feasible {
            self.at[job as usize][member] = shift;
        } else {
            self.edit(shift, |t, route| {
                route.take(t, shift, |there| there == node || (member == 0 && there == job << 2 | 1))
            });
        }
        feasible
    }

    /// The cheapest gap of one shift for a job of one technician, with the price of the technician.
    pub(crate) fn spot_in(&self, job: JobIx, shift: ShiftIx, not_after: u32) -> Option<Spot> {
        self.spot_below(job, shift, not_after, Cost::MAX)
    }

    /// The same, if it costs less than `at_most`.
    fn spot_below(&self, job: JobIx, shift: ShiftIx, not_after: u32, at_most: Cost) -> Option<Spot> {
        let wish = self.tables.wish(job, shift);
        let wanted = Wanted { not_after, at_most: at_most.saturating_sub(wish), ..self.wanted(job, shift) };
        let mut spot = self.gap(job, shift, &wanted)?;
        spot.cost += wish;
        Some(spot)
    }

    /// What a job of one technician asks of a shift: any gap, at any price.
    pub(crate) fn wanted(&self, job: JobIx, shift: ShiftIx) -> Wanted<'_> {
        let t = &*self.tables;
        let visit = &t.jobs[job as usize];
        Wanted {
            visit,
            windows: t.windows_of(visit),
            seconds: t.seconds(visit, shift),
            parts: t.collects(job, shift),
            counts: true,
            not_after: u32::MAX,
            at_most: Cost::MAX,
        }
    }

    /// The cheapest gap, when the exact times keep the driving limit too: delays change the traffic of later ways.
    pub(crate) fn gap(&self, job: JobIx, shift: ShiftIx, wanted: &Wanted<'_>) -> Option<Spot> {
        let t = &*self.tables;
        let (day, route) = (&t.days[shift as usize], &self.routes[shift as usize]);
        let spot = best_gap(t, day, route, wanted)?;
        let near_limit =
            T::TIMED && day.max_drive < Seconds::MAX && route.drive + spot.drive.abs() > day.max_drive / 4 * 3;
        if near_limit || spot.pickup != NO_PICKUP {
            let mut trial = (**route).clone();
            trial.put(t, shift, spot.after as usize, job << 2, NONE_FIXED, false);
            if spot.pickup != NO_PICKUP {
                trial.put(t, shift, spot.pickup as usize, job << 2 | 1, NONE_FIXED, false);
            }
            if !trial.refresh(t, shift) {
                return None;
            }
        }
        Some(spot)
    }

    /// The shifts worth asking for a job.
    pub(crate) fn candidates(&self, job: JobIx) -> impl Iterator<Item = ShiftIx> + '_ {
        self.among(self.tables.may(job))
    }

    fn among<'a>(&'a self, bits: &'a [u64]) -> impl Iterator<Item = ShiftIx> + 'a {
        bits.iter().zip(&self.active).enumerate().flat_map(|(word, (may, active))| {
            let mut bits = may & active;
            std::iter::from_fn(move || {
                if bits == 0 {
                    return None;
                }
                let at = bits.trailing_zeros();
                bits &= bits - 1;
                Some(word as u32 * 64 + at)
            })
        })
    }

    /// The cheapest place in the whole plan for a job of one technician.
    pub(crate) fn best_spot(&self, job: JobIx) -> Option<(ShiftIx, Spot)> {
        self.best_among(job, self.candidates(job))
    }

    /// The cheapest place with somebody who lives near, and only if there is none, with anybody.
    pub(crate) fn near_spot(&self, job: JobIx) -> Option<(ShiftIx, Spot)> {
        if !self.tables.is_wide() {
            return self.best_spot(job);
        }
        self.best_among(job, self.among(self.tables.near(job))).or_else(|| self.best_spot(job))
    }

    fn best_among(&self, job: JobIx, shifts: impl Iterator<Item = ShiftIx>) -> Option<(ShiftIx, Spot)> {
        let mut best: Option<(ShiftIx, Spot)> = None;
        for shift in shifts {
            let at_most = best.map_or(Cost::MAX, |(_, found)| found.cost);
            if let Some(spot) = self.spot_below(job, shift, u32::MAX, at_most)
                && spot.cost < at_most
            {
                best = Some((shift, spot));
            }
        }
        best
    }
}
