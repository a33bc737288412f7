//! Where a job fits into a route, and what that costs: every gap by a look at its two neighbours.

use crate::{
    days::Day,
    model::{Cost, Seconds},
    route::{self, Front, Route, fairness},
    tables::{NEVER, NOWHERE, Tables, Visit},
    travel::{Leg, Travel},
};

/// A place for a job in a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// What it adds to the cost of the plan.
    pub cost: Cost,
    /// Behind which stop.
    pub after: u32,
    /// Behind which stop its parts are collected (before counting the job itself), or `NO_PICKUP`.
    pub pickup: u32,
    /// When it starts.
    pub start: Seconds,
    /// How much longer the road becomes, as far as the present traffic tells.
    pub drive: Seconds,
}

/// Nothing to collect.
pub(crate) const NO_PICKUP: u32 = u32::MAX;

/// What is to be inserted where.
pub(crate) struct Wanted<'a> {
    pub visit: &'a Visit,
    pub windows: &'a [(Seconds, Seconds)],
    /// In that shift.
    pub seconds: Seconds,
    pub parts: Option<&'a Visit>,
    /// Whether lateness is counted for this stop (once per crew).
    pub counts: bool,
    /// A gap that must not be taken, or `u32::MAX`.
    pub not_after: u32,
    /// What must be undercut to be of interest.
    pub at_most: Cost,
}

/// The cheapest feasible gap, without the price of the technician.
#[inline]
pub(crate) fn best_gap<T: Travel>(t: &Tables<T>, day: &Day, route: &Route, wanted: &Wanted<'_>) -> Option<Spot> {
    if !route::has_room(route, day, wanted.visit) {
        return None;
    }
    if !t.rich {
        return best_gap_short(t, day, route, wanted);
    }
    match wanted.parts {
        None => best_gap_rich(t, day, route, wanted),
        Some(parts) => best_pair(t, day, route, wanted, parts),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::inline_always, reason = "the innermost loop; routes are short")]
#[inline(always)]
fn best_gap_short<T: Travel>(t: &Tables<T>, day: &Day, route: &Route, wanted: &Wanted<'_>) -> Option<Spot> {
    let visit = wanted.visit;
    let (ready, until, seconds, place) = (visit.ready, visit.until, wanted.seconds, visit.place);
    let weights = &t.problem.weights;
    let (second, metre) = (weights.travel_second as i32, weights.metre as i32);
    let mut best = Spot { cost: Cost::MAX, after: 0, pickup: NO_PICKUP, start: 0, drive: 0 };
    let mut least = i32::MAX;
    let stops = &route.stops[..];
    for at in 0..stops.len() - 1 {
        let (a, b) = (&stops[at], &stops[at + 1]);
        if a.done > until {
            break;
        }
        if b.latest < ready + seconds {
            continue;
        }
        let there = if T::SYMMETRIC { t.travel.leg(place, a.place, 0) } else { t.travel.leg(a.place, place, a.done) };
        let start = (a.done + there.seconds).max(ready);
        if start > until {
            continue;
        }
        let on = t.travel.leg(place, b.place, start + seconds);
        if start + seconds + on.seconds > b.latest {
            continue;
        }
        let cost = (there.seconds + on.seconds) * second + (there.metres + on.metres) * metre - b.road;
        if cost < least && at as u32 != wanted.not_after {
            least = cost;
            best.after = at as u32;
            best.start = start;
        }
    }
    if least == i32::MAX {
        return None;
    }
    best.cost = Cost::from(least);
    if route.jobs == 0 {
        best.cost += day.cost + Cost::from(stops[1].road);
    }
    Some(best)
}

/// What a chain of stops between `at` and `at + 1` costs, when it is feasible.
struct Chain {
    done: Front,
    place: u32,
    road: Cost,
    drive: Seconds,
    service: Seconds,
    timing: Cost,
    start: Seconds,
}

