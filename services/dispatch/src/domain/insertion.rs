//! One visit more in a technician's day, between visits that stay where they are: a scan, no solver.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use common::convert::{Position, Window};

use super::travel::{Leg, Travel};

/// Visits start at whole five minutes.
const STEP: i64 = 300;

/// Time of a technician that is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Busy {
    /// The planned work.
    pub planned: Window,
    /// Where it is.
    pub position: Option<Position>,
    /// Number of the work order, or id of the hold.
    pub number: String,
}

/// Working time of one day, as instants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// From when to when.
    pub work: Window,
    /// Breaks inside it.
    pub breaks: Vec<Window>,
}

/// One technician's day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkDay {
    /// The date on the technician's clock.
    pub date: NaiveDate,
    /// Shifts, by start.
    pub spans: Vec<Span>,
}

/// What a visit asks of a day.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Where it is.
    pub position: Option<Position>,
    /// How long it takes.
    pub duration: Duration,
    /// Windows in which it may start, by start.
    pub windows: &'a [Window],
    /// Not before this instant.
    pub not_before: DateTime<Utc>,
}

/// A place in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Index of the window.
    pub window: usize,
    /// The planned work.
    pub planned: Window,
    /// Seconds of travel it adds; never negative.
    pub extra_seconds: i32,
    /// Whether one of the ways is an estimate where a routing server was to be asked.
    pub estimated: bool,
}

fn leg(travel: &Travel, from: Option<Position>, to: Option<Position>, at: DateTime<Utc>) -> Leg {
    match (from, to) {
        (Some(from), Some(to)) => travel.leg(&from, &to, at),
        (Some(_) | None, Some(_) | None) => Leg { seconds: 0, metres: 0, estimated: false },
    }
}

/// The best place for every window that has one: least extra travel, then earliest. `busy` is the technician's, by start;
/// `absent` are the absences.
#[must_use]
pub fn openings(
    day: &WorkDay,
    busy: &[&Busy],
    absent: &[Window],
    home: Option<Position>,
    ask: &Ask<'_>,
    travel: &Travel,
) -> Vec<Opening> {
    let mut best: Vec<Opening> = Vec::new();
    for span in &day.spans {
        for gap in 0..=busy.len() {
            let before = gap.checked_sub(1).and_then(|index| busy.get(index)).copied();
            let after = busy.get(gap).copied();
            // A gap that ends before the shift, or begins after it, is none of this shift's.
            if before.is_some_and(|visit| visit.planned.start >= span.work.end)
                || after.is_some_and(|visit| visit.planned.end <= span.work.start)
            {
                continue;
            }
            let at_home = before.is_none_or(|visit| visit.planned.end <= span.work.start - Duration::hours(6));
            let (from, depart) = match before {
                Some(visit) if !at_home => (visit.position, visit.planned.end),
                Some(_) | None => (home, span.work.start),
            };
            // What no way could reach is not worth computing one: most gaps have room for few of the windows.
            let soonest = depart.max(span.work.start).max(ask.not_before);
            let closes = after.map_or(span.work.end, |next| next.planned.start.min(span.work.end));
            let latest = closes - ask.duration;
            let in_reach = |window: &Window| window.end > soonest && window.start <= latest;
            if soonest > latest || !ask.windows.iter().any(in_reach) {
                continue;
            }
            let to_job = leg(travel, from, ask.position, depart);
            let ready = match before {
                Some(_) if !at_home => depart + travel.at_least(to_job.seconds),
                Some(_) | None => depart + Duration::seconds(i64::from(to_job.seconds)),
            };
            let ready = rounded(ready.max(soonest));
            let mut straight_on = None;
            for (index, window) in ask.windows.iter().enumerate().filter(|(_, window)| in_reach(window)) {
                let Some(start) = free_start(ready.max(window.start), ask.duration, span, absent) else { continue };
                let end = start + ask.duration;
                if start >= window.end || end > closes {
                    continue;
                }
                let (mut on, mut direct) = (0, 0);
                if let Some(next) = after {
                    let way = leg(travel, ask.position, next.position, end);
                    if end + travel.at_least(way.seconds) > next.planned.start {
                        continue;
                    }
                    on = way.seconds;
                    direct = *straight_on.get_or_insert_with(|| leg(travel, from, next.position, depart).seconds);
                }
                let opening = Opening {
                    window: index,
                    planned: Window { start, end },
                    extra_seconds: (to_job.seconds + on - direct).max(0),
                    estimated: to_job.estimated,
                };
                keep(&mut best, opening);
            }
        }
    }
    best.sort_by_key(|opening| opening.window);
    best
}

/// The next instant that people say: whole five minutes.
fn rounded(at: DateTime<Utc>) -> DateTime<Utc> {
    let over = at.timestamp().rem_euclid(STEP);
    let whole = DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at);
    match over {
        0 if whole == at => at,
        _ => whole + Duration::seconds(STEP - over),
    }
}

fn keep(best: &mut Vec<Opening>, opening: Opening) {
    let rank = |opening: &Opening| (opening.extra_seconds, opening.planned.start);
    match best.iter_mut().find(|known| known.window == opening.window) {
        Some(known) if rank(&opening) < rank(known) => *known = opening,
        Some(_) => {}
        None => best.push(opening),
    }
}

/// The first start from `from` on at which work runs into no break and no absence. `None` when the shift is over before.
fn free_start(from: DateTime<Utc>, duration: Duration, span: &Span, absent: &[Window]) -> Option<DateTime<Utc>> {
    let mut start = from;
    while start + duration <= span.work.end {
        let work = Window { start, end: start + duration };
        let blocked =
            span.breaks.iter().chain(absent).filter(|pause| pause.overlaps(&work)).map(|pause| pause.end).max();
        match blocked {
            Some(end) => start = end,
            None => return Some(start),
        }
    }
    None
}

#[cfg(test)]
#[path = "insertion_tests.rs"]
mod tests;
