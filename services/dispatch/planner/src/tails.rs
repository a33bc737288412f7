//! Two routes exchange what comes after some stop: what string removals cannot do, for a string is short and the rest of a route is long.

use crate::{
    model::{Cost, Seconds, ShiftIx},
    route::NONE_FIXED,
    search::Search,
    state::PlanState,
    tables::NONE,
    travel::Travel,
};

/// How many visits near a visit are looked at as its next one.
const BESIDE: usize = 40;

/// An exchange: the stops behind `after` of each shift.
#[derive(Clone, Copy, Debug)]
struct Cut {
    shifts: [ShiftIx; 2],
    after: [usize; 2],
}

impl<T: Travel> Search<T> {
    /// Looks for the best visit near some visit that could be the next one on its route, and takes the exchange under the rule of the annealing.
    #[expect(clippy::cast_possible_truncation, reason = "the threshold is cut to what fits")]
    pub(crate) fn swap_tails(&mut self, temperature: f64) {
        let job = self.seed_job();
        let threshold = (-temperature * self.random.unit().max(1e-300).ln()).min(1e15) as Cost;
        let [shift, NONE, _] = self.state.at[job as usize] else { return };
        if shift == NONE || !self.may_touch(shift) {
            return;
        }
        let route = &self.state.routes()[shift as usize];
        let Some(at) = self.state.find(shift, job << 2) else { return };
        if route.broken {
            return;
        }
        let mut found: Option<(Cost, Cut)> = None;
        let from = job as usize * self.neighbours.1;
        let near = &self.neighbours.0[from..from + self.neighbours.1.min(BESIDE)];
        for other in near {
            let [beside, NONE, _] = self.state.at[*other as usize] else { continue };
            if beside == NONE || beside == shift || !self.may_touch(beside) {
                continue;
            }
            let Some(next) = self.state.find(beside, other << 2) else { continue };
            let cut = Cut { shifts: [shift, beside], after: [at, next - 1] };
            if let Some(cost) = self.state.exchange_costs(cut)
                && cost < found.map_or(threshold, |(least, _)| least)
                && self.state.has_room_for(cut)
            {
                found = Some((cost, cut));
            }
        }
        let Some((_, cut)) = found else { return };
        let before = self.state.cost();
        self.state.begin();
        if self.state.exchange_tails(cut) && self.state.cost() < before + threshold {
            self.accept();
        } else {
            self.state.roll_back();
        }
    }
}

impl<T: Travel> PlanState<T> {
    /// What the road costs more after an exchange, as far as the present hours tell; `None` when somebody would surely be late.
    fn exchange_costs(&self, cut: Cut) -> Option<Cost> {
        let t = self.tables();
        let mut cost = 0;
        for side in 0..2 {
            let (mine, theirs) =
                (&self.routes()[cut.shifts[side] as usize], &self.routes()[cut.shifts[1 - side] as usize]);
            if theirs.broken {
                return None;
            }
            let (last, next) = (cut.after[side], cut.after[1 - side] + 1);
            let (a, b) = (&mine.stops[last], &theirs.stops[next]);
            let (done, latest): (Seconds, Seconds) = if t.rich {
                (mine.times[last].done[0], *theirs.times[next].latest.iter().max()?)
            } else {
                (a.done, b.latest)
            };
            let end = next + 1 == theirs.stops.len();
            let place = if end { mine.stops[mine.stops.len() - 1].place } else { b.place };
            let leg = t.leg(a.place, place, done);
            if !end && done + leg.seconds > latest {
                return None;
            }
            cost += t.road(leg) - Cost::from(b.road);
        }
        Some(cost)
    }

