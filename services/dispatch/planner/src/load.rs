//! How a plan comes into memory: what is pinned, and a plan that was made before, as far as it still holds.

use std::sync::Arc;

use crate::{
    model::{Cost, Seconds},
    plan::{Plan, PlannedShift, Purpose, Visit, fixed, member, node},
    route::Route,
    state::{FREE, PlanState},
    tables::{NONE, Tables},
    travel::Travel,
};

#[expect(clippy::cast_possible_truncation, reason = "shifts and jobs are counted in thousands")]
impl<T: Travel> PlanState<T> {
    /// Puts the pinned visits where they are; whether they fit is a fact, not a choice.
    pub(crate) fn pin(&mut self) {
        let tables = Arc::clone(&self.tables);
        let mut pinned: Vec<(u32, Seconds, u32)> = Vec::new();
        for job in 0..tables.jobs.len() as u32 {
            if let Some((shifts, start)) = tables.pinned_to(job) {
                for (place, shift) in shifts.iter().take(3).enumerate() {
                    pinned.push((*shift, start, job << 2 | if place == 0 { 0 } else { place as u32 + 1 }));
                    self.at[job as usize][place] = *shift;
                }
            }
        }
        pinned.sort_unstable();
        let mut shifts: Vec<u32> = pinned.iter().map(|(shift, _, _)| *shift).collect();
        shifts.dedup();
        for (shift, start, node) in pinned {
            let route = Arc::make_mut(&mut self.routes[shift as usize]);
            let behind = route.stops.len() - 2;
            route.put(&tables, shift, behind, node, start, true);
        }
        for shift in shifts {
            let route = Arc::make_mut(&mut self.routes[shift as usize]);
            if !route.refresh(&tables, shift) {
                route.broken = true;
                route.refresh(&tables, shift);
            }
            self.versions += 1;
            route.version = self.versions;
        }
        let at = &self.at;
        self.pool.retain(|job| at[*job as usize][0] == NONE);
    }

    /// Takes over a plan as far as it is still feasible; what is not goes to the unassigned jobs.
    #[must_use]
    pub fn from_plan(tables: Arc<Tables<T>>, plan: &Plan) -> Self {
        let mut state = Self::new(tables);
        let (mut lost, shifts) = (Vec::new(), state.routes.len());
        for planned in plan.shifts.iter().filter(|planned| (planned.shift as usize) < shifts) {
            state.take_over(planned, &mut lost);
        }
        state.complete(&mut lost);
        state
    }

    /// One shift of a plan: whole, or as many of its visits as still fit.
    fn take_over(&mut self, planned: &PlannedShift, lost: &mut Vec<u32>) {
        let (tables, shift) = (Arc::clone(&self.tables), planned.shift);
        let mut wanted: Vec<&Visit> = Vec::new();
        for visit in planned.visits.iter().filter(|visit| (visit.job as usize) < tables.jobs.len()) {
            let pinned = tables.jobs[visit.job as usize].pinned;
            let may = tables.may_in(visit.job, shift)
                && self.at[visit.job as usize][member(node(visit)) as usize] == NONE
                && wanted.iter().all(|other| node(other) != node(visit));
            let wants = match visit.purpose {
                Purpose::Job => !pinned && may,
                Purpose::Pickup => tables.collects(visit.job, shift).is_some() && (pinned || may),
            };
            if wants {
                wanted.push(visit);
            } else if !pinned {
                lost.push(visit.job);
            }
        }
        let start = (*self.routes[shift as usize]).clone();
        let put = |route: &mut Route, visit: &Visit| {
            // Behind what starts earlier; pinned stops are there already.
            let behind = (0..route.stops.len() - 1)
                .rev()
                .find(|at| {
                    *at == 0 || !route.times.get(*at).is_some_and(|times| times.pinned && times.fixed > visit.start)
                })
                .unwrap_or(0);
            let job = &tables.jobs[visit.job as usize];
            route.put(&tables, shift, behind, node(visit), fixed(job.crew, false, visit.start, visit.purpose), false);
        };
        let mut route = start.clone();
        for visit in &wanted {
            put(&mut route, visit);
        }
        if (start.broken && !wanted.is_empty()) || !route.refresh(&tables, shift) {
            route = start;
            wanted.retain(|visit| {
                let before = route.clone();
                put(&mut route, visit);
                let fits = !route.broken && route.refresh(&tables, shift);
                if !fits {
                    route = before;
                    lost.push(visit.job);
                }
                fits
            });
        }
        for visit in wanted.into_iter().filter(|visit| visit.purpose == Purpose::Job) {
            self.at[visit.job as usize][member(node(visit)) as usize] = shift;
        }
        self.exchange(shift, route);
    }

    /// Jobs with a part missing go, whole; the others leave the pool.
    fn complete(&mut self, lost: &mut Vec<u32>) {
        let tables = Arc::clone(&self.tables);
        for job in 0..tables.jobs.len() as u32 {
            let members = usize::from(tables.jobs[job as usize].crew);
            let placed = self.at[job as usize][..members].iter().filter(|shift| **shift != NONE).count();
            if placed == 0 || tables.jobs[job as usize].pinned {
                continue;
            }
            let parts = self.at[job as usize][0] != NONE
                && tables.collects(job, self.at[job as usize][0]).is_some()
                && self.routes[self.at[job as usize][0] as usize].find(job << 2 | 1).is_none();
            if placed < members || parts {
                lost.push(job);
            }
        }
        lost.sort_unstable();
        lost.dedup();
        let at = &self.at;
        self.pool.retain(|job| at[*job as usize] == FREE);
        lost.retain(|job| self.at[*job as usize] != FREE);
        self.remove_surely(&lost.clone());
        // Stray pickups of jobs that were not taken over have no entry in `at`; every route drops them here.
        for shift in 0..self.routes.len() as u32 {
            let at = &self.at;
            if self.routes[shift as usize]
                .stops
                .iter()
                .any(|stop| stop.node != NONE && at[(stop.node >> 2) as usize] == FREE)
            {
                let mut route = (*self.routes[shift as usize]).clone();
                route.take(&tables, shift, |node| at[(node >> 2) as usize] == FREE);
                route.refresh(&tables, shift);
                self.exchange(shift, route);
            }
        }
        self.cost = self.routes.iter().map(|route| route.cost).sum::<Cost>()
            + self.pool.iter().map(|job| tables.unassigned(*job)).sum::<Cost>();
    }
}
