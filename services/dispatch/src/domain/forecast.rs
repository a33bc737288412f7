//! When somebody will really be there, as things stand: visit after visit, with the ways between.

use chrono::{DateTime, Duration, Utc};
use common::convert::{Position, Window};

use super::travel::Travel;

/// How far a visit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not set out yet.
    Ahead,
    /// On the way.
    EnRoute,
    /// There, or at work, since then.
    There,
    /// Over.
    Over,
}

/// One visit of a technician's day.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// How far it is.
    pub stage: Stage,
    /// The planned work.
    pub planned: Window,
    /// Where it is.
    pub position: Option<Position>,
    /// What the technician said when setting out.
    pub announced: Option<DateTime<Utc>>,
}

/// The expected arrival at each stop; `None` where somebody is already, or where nothing can be said. `stops` are by
/// planned start; `seen` is the last known place.
#[must_use]
pub fn arrivals(
    stops: &[Stop],
    seen: Option<Position>,
    now: DateTime<Utc>,
    travel: &Travel,
) -> Vec<Option<DateTime<Utc>>> {
    // From when on the technician is free, and where.
    let (mut free, mut place) = (now, seen);
    let mut arrivals = Vec::with_capacity(stops.len());
    for stop in stops {
        let work = stop.planned.end - stop.planned.start;
        let arrival = match stop.stage {
            Stage::Over => {
                arrivals.push(None);
                continue;
            }
            Stage::There => {
                // Whoever is late with the work is expected to need a little more, not to be done this instant.
                free = free.max(stop.planned.end).max(now + Duration::minutes(5));
                place = stop.position.or(place);
                arrivals.push(None);
                continue;
            }
            Stage::EnRoute => {
                let by_way = way(travel, place, stop.position, free).map(|way| free + way);
                match (by_way, stop.announced) {
                    // A position tells more than what was said a while ago.
                    (Some(by_way), _) if seen.is_some() => by_way,
                    (_, Some(said)) => said.max(now),
                    (Some(by_way), None) => by_way,
                    (None, None) => stop.planned.start.max(now),
                }
            }
            // Nobody comes before the planned start without need.
            Stage::Ahead => match way(travel, place, stop.position, free) {
                Some(way) => (free + way).max(stop.planned.start),
                None => stop.planned.start.max(free),
            },
        };
        arrivals.push(Some(arrival));
        free = arrival + work;
        place = stop.position.or(place);
    }
    arrivals
}

fn way(travel: &Travel, from: Option<Position>, to: Option<Position>, at: DateTime<Utc>) -> Option<Duration> {
    from.zip(to).map(|(from, to)| Duration::seconds(i64::from(travel.leg(&from, &to, at).seconds)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::travel::{Region, Roads};

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_409_600 + minute * 60, 0).unwrap()
    }

    fn travel() -> Travel {
        let region = Region {
            name: "all".to_owned(),
            latitude: None,
            longitude: None,
            radius_km: 0.0,
            road_factor: 1.0,
            utc_hours: 0,
            kmh: vec![(0, 60.0)],
        };
        Travel { buffer_minutes: 0, roads: Arc::new(Roads { region: vec![region] }), known: None }
    }

    fn km(north: f64) -> Option<Position> {
        Some(Position { latitude: north / 111.195, longitude: 0.0 })
    }

    fn stop(stage: Stage, from: i64, until: i64, place: f64) -> Stop {
        Stop { stage, planned: Window { start: at(from), end: at(until) }, position: km(place), announced: None }
    }

    fn minutes(found: &[Option<DateTime<Utc>>]) -> Vec<Option<i64>> {
        found.iter().map(|arrival| arrival.map(|arrival| (arrival - at(0)).num_minutes())).collect()
    }

    #[test]
    fn one_visit_that_overruns_delays_all_that_follow() {
        let day =
            [stop(Stage::There, 0, 60, 0.0), stop(Stage::Ahead, 90, 120, 10.0), stop(Stage::Ahead, 240, 270, 10.0)];
        // It is minute 100 and the first visit is not over: five more, ten on the way.
        assert_eq!(minutes(&arrivals(&day, None, at(100), &travel())), [None, Some(115), Some(240)]);
    }

    #[test]
    fn in_time_nobody_is_early() {
        let day = [stop(Stage::Over, 0, 60, 0.0), stop(Stage::Ahead, 90, 120, 10.0)];
        assert_eq!(minutes(&arrivals(&day, km(0.0), at(30), &travel())), [None, Some(90)]);
    }

    #[test]
    fn a_position_tells_more_than_what_was_said() {
        let mut on_the_way = stop(Stage::EnRoute, 60, 90, 40.0);
        on_the_way.announced = Some(at(60));
        assert_eq!(minutes(&arrivals(&[on_the_way], km(0.0), at(50), &travel())), [Some(90)]);
        assert_eq!(minutes(&arrivals(&[on_the_way], None, at(50), &travel())), [Some(60)]);
    }
}
