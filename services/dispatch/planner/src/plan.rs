//! The plan as the trade reads it: who does what, when, and what it costs.

use crate::{
    model::{Cost, JobIx, Seconds, ShiftIx},
    route::{self, NONE_FIXED, Route, fairness},
    state::PlanState,
    tables::{NONE, NOWHERE, Tables},
    travel::Travel,
};

/// What a stop is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The job itself.
    Job,
    /// Collecting its parts.
    Pickup,
}

/// One stop of a shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Visit {
    /// Which job.
    pub job: JobIx,
    /// Its work, or its parts.
    pub purpose: Purpose,
    /// Which member of its crew, from 0.
    pub member: u8,
    /// Time on the road before.
    pub travel: Seconds,
    /// Arrival.
    pub arrive: Seconds,
    /// Begin of the work.
    pub start: Seconds,
    /// End of the work.
    pub end: Seconds,
}

/// One shift of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlannedShift {
    /// Which shift.
    pub shift: ShiftIx,
    /// Its stops in order.
    pub visits: Vec<Visit>,
    /// Its breaks: from, until.
    pub breaks: Vec<(Seconds, Seconds)>,
    /// Arrival at the end place.
    pub end: Seconds,
    /// Time on the road.
    pub drive: Seconds,
    /// Way on the road.
    pub metres: i64,
    /// Its share of the plan's cost.
    pub cost: Cost,
}

/// What a plan costs, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CostParts {
    /// Time and way on the road.
    pub road: Cost,
    /// Shifts used.
    pub shifts: Cost,
    /// Overtime.
    pub overtime: Cost,
    /// Lateness and announced windows left.
    pub timing: Cost,
    /// Technicians not wished for, too qualified, outside their territory, moved visits.
    pub wishes: Cost,
    /// Uneven load.
    pub fairness: Cost,
    /// Jobs that are not planned.
    pub unassigned: Cost,
}

impl CostParts {
    /// All of it.
    #[must_use]
    pub const fn total(&self) -> Cost {
        self.road + self.shifts + self.overtime + self.timing + self.wishes + self.fairness + self.unassigned
    }

    pub(crate) const fn add(&mut self, other: &Self) {
        self.road += other.road;
        self.shifts += other.shifts;
        self.overtime += other.overtime;
        self.timing += other.timing;
        self.wishes += other.wishes;
        self.fairness += other.fairness;
        self.unassigned += other.unassigned;
    }
}

/// A plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The shifts with work in them.
    pub shifts: Vec<PlannedShift>,
    /// Jobs left open, in order of their index.
    pub unassigned: Vec<JobIx>,
    /// What it costs.
    pub cost: CostParts,
}

impl Plan {
    /// Where a job is planned: shift and visit of each member of its crew.
    pub fn visits_of(&self, job: JobIx) -> impl Iterator<Item = (ShiftIx, &Visit)> {
        self.shifts.iter().flat_map(move |shift| {
            shift
                .visits
                .iter()
                .filter(move |visit| visit.job == job && visit.purpose == Purpose::Job)
                .map(move |visit| (shift.shift, visit))
        })
    }
}

pub(crate) const fn node(visit: &Visit) -> u32 {
    visit.job << 2
        | match visit.purpose {
            Purpose::Pickup => 1,
            Purpose::Job if visit.member == 0 => 0,
            Purpose::Job => visit.member as u32 + 1,
        }
}

pub(crate) const fn member(node: u32) -> u8 {
    match node & 3 {
        2 => 1,
        3 => 2,
        _ => 0,
    }
}

/// The parts of a route's cost.
pub(crate) fn parts<T: Travel>(t: &Tables<T>, shift: ShiftIx, route: &Route) -> CostParts {
    if route.jobs == 0 {
        return CostParts::default();
    }
    let day = &t.days[shift as usize];
    let rich = t.rich;
    CostParts {
        road: route.road,
        shifts: day.cost,
        overtime: if rich { route.overtime(t, day, route.end) } else { 0 },
        timing: route.timing,
        wishes: route.wishes,
        fairness: if rich { fairness(t, route.drive + route.service) } else { 0 },
        unassigned: 0,
    }
}