    /// Whether everybody may do what would come to them.
    fn has_room_for(&self, cut: Cut) -> bool {
        let t = self.tables();
        let (mut loads, mut counts) = ([0; 2], [0; 2]);
        for side in 0..2 {
            let (from, to) = (cut.shifts[side], cut.shifts[1 - side]);
            let stops = &self.routes()[from as usize].stops;
            for stop in &stops[cut.after[side] + 1..stops.len() - 1] {
                let job = stop.node >> 2;
                let visit = &t.jobs[job as usize];
                let plain = stop.node & 3 == 0 && visit.crew == 1 && !visit.pinned && visit.pickup == NONE;
                if !plain || !t.may_in(job, to) {
                    return false;
                }
                loads[side] += visit.load;
                counts[side] += 1;
            }
        }
        (0..2).all(|side| {
            let (route, day) = (&self.routes()[cut.shifts[side] as usize], &t.days[cut.shifts[side] as usize]);
            let jobs = cut.after[side] + counts[1 - side];
            route.load - loads[side] + loads[1 - side] <= day.capacity && jobs <= day.max_jobs as usize
        })
    }

    /// Exchanges. False when that is not feasible; it must then be taken back.
    fn exchange_tails(&mut self, cut: Cut) -> bool {
        let tails = [0, 1].map(|side| {
            let stops = &self.routes()[cut.shifts[side] as usize].stops;
            stops[cut.after[side] + 1..stops.len() - 1].iter().map(|stop| stop.node).collect::<Vec<u32>>()
        });
        let mut feasible = true;
        for side in 0..2 {
            let (shift, after) = (cut.shifts[side], cut.after[side]);
            feasible &= self.edit(shift, |t, route| {
                route.take(t, shift, |node| tails[side].contains(&node));
                for (at, node) in tails[1 - side].iter().enumerate() {
                    route.put(t, shift, after + at, *node, NONE_FIXED, false);
                }
            });
            for node in &tails[1 - side] {
                self.at[(node >> 2) as usize][0] = shift;
            }
        }
        feasible
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        model::{Job, Problem, Shift, Technician, Weights, Window},
        random::Random,
        search::construct,
        tables::Tables,
        travel::Plane,
    };

    #[test]
    fn an_exchange_costs_what_was_said_and_is_taken_back_whole() {
        let mut random = Random::new(5);
        let points: Vec<(f64, f64)> = (0..61).map(|_| (random.unit() * 100.0, random.unit() * 100.0)).collect();
        let mut jobs = Vec::new();
        for place in 1..61 {
            let from = random.below(3000) as i32;
            let mut job = Job { load: 1, ..Job::new(place, 50) };
            job.windows = vec![Window { from, until: from + 2500 }];
            jobs.push(job);
        }
        let shift = Shift { capacity: Some(9), ..Shift::new(0, 0, 0, 8000, 0) };
        let weights = Weights { travel_second: 1, metre: 0, busy_hour_squared: 0, ..Weights::default() };
        let problem = Problem { technicians: vec![Technician::default()], shifts: vec![shift; 15], jobs, weights };
        let mut state = PlanState::new(Arc::new(Tables::new(problem, Plane::new(&points, 10.0, false))));
        construct(&mut state);
        let (cost, plan) = (state.cost(), state.plan());
        let (mut taken, mut refused) = (0, 0);
        for (a, b) in (0..15).flat_map(|a| (0..15).map(move |b| (a, b))).filter(|(a, b)| a != b) {
            let last = |shift: u32| state.routes()[shift as usize].stops.len() - 1;
            for after in (0..last(a)).flat_map(|x| (0..last(b)).map(move |y| [x, y])).collect::<Vec<_>>() {
                let cut = Cut { shifts: [a, b], after };
                let said = state.exchange_costs(cut).filter(|_| state.has_room_for(cut));
                state.begin();
                let feasible = state.exchange_tails(cut);
                if let Some(said) = said {
                    assert!(feasible, "{cut:?}");
                    assert_eq!(state.cost() - cost, said, "{cut:?}");
                    taken += 1;
                } else {
                    refused += 1;
                }
                state.roll_back();
            }
        }
        assert!(taken > 50 && refused > 50, "{taken} {refused}");
        assert_eq!((state.cost(), state.plan()), (cost, plan));
    }
}
