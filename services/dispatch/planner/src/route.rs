//! One shift being filled: its stops, and for every gap how early one can be there and how late one may.
//!
//! Breaks are not stops. Every time is kept per number of breaks already taken (0, 1, 2), which makes the place of a break
//! optimal by construction and an insertion's feasibility a look at its two neighbours (forward slack, Savelsbergh 1992).

use crate::{
    days::Day,
    model::{Cost, Seconds},
    tables::{EVER, NEVER, NONE, NOWHERE, Tables, Visit},
    travel::{Leg, Travel},
};

/// Times per number of breaks taken.
pub(crate) type Front = [Seconds; 3];

/// A stop: a job (or a member of its crew), a pickup, or one of the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// `job << 2 | part`, part 0 the job, 1 its pickup, 2 and 3 the further members of its crew; `NONE` at the ends.
    pub node: u32,
    pub place: u32,
    /// The way from the stop before.
    pub leg: Seconds,
    pub road: i32,
    /// Earliest end of the service (short form).
    pub done: Seconds,
    /// Latest arrival (short form).
    pub latest: Seconds,
    pub ready: Seconds,
    pub until: Seconds,
    pub seconds: Seconds,
}

/// What the rich form knows of a stop beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Times {
    pub arrive: Front,
    pub start: Front,
    pub done: Front,
    pub latest: Front,
    /// Bit b: the b-th break is taken on arrival; bit 4 + b: after the service.
    pub pauses: u8,
    /// The start is fixed: pinned, or agreed in a crew. `NONE_FIXED` otherwise.
    pub fixed: Seconds,
    pub pinned: bool,
    /// When it really starts.
    pub at: Seconds,
    /// Waiting after this stop until the end: how much delay is swallowed.
    pub slack: Seconds,
}

/// No fixed start.
pub(crate) const NONE_FIXED: Seconds = i32::MIN;

/// A route.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    pub stops: Vec<Stop>,
    /// Beside `stops` in the rich form, else empty.
    pub times: Vec<Times>,
    pub load: i32,
    /// Jobs, without pickups.
    pub jobs: u32,
    pub drive: Seconds,
    pub service: Seconds,
    pub road: Cost,
    pub wishes: Cost,
    pub timing: Cost,
    pub end: Seconds,
    pub cost: Cost,
    /// Names this content: equal numbers, equal routes.
    pub version: u32,
    /// Pinned visits contradict each other: nothing can be added.
    pub broken: bool,
}

impl Clone for Route {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, source: &Self) {
        self.stops.clone_from(&source.stops);
        self.times.clone_from(&source.times);
        self.load = source.load;
        self.jobs = source.jobs;
        self.drive = source.drive;
        self.service = source.service;
        self.road = source.road;
        self.wishes = source.wishes;
        self.timing = source.timing;
        self.end = source.end;
        self.cost = source.cost;
        self.version = source.version;
        self.broken = source.broken;
    }
}

/// When one can go on after the `b`-th break (from 1) when one could go at `t`.
#[inline]
pub(crate) fn pause(day: &Day, b: usize, t: Seconds) -> Seconds {
    let (from, until, seconds) = day.breaks[b - 1];
    let start = t.max(from);
    if t >= NEVER || start > until { NEVER } else { start + seconds }
}

/// The latest moment from which the `b`-th break still ends by `by`.
#[inline]
fn pause_back(day: &Day, b: usize, by: Seconds) -> Seconds {
    let (from, until, seconds) = day.breaks[b - 1];
    if by <= EVER || from + seconds > by { EVER } else { until.min(by - seconds) }
}

/// The first permitted start at or after `t`.
#[inline]
pub(crate) fn next_start(windows: &[(Seconds, Seconds)], t: Seconds) -> Seconds {
    for &(from, until) in windows {
        if t <= until {
            return t.max(from);
        }
    }
    NEVER
}

/// The last permitted start at or before `t`.
#[inline]
fn last_start(windows: &[(Seconds, Seconds)], t: Seconds) -> Seconds {
    for &(from, until) in windows.iter().rev() {
        if from <= t {
            return t.min(until);
        }
    }
    EVER
}