#[expect(clippy::cast_possible_truncation, reason = "routes are short")]
fn best_gap_rich<T: Travel>(t: &Tables<T>, day: &Day, route: &Route, wanted: &Wanted<'_>) -> Option<Spot> {
    let breaks = route.breaks(day);
    let (first, last) = bounds(wanted.windows)?;
    let place = wanted.visit.place;
    let mut best: Option<Spot> = None;
    let mut least = wanted.at_most;
    for at in 0..route.stops.len() - 1 {
        let (from, next) = (&route.times[at], &route.times[at + 1]);
        if from.done[0] > last {
            break;
        }
        let latest = max_latest(&next.latest, breaks);
        if latest < first + wanted.seconds || at as u32 == wanted.not_after {
            continue;
        }
        let (a, b) = (route.stops[at].place, route.stops[at + 1].place);
        // Without a break one is never later: what is too late or too dear even so is not looked at further.
        let there = Road::new(t, a, place);
        let leg = there.at(t, from.done[0]);
        let start = route::next_start(wanted.windows, from.done[0] + leg.seconds);
        if start >= NEVER {
            continue;
        }
        let on = Road::new(t, place, b);
        let leg_on = on.at(t, start + wanted.seconds);
        if start + wanted.seconds + leg_on.seconds > latest
            || t.road(leg) + t.road(leg_on) - Cost::from(route.stops[at + 1].road) >= least
        {
            continue;
        }
        let mut arrive = [NEVER; 3];
        for (arrive, done) in arrive[..=breaks].iter_mut().zip(&from.done) {
            if *done < NEVER {
                *arrive = done + there.at(t, *done).seconds;
            }
        }
        route::take_breaks(day, breaks, &mut arrive, |_| {});
        let (starts, done, _) = route::serve(day, breaks, &arrive, wanted.windows, wanted.seconds);
        let mut reach = [NEVER; 3];
        for (reach, done) in reach[..=breaks].iter_mut().zip(&done) {
            if *done < NEVER {
                *reach = done + on.at(t, *done).seconds;
            }
        }
        route::take_breaks(day, breaks, &mut reach, |_| {});
        let Some(start) = starts[..=breaks].iter().copied().find(|start| *start < NEVER) else { continue };
        let chain = Chain {
            done,
            place,
            road: t.road(leg) + t.road(leg_on),
            drive: leg.seconds + leg_on.seconds,
            service: wanted.seconds,
            timing: if wanted.counts { t.timing(wanted.visit, start) } else { 0 },
            start,
        };
        if let Some((cost, drive)) = price(t, day, breaks, route, at, at + 1, &chain, &reach)
            && cost < least
        {
            least = cost;
            best = Some(Spot { cost, after: at as u32, pickup: NO_PICKUP, start, drive });
        }
    }
    best
}

/// The way between two places, one of which may be nowhere.
struct Road<T: Travel>(Option<T::Way>);

impl<T: Travel> Road<T> {
    #[inline]
    fn new(t: &Tables<T>, a: u32, b: u32) -> Self {
        Self((a != NOWHERE && b != NOWHERE).then(|| t.travel.way(a, b)))
    }

    #[inline]
    fn at(&self, t: &Tables<T>, depart: Seconds) -> Leg {
        self.0.map_or_else(Leg::default, |way| t.travel.at(way, depart))
    }
}

fn bounds(windows: &[(Seconds, Seconds)]) -> Option<(Seconds, Seconds)> {
    Some((windows.first()?.0, windows.last()?.1))
}

#[inline]
fn max_latest(latest: &Front, breaks: usize) -> Seconds {
    latest[..=breaks].iter().copied().max().unwrap_or(NEVER)
}

