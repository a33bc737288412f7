//! Changes are taken back from a journal instead of plans copied.

use std::sync::Arc;

use super::PlanState;
use crate::{
    model::{Cost, JobIx},
    plan::member,
    route::Route,
    tables::{NONE, Tables},
    travel::Travel,
};

/// What the present step has changed, to take it back.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    on: bool,
    saved: Vec<(u32, Route)>,
    used: usize,
    epoch: u32,
    stamp: Vec<u32>,
    pool: Vec<JobIx>,
    cost: Cost,
}

impl Journal {
    pub(super) fn new(shifts: usize) -> Self {
        Self { stamp: vec![0; shifts], ..Self::default() }
    }
}

impl<T: Travel> PlanState<T> {
    /// From here on changes can be taken back by [`Self::roll_back`].
    pub(crate) fn begin(&mut self) {
        let journal = &mut self.journal;
        journal.on = true;
        journal.used = 0;
        journal.epoch += 1;
        journal.pool.clone_from(&self.pool);
        journal.cost = self.cost;
    }

    /// Which shifts the present step has changed.
    pub(crate) fn changed(&self) -> impl Iterator<Item = u32> + '_ {
        self.journal.saved[..self.journal.used].iter().map(|(shift, _)| *shift)
    }

    /// Whether the present step has changed a shift.
    #[inline]
    pub(crate) fn is_changed(&self, shift: u32) -> bool {
        self.journal.on && self.journal.stamp[shift as usize] == self.journal.epoch
    }

    /// As if nothing had been done since [`Self::begin`].
    pub(crate) fn roll_back(&mut self) {
        let mut saved = std::mem::take(&mut self.journal.saved);
        for (shift, _) in &saved[..self.journal.used] {
            for stop in &self.routes[*shift as usize].stops {
                if stop.node != NONE && stop.node & 3 != 1 {
                    self.at[(stop.node >> 2) as usize][member(stop.node) as usize] = NONE;
                }
            }
        }
        for (shift, route) in &mut saved[..self.journal.used] {
            let now = Arc::make_mut(&mut self.routes[*shift as usize]);
            let emptiness = (now.jobs == 0) != (route.jobs == 0);
            std::mem::swap(now, route);
            for stop in &now.stops {
                if stop.node != NONE && stop.node & 3 != 1 {
                    self.at[(stop.node >> 2) as usize][member(stop.node) as usize] = *shift;
                }
            }
            look(&mut self.seen, now);
            if emptiness {
                self.mark_class(self.tables.days[*shift as usize].class);
            }
        }
        self.journal.saved = saved;
        self.journal.used = 0;
        std::mem::swap(&mut self.pool, &mut self.journal.pool);
        self.cost = self.journal.cost;
    }

    /// Changes one route; it must be feasible afterwards, or nothing is changed and the answer is false.
    pub(crate) fn edit(&mut self, shift: u32, change: impl FnOnce(&Tables<T>, &mut Route)) -> bool {
        let journal = &mut self.journal;
        let route = Arc::make_mut(&mut self.routes[shift as usize]);
        if journal.on && journal.stamp[shift as usize] != journal.epoch {
            journal.stamp[shift as usize] = journal.epoch;
            if journal.used == journal.saved.len() {
                journal.saved.push((shift, route.clone()));
            } else {
                let slot = &mut journal.saved[journal.used];
                slot.0 = shift;
                slot.1.clone_from(route);
            }
            journal.used += 1;
        }
        let (cost, empty) = (route.cost, route.jobs == 0);
        change(&self.tables, route);
        let feasible = route.refresh(&self.tables, shift);
        self.cost += route.cost - cost;
        self.versions += 1;
        route.version = self.versions;
        look(&mut self.seen, route);
        if empty != (route.jobs == 0) {
            self.mark_class(self.tables.days[shift as usize].class);
        }
        feasible
    }

    /// Ends the keeping of changes.
    pub(crate) fn settle(&mut self) {
        self.journal.on = false;
        self.journal.used = 0;
    }
}

/// Notes where the stops of a route are.
#[expect(clippy::cast_possible_truncation, reason = "no shift has 65,000 stops; what is wrong is found otherwise")]
fn look(seen: &mut [[u16; 3]], route: &Route) {
    for (at, stop) in route.stops.iter().enumerate() {
        if stop.node != NONE && stop.node & 3 != 1 {
            seen[(stop.node >> 2) as usize][member(stop.node) as usize] = at as u16;
        }
    }
}