/// Takes breaks where that is the earlier way, and notes which.
#[inline]
pub(crate) fn take_breaks(day: &Day, count: usize, front: &mut Front, mut note: impl FnMut(usize)) {
    for b in 1..=count {
        let paused = pause(day, b, front[b - 1]);
        if paused < front[b] {
            front[b] = paused;
            note(b);
        }
    }
}

/// From one stop's end to the next one's arrival, with breaks on arrival.
#[inline]
pub(crate) fn travel<T: Travel>(
    t: &Tables<T>,
    day: &Day,
    count: usize,
    done: &Front,
    a: u32,
    b: u32,
) -> (Front, Leg, u8) {
    let mut arrive = [NEVER; 3];
    let mut leg = Leg::default();
    let mut notes = 0;
    let nowhere = a == NOWHERE || b == NOWHERE;
    let way = (!nowhere).then(|| t.travel.way(a, b));
    for at in 0..=count {
        if done[at] < NEVER {
            if let Some(way) = way {
                leg = t.travel.at(way, done[at]);
            }
            arrive[at] = done[at] + leg.seconds;
        }
    }
    take_breaks(day, count, &mut arrive, |b| notes |= 1 << b);
    (arrive, leg, notes)
}

/// From arrival to the end of the service, with breaks after it.
#[inline]
pub(crate) fn serve(
    day: &Day,
    count: usize,
    arrive: &Front,
    windows: &[(Seconds, Seconds)],
    seconds: Seconds,
) -> (Front, Front, u8) {
    let mut start = [NEVER; 3];
    let mut done = [NEVER; 3];
    for at in 0..=count {
        if arrive[at] < NEVER {
            start[at] = next_start(windows, arrive[at]);
            if start[at] < NEVER {
                done[at] = start[at] + seconds;
            }
        }
    }
    let mut notes = 0;
    take_breaks(day, count, &mut done, |b| notes |= 16 << b);
    (start, done, notes)
}

impl Route {
    /// A shift without work.
    pub fn empty<T: Travel>(t: &Tables<T>, shift: u32) -> Self {
        let day = &t.days[shift as usize];
        let end = |place| Stop {
            node: NONE,
            place,
            leg: 0,
            road: 0,
            done: day.start,
            latest: day.latest,
            ready: day.start,
            until: day.latest,
            seconds: 0,
        };
        let mut route = Self { stops: vec![end(day.from), end(day.to)], ..Self::default() };
        if t.rich {
            route.times = vec![Times { fixed: NONE_FIXED, ..Times::default() }; 2];
        }
        route.refresh(t, shift);
        route
    }

    /// The stop of a node, not yet in a route.
    pub fn stop<T: Travel>(t: &Tables<T>, shift: u32, node: u32) -> Stop {
        let job = node >> 2;
        let visit =
            if node & 3 == 1 { &t.pickups[t.jobs[job as usize].pickup as usize] } else { &t.jobs[job as usize] };
        Stop {
            node,
            place: visit.place,
            leg: 0,
            road: 0,
            done: 0,
            latest: 0,
            ready: visit.ready,
            until: visit.until,
            seconds: if node & 3 == 1 { visit.seconds } else { t.seconds(visit, shift) },
        }
    }

    pub fn breaks(&self, day: &Day) -> usize {
        if self.broken { 0 } else { day.break_count as usize }
    }

    /// Puts a stop behind position `after`, without `refresh`.
    pub fn put<T: Travel>(&mut self, t: &Tables<T>, shift: u32, after: usize, node: u32, fixed: Seconds, pinned: bool) {
        let stop = Self::stop(t, shift, node);
        self.stops.insert(after + 1, stop);
        if t.rich {
            self.times.insert(after + 1, Times { fixed, pinned, ..Times::default() });
        }
        let job = node >> 2;
        if node & 3 != 1 {
            self.load += t.jobs[job as usize].load;
            self.jobs += 1;
            self.wishes += t.wish(job, shift);
        }
    }

    /// Takes out all stops that `gone` names, without `refresh`.
    pub fn take<T: Travel>(&mut self, t: &Tables<T>, shift: u32, mut gone: impl FnMut(u32) -> bool) {
        let mut to = 1;
        for at in 1..self.stops.len() {
            let stop = self.stops[at];
            if stop.node != NONE && gone(stop.node) {
                if stop.node & 3 != 1 {
                    let job = stop.node >> 2;
                    self.load -= t.jobs[job as usize].load;
                    self.jobs -= 1;
                    self.wishes -= t.wish(job, shift);
                }
                continue;
            }
            self.stops[to] = stop;
            if t.rich {
                self.times[to] = self.times[at];
            }
            to += 1;
        }
        self.stops.truncate(to);
        if t.rich {
            self.times.truncate(to);
        }
    }