/// One more stop behind a chain.
#[expect(clippy::too_many_arguments, reason = "the parts of one computation")]
#[inline]
fn append<T: Travel>(
    t: &Tables<T>,
    day: &Day,
    breaks: usize,
    chain: &Chain,
    visit: &Visit,
    windows: &[(Seconds, Seconds)],
    seconds: Seconds,
    counts: bool,
) -> Option<Chain> {
    let (arrive, leg, _) = route::travel(t, day, breaks, &chain.done, chain.place, visit.place);
    let (start, done, _) = route::serve(day, breaks, &arrive, windows, seconds);
    let start = *start[..=breaks].iter().find(|start| **start < NEVER)?;
    Some(Chain {
        done,
        place: visit.place,
        road: chain.road + t.road(leg),
        drive: chain.drive + leg.seconds,
        service: chain.service + seconds,
        timing: chain.timing + if counts { t.timing(visit, start) } else { 0 },
        start,
    })
}

/// The way on to stop `to`, when it is reached in time; the price of replacing everything between `from` and `to`, whose stops the
/// chain contains.
#[inline]
fn join<T: Travel>(
    t: &Tables<T>,
    day: &Day,
    breaks: usize,
    route: &Route,
    from: usize,
    to: usize,
    chain: &Chain,
) -> Option<(Cost, Seconds)> {
    let (arrive, leg, _) = route::travel(t, day, breaks, &chain.done, chain.place, route.stops[to].place);
    let whole = Chain { road: chain.road + t.road(leg), drive: chain.drive + leg.seconds, ..*chain };
    price(t, day, breaks, route, from, to, &whole, &arrive)
}

/// What the plan costs more, and how much longer the road is, when a chain that arrives at `to` then takes the place of what is between.
#[expect(clippy::too_many_arguments, reason = "the parts of one computation")]
#[inline]
fn price<T: Travel>(
    t: &Tables<T>,
    day: &Day,
    breaks: usize,
    route: &Route,
    from: usize,
    to: usize,
    chain: &Chain,
    arrive: &Front,
) -> Option<(Cost, Seconds)> {
    let times = &route.times[to];
    let mut delay = NEVER;
    for ((arrive, before), latest) in arrive[..=breaks].iter().zip(&times.arrive).zip(&times.latest) {
        if arrive <= latest && *arrive < NEVER {
            delay = delay.min(if *before < NEVER { arrive - before } else { 0 });
        }
    }
    if delay >= NEVER {
        return None;
    }
    let (mut old_road, mut old_drive, mut old_service) = (0, 0, 0);
    for at in from + 1..=to {
        old_road += Cost::from(route.stops[at].road);
        old_drive += route.stops[at].leg;
        if at < to {
            old_service += route.stops[at].seconds;
        }
    }
    let drive = chain.drive - old_drive;
    if route.drive + drive > day.max_drive {
        return None;
    }
    let service = chain.service - old_service;
    let mut cost = chain.road - old_road + chain.timing;
    // A delay is swallowed by waiting further on; the rest moves the end.
    let slack = if to + 1 < route.stops.len() { wait_from(route, to, breaks) } else { 0 };
    if route.jobs == 0 {
        cost += old_road
            + day.cost
            + route.overtime(t, day, arrive[..=breaks].iter().copied().filter(|time| *time < NEVER).max().unwrap_or(0))
            + fairness(t, chain.drive + service);
    } else {
        let end = route.end + (delay - slack).max(0);
        cost += route.overtime(t, day, end) - route.overtime(t, day, route.end);
        let busy = route.drive + route.service;
        cost += fairness(t, busy + drive + service) - fairness(t, busy);
    }
    Some((cost, drive))
}

/// Waiting at a stop and after it.
#[inline]
fn wait_from(route: &Route, at: usize, breaks: usize) -> Seconds {
    let times = &route.times[at];
    let arrive = times.arrive[..=breaks].iter().copied().filter(|time| *time <= times.at).max().unwrap_or(times.at);
    times.slack + (times.at - arrive).max(0)
}