/// A route with its times.
pub(crate) fn schedule<T: Travel>(t: &Tables<T>, shift: ShiftIx, route: &Route) -> PlannedShift {
    let day = &t.days[shift as usize];
    let last = route.stops.len() - 1;
    let mut breaks = Vec::new();
    let mut arrivals = vec![(0, 0); route.stops.len()];
    if t.rich {
        // Backwards along the chosen number of breaks.
        let mut b = route.breaks(day);
        for at in (0..=last).rev() {
            let times = &route.times[at];
            if at < last {
                while b > 0 && times.pauses >> (4 + b) & 1 == 1 {
                    let before = if at == 0 {
                        if b == 1 { day.start } else { times.done[b - 1] }
                    } else if times.pauses >> (4 + b - 1) & 1 == 1 {
                        times.done[b - 1]
                    } else {
                        times.start[b - 1] + route.stops[at].seconds
                    };
                    let until = route::pause(day, b, before);
                    breaks.push((until - day.breaks[b - 1].2, until));
                    b -= 1;
                }
                arrivals[at].1 = times.at;
            }
            while at > 0 && b > 0 && times.pauses >> b & 1 == 1 {
                let until = times.arrive[b];
                breaks.push((until - day.breaks[b - 1].2, until));
                b -= 1;
            }
            if at > 0 {
                let before = &route.times[at - 1];
                arrivals[at].0 = before.done[b].saturating_add(route.stops[at].leg);
            }
        }
        breaks.reverse();
    } else {
        for (pair, times) in route.stops.windows(2).zip(&mut arrivals[1..]) {
            let arrive = pair[0].done + pair[1].leg;
            *times = (arrive, arrive.max(pair[1].ready));
        }
    }
    let mut metres = 0;
    let visits = (1..=last)
        .filter_map(|at| {
            let (before, stop) = (&route.stops[at - 1], &route.stops[at]);
            let (arrive, start) = arrivals[at];
            if before.place != NOWHERE && stop.place != NOWHERE {
                metres += i64::from(t.travel.leg(before.place, stop.place, arrive - stop.leg).metres);
            }
            (stop.node != NONE).then(|| Visit {
                job: stop.node >> 2,
                purpose: if stop.node & 3 == 1 { Purpose::Pickup } else { Purpose::Job },
                member: member(stop.node),
                travel: stop.leg,
                arrive,
                start,
                end: start + stop.seconds,
            })
        })
        .collect();
    PlannedShift { shift, visits, breaks, end: route.end, drive: route.drive, metres, cost: route.cost }
}

/// The start that a planned visit keeps when it is taken over: only a crew's and a pinned one's.
pub(crate) const fn fixed(crew: u8, pinned: bool, start: Seconds, purpose: Purpose) -> Seconds {
    if (crew > 1 || pinned) && matches!(purpose, Purpose::Job) { start } else { NONE_FIXED }
}

impl<T: Travel> PlanState<T> {
    /// The plan with all its times.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let t = self.tables();
        let mut plan = Plan::default();
        for (at, route) in self.routes().iter().enumerate() {
            if route.stops.len() > 2 {
                let shift = u32::try_from(at).unwrap_or(u32::MAX);
                plan.cost.add(&parts(t, shift, route));
                plan.shifts.push(schedule(t, shift, route));
            }
        }
        plan.unassigned = self.unassigned().to_vec();
        plan.unassigned.sort_unstable();
        plan.cost.unassigned = plan.unassigned.iter().map(|job| t.unassigned(*job)).sum();
        plan
    }

    /// One shift of the plan.
    #[must_use]
    pub fn shift(&self, shift: ShiftIx) -> PlannedShift {
        schedule(self.tables(), shift, &self.routes()[shift as usize])
    }
}