    /// Computes all times and costs anew. False when the route is not feasible; it then must not stay.
    pub fn refresh<T: Travel>(&mut self, t: &Tables<T>, shift: u32) -> bool {
        if t.rich { self.refresh_rich(t, shift) } else { self.refresh_short(t, shift) }
    }

    fn refresh_short<T: Travel>(&mut self, t: &Tables<T>, shift: u32) -> bool {
        let day = &t.days[shift as usize];
        let last = self.stops.len() - 1;
        let (mut road, mut drive, mut service) = (0, 0, 0);
        let mut feasible = true;
        let mut place = self.stops[0].place;
        let mut done = self.stops[0].done;
        for stop in &mut self.stops[1..] {
            let leg = t.travel.leg(place, stop.place, done);
            stop.leg = leg.seconds;
            stop.road = i32::try_from(t.road(leg)).unwrap_or(i32::MAX);
            road += Cost::from(stop.road);
            drive += leg.seconds;
            let start = (done + leg.seconds).max(stop.ready);
            feasible &= start <= stop.until;
            done = start + stop.seconds;
            stop.done = done;
            service += stop.seconds;
            place = stop.place;
        }
        self.end = done;
        let mut latest = day.latest;
        self.stops[last].latest = latest;
        for at in (1..last).rev() {
            latest -= self.stops[at + 1].leg + self.stops[at].seconds;
            latest = latest.min(self.stops[at].until);
            self.stops[at].latest = latest;
        }
        self.road = road;
        self.drive = drive;
        self.service = service;
        self.timing = 0;
        self.cost = if self.jobs == 0 { 0 } else { road + self.wishes + day.cost };
        if self.jobs == 0 {
            self.road = 0;
            self.drive = 0;
            self.end = day.start;
        }
        feasible
    }

    fn refresh_rich<T: Travel>(&mut self, t: &Tables<T>, shift: u32) -> bool {
        let day = &t.days[shift as usize];
        let breaks = self.breaks(day);
        let last = self.stops.len() - 1;
        let mut done = [NEVER; 3];
        done[0] = day.start;
        let mut notes = 0;
        take_breaks(day, breaks, &mut done, |b| notes |= 16 << b);
        self.times[0].done = done;
        self.times[0].pauses = notes;
        for at in 1..=last {
            let (arrive, _, on_arrival) = travel(t, day, breaks, &done, self.stops[at - 1].place, self.stops[at].place);
            self.times[at].arrive = arrive;
            self.times[at].pauses = on_arrival;
            if at < last {
                let times = self.times[at];
                let (start, ended, after) = if times.fixed == NONE_FIXED {
                    serve(day, breaks, &arrive, self.windows(t, at), self.stops[at].seconds)
                } else if self.broken {
                    // Pinned, and a fact: it starts then, whatever lies before.
                    let fact = arrive.map(|time| if time < NEVER { EVER } else { NEVER });
                    serve(day, breaks, &fact, &[(times.fixed, times.fixed)], self.stops[at].seconds)
                } else {
                    serve(day, breaks, &arrive, &[(times.fixed, times.fixed)], self.stops[at].seconds)
                };
                self.times[at].start = start;
                self.times[at].done = ended;
                self.times[at].pauses |= after;
                done = ended;
            }
        }
        let end = self.times[last].arrive[breaks];
        let feasible = end <= day.latest;
        self.look_back(t, day, breaks);
        self.settle(t, day, breaks, end);
        feasible && self.drive <= day.max_drive && self.load <= day.capacity && self.jobs <= day.max_jobs
    }