/// Parts first, then the job: every pair of gaps that can still be cheaper than what was found.
#[expect(clippy::cast_possible_truncation, reason = "routes are short")]
fn best_pair<T: Travel>(t: &Tables<T>, day: &Day, route: &Route, wanted: &Wanted<'_>, parts: &Visit) -> Option<Spot> {
    let breaks = route.breaks(day);
    let (first_start, last) = bounds(wanted.windows)?;
    let mut best: Option<Spot> = None;
    let gaps = route.stops.len() - 1;
    // The road that the job alone would cost, at least, in this gap or a later one.
    let mut detours = [0; PRUNED];
    if gaps < PRUNED {
        let mut least = Cost::MAX / 4;
        for at in (0..gaps).rev() {
            let (from, next) = (&route.times[at], &route.times[at + 1]);
            let late = max_latest(&next.latest, breaks) < first_start + wanted.seconds || from.done[0] > last;
            if !late {
                least = least.min(detour(t, route, at, wanted.visit.place));
            }
            detours[at] = least;
        }
        if detours[0] >= Cost::MAX / 4 {
            return None;
        }
        // Even with nothing to collect it would be too dear here, unless the parts lie beside the job.
        let beside = t.road(t.leg(parts.place, wanted.visit.place, day.start));
        if detours[0].saturating_sub(2 * beside) >= wanted.at_most {
            return None;
        }
    }
    for first in 0..gaps {
        if route.times[first].done[0] > last {
            break;
        }
        let known = best.map_or(wanted.at_most, |spot| spot.cost);
        let begin = detour(t, route, first, parts.place);
        // Behind the parts in the same gap the job's own way is another; that case is always computed.
        let apart = gaps >= PRUNED || begin.saturating_add(*detours.get(first + 1).unwrap_or(&0)) < known;
        let together = begin.min(detour(t, route, first, wanted.visit.place)) < known;
        if !apart && !together {
            continue;
        }
        let from = Chain {
            done: route.times[first].done,
            place: route.stops[first].place,
            road: 0,
            drive: 0,
            service: 0,
            timing: 0,
            start: 0,
        };
        let Some(mut chain) = append(t, day, breaks, &from, parts, t.windows_of(parts), parts.seconds, false) else {
            continue;
        };
        for at in first..gaps {
            if at > first {
                if !apart {
                    break;
                }
                // The stops between move back; they may start later, never outside their windows.
                let stop = &route.stops[at];
                let fixed = route.times[at].fixed;
                let visit = t_visit(t, stop.node);
                let fact = [(fixed, fixed)];
                let windows = if fixed == route::NONE_FIXED { t.windows_of(visit) } else { &fact };
                let counts = stop.node & 3 == 0;
                let old = if counts { t.timing(visit, route.times[at].at) } else { 0 };
                let Some(on) = append(t, day, breaks, &chain, visit, windows, stop.seconds, counts) else { break };
                chain = Chain { timing: on.timing - old, ..on };
            }
            if at as u32 == wanted.not_after {
                continue;
            }
            let Some(all) = append(t, day, breaks, &chain, wanted.visit, wanted.windows, wanted.seconds, wanted.counts)
            else {
                continue;
            };
            if let Some((cost, drive)) = join(t, day, breaks, route, first, at + 1, &all)
                && cost < best.map_or(wanted.at_most, |spot| spot.cost)
            {
                best = Some(Spot { cost, after: at as u32, pickup: first as u32, start: all.start, drive });
            }
        }
    }
    best
}

/// Routes with more gaps than this are searched without pruning.
const PRUNED: usize = 48;

/// What the road to a place costs in a gap, as long as nothing is late.
fn detour<T: Travel>(t: &Tables<T>, route: &Route, at: usize, place: u32) -> Cost {
    let depart = route.times[at].done[0].min(NEVER - 1);
    let (there, on) = (Road::new(t, route.stops[at].place, place), Road::new(t, place, route.stops[at + 1].place));
    t.road(there.at(t, depart)) + t.road(on.at(t, depart)) - Cost::from(route.stops[at + 1].road)
}

fn t_visit<T>(t: &Tables<T>, node: u32) -> &Visit {
    let visit = &t.jobs[(node >> 2) as usize];
    if node & 3 == 1 { &t.pickups[visit.pickup as usize] } else { visit }
}