    fn windows<'a, T: Travel>(&self, t: &'a Tables<T>, at: usize) -> &'a [(Seconds, Seconds)] {
        let node = self.stops[at].node;
        let visit = &t.jobs[(node >> 2) as usize];
        if node & 3 == 1 { t.windows_of(&t.pickups[visit.pickup as usize]) } else { t.windows_of(visit) }
    }

    /// Latest arrivals, from the end.
    fn look_back<T: Travel>(&mut self, t: &Tables<T>, day: &Day, breaks: usize) {
        let last = self.stops.len() - 1;
        let mut latest = [EVER; 3];
        if !self.broken {
            latest[breaks] = day.latest;
        }
        for b in (0..breaks).rev() {
            latest[b] = pause_back(day, b + 1, latest[b + 1]);
        }
        self.times[last].latest = latest;
        for at in (1..last).rev() {
            let mut by = [EVER; 3];
            for b in 0..=breaks {
                if latest[b] > EVER {
                    by[b] = t.latest_departure(self.stops[at].place, self.stops[at + 1].place, latest[b]);
                }
            }
            for b in (0..breaks).rev() {
                by[b] = by[b].max(pause_back(day, b + 1, by[b + 1]));
            }
            let fixed = self.times[at].fixed;
            let stamp = [(fixed, fixed)];
            let windows = if fixed == NONE_FIXED { self.windows(t, at) } else { &stamp };
            for b in 0..=breaks {
                latest[b] = if by[b] > EVER { last_start(windows, by[b] - self.stops[at].seconds) } else { EVER };
            }
            for b in (0..breaks).rev() {
                latest[b] = latest[b].max(pause_back(day, b + 1, latest[b + 1]));
            }
            self.times[at].latest = latest;
        }
    }

    /// Follows the chosen way back from the end: real starts, waiting, costs.
    fn settle<T: Travel>(&mut self, t: &Tables<T>, day: &Day, breaks: usize, end: Seconds) {
        let last = self.stops.len() - 1;
        self.end = end;
        self.timing = 0;
        self.drive = 0;
        self.service = 0;
        self.road = 0;
        if self.jobs == 0 {
            self.end = day.start;
            self.cost = 0;
            self.stops[last].leg = 0;
            self.stops[last].road = 0;
            return;
        }
        let mut b = breaks;
        let mut slack = 0;
        for at in (1..=last).rev() {
            self.times[at].slack = slack;
            if at < last {
                while b > 0 && self.times[at].pauses >> (4 + b) & 1 == 1 {
                    b -= 1;
                }
                let start = self.times[at].start[b];
                self.times[at].at = start;
                slack += (start - self.times[at].arrive[b]).max(0);
                self.service += self.stops[at].seconds;
                let node = self.stops[at].node;
                if node & 3 == 0 {
                    self.timing += t.timing(&t.jobs[(node >> 2) as usize], start);
                }
            }
            while b > 0 && self.times[at].pauses >> b & 1 == 1 {
                b -= 1;
            }
            let before = self.times[at - 1].done[b];
            let leg = if before < NEVER {
                t.leg(self.stops[at - 1].place, self.stops[at].place, before)
            } else {
                Leg::default()
            };
            self.stops[at].leg = leg.seconds;
            let road = t.road(leg);
            self.stops[at].road = i32::try_from(road).unwrap_or(i32::MAX);
            self.road += road;
            self.drive += leg.seconds;
        }
        self.times[0].slack = slack;
        self.cost = self.road
            + self.wishes
            + self.timing
            + day.cost
            + self.overtime(t, day, end)
            + fairness(t, self.drive + self.service);
    }

    pub fn overtime<T: Travel>(&self, t: &Tables<T>, day: &Day, end: Seconds) -> Cost {
        t.problem.weights.overtime_second * Cost::from((end - day.end).max(0))
    }

    /// The position of a job's stop.
    pub fn find(&self, node: u32) -> Option<usize> {
        self.stops.iter().position(|stop| stop.node == node)
    }
}

/// The square of the busy hours, priced.
#[inline]
pub(crate) fn fairness<T>(t: &Tables<T>, busy: Seconds) -> Cost {
    let busy = Cost::from(busy);
    t.problem.weights.busy_hour_squared * busy * busy / 12_960_000
}

/// Whether anything of a visit's own keeps it out of the route: number of jobs, load.
#[inline]
pub(crate) fn has_room(route: &Route, day: &Day, visit: &Visit) -> bool {
    route.jobs < day.max_jobs && route.load + visit.load <= day.capacity && !route.broken
}
