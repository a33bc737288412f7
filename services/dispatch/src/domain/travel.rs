//! How long a way takes when nobody asked a routing server: great circle, longer roads, speed by region and hour.

use std::{fmt::Debug, sync::Arc};

use chrono::{DateTime, Timelike as _, Utc};
use common::convert::Position;
use serde::Deserialize;

/// No way between two homes takes longer; it also keeps casts in bounds.
const LONGEST: f64 = 86_400.0;

/// One way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Seconds.
    pub seconds: i32,
    /// Metres on the road.
    pub metres: i32,
    /// Whether it is an estimate of ours, where a routing server was to be asked.
    pub estimated: bool,
}

/// A region with its own roads.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Its name, for people.
    pub name: String,
    /// Its middle, degrees north; left out for everywhere else.
    pub latitude: Option<f64>,
    /// Its middle, degrees east.
    pub longitude: Option<f64>,
    /// How far it reaches.
    #[serde(default)]
    pub radius_km: f64,
    /// Roads are longer than the great circle by this factor.
    pub road_factor: f64,
    /// Hours between its clock and UTC, for the hour of the day.
    pub utc_hours: i64,
    /// Kilometres an hour, by hour of the day: pairs of first hour and speed, in order, the first from 0.
    pub kmh: Vec<(u32, f64)>,
}

impl Region {
    fn covers(&self, at: &Position) -> bool {
        match (self.latitude, self.longitude) {
            (Some(latitude), Some(longitude)) => {
                Position { latitude, longitude }.metres_to(at) <= self.radius_km * 1000.0
            }
            _ => true,
        }
    }

    fn speed(&self, at: DateTime<Utc>) -> f64 {
        let hour = (at + chrono::Duration::hours(self.utc_hours)).hour();
        self.kmh.iter().rev().find(|(from, _)| *from <= hour).map_or(30.0, |(_, kmh)| *kmh).max(1.0)
    }
}

/// The regions: the first that covers the start of a way counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roads {
    /// The regions, the last one for everywhere else.
    pub region: Vec<Region>,
}

impl Roads {
    /// Whether the data makes sense: an end that covers everything, speeds from hour 0 on, factors of at least 1.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let Some(last) = self.region.last() else { return Err("there is no region".to_owned()) };
        if last.latitude.is_some() {
            return Err(format!("the last region, {}, must be for everywhere else", last.name));
        }
        for region in &self.region {
            let from_midnight = region.kmh.first().is_some_and(|(from, _)| *from == 0);
            let sensible = region.kmh.iter().all(|(from, kmh)| *from < 24 && *kmh >= 1.0);
            let ordered = region.kmh.windows(2).all(|pair| pair[0].0 < pair[1].0);
            if region.road_factor < 1.0 || !from_midnight || !sensible || !ordered {
                return Err(format!("the region {} makes no sense", region.name));
            }
        }
        Ok(())
    }

    /// Which region a place is in, by index.
    #[must_use]
    pub fn region_of(&self, place: &Position) -> usize {
        let last = self.region.len().saturating_sub(1);
        self.region.iter().position(|region| region.covers(place)).unwrap_or(last)
    }

    /// Road factor and kilometres an hour at a place and time.
    #[must_use]
    pub fn at(&self, place: &Position, at: DateTime<Utc>) -> (f64, f64) {
        self.covering(place).map_or((1.3, 30.0), |region| (region.road_factor, region.speed(at)))
    }

    fn covering(&self, place: &Position) -> Option<&Region> {
        self.region.iter().find(|region| region.covers(place))
    }

    /// The way between two places when somebody departs then.
    #[must_use]
    pub fn leg(&self, from: &Position, to: &Position, at: DateTime<Utc>) -> Leg {
        // The region is looked for once: it is most of what a way costs us.
        let region = self.covering(from);
        let factor = region.map_or(1.3, |region| region.road_factor);
        let metres = (from.metres_to(to) * factor).clamp(0.0, 1e9);
        let (mut left, mut seconds, mut hour) = (metres, 0.0, at);
        // The speed changes on the way: so nobody arrives earlier by leaving later.
        while seconds < LONGEST {
            let kmh = region.map_or(30.0, |region| region.speed(hour));
            let room = f64::from(3600 - (hour.minute() * 60 + hour.second()));
            let need = left * 3.6 / kmh;
            if need <= room {
                seconds += need;
                break;
            }
            seconds += room;
            left -= room * kmh / 3.6;
            hour += chrono::Duration::seconds(room as i64);
        }
        Leg { seconds: seconds.min(LONGEST).ceil() as i32, metres: metres as i32, estimated: false }
    }
}

/// What a routing server said before, as far as it is kept.
pub trait KnownLegs: Debug + Send + Sync {
    /// The way, when it is known.
    fn leg(&self, from: &Position, to: &Position, at: DateTime<Utc>) -> Option<Leg>;
}

/// How long the way from one visit to the next takes: known, else estimated; never less than the buffer.
#[derive(Clone, Debug)]
pub struct Travel {
    /// At least so many minutes lie between two visits.
    pub buffer_minutes: i64,
    /// The roads.
    pub roads: Arc<Roads>,
    /// What a routing server said, when one is configured.
    pub known: Option<Arc<dyn KnownLegs>>,
}

impl Travel {
    /// The way itself, without the buffer.
    #[must_use]
    pub fn leg(&self, from: &Position, to: &Position, at: DateTime<Utc>) -> Leg {
        match &self.known {
            None => self.roads.leg(from, to, at),
            Some(known) => {
                known.leg(from, to, at).unwrap_or_else(|| Leg { estimated: true, ..self.roads.leg(from, to, at) })
            }
        }
    }

    /// Time that must lie between two visits.
    #[must_use]
    pub fn between(&self, from: Option<Position>, to: Option<Position>, at: DateTime<Utc>) -> chrono::Duration {
        let way = match (from, to) {
            (Some(from), Some(to)) => self.leg(&from, &to, at).seconds,
            (Some(_) | None, Some(_) | None) => 0,
        };
        self.at_least(way)
    }

    /// Time that must lie between two visits with a way of so many seconds between them.
    #[must_use]
    pub fn at_least(&self, way: i32) -> chrono::Duration {
        chrono::Duration::minutes(self.buffer_minutes).max(chrono::Duration::seconds(i64::from(way)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = r#"
        [[region]]
        name = "city"
        latitude = 31.2
        longitude = 121.5
        radius_km = 30.0
        road_factor = 1.4
        utc_hours = 8
        kmh = [[0, 50.0], [7, 20.0], [10, 30.0]]

        [[region]]
        name = "elsewhere"
        road_factor = 1.2
        utc_hours = 8
        kmh = [[0, 60.0]]
    "#;

    fn at(hour_in_china: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_380_800 + (hour_in_china - 8 + 8) * 3600, 0).unwrap()
    }

    #[test]
    fn the_rush_hour_is_slower_and_the_country_is_faster() {
        let roads: Roads = toml::from_str(DATA).unwrap();
        roads.check().unwrap();
        let (a, b) = (Position { latitude: 31.2, longitude: 121.5 }, Position { latitude: 31.25, longitude: 121.5 });
        let (quiet, rush) = (roads.leg(&a, &b, at(3)), roads.leg(&a, &b, at(8)));
        assert!(rush.seconds > 2 * quiet.seconds, "{rush:?} {quiet:?}");
        assert_eq!(rush.metres, quiet.metres);
        let far = Position { latitude: 28.0, longitude: 115.0 };
        assert_eq!(roads.at(&far, at(8)), (1.2, 60.0));
    }

    #[test]
    fn data_without_an_everywhere_is_refused() {
        let mut roads: Roads = toml::from_str(DATA).unwrap();
        roads.region.pop();
        assert!(roads.check().unwrap_err().contains("everywhere"));
    }

    #[test]
    fn the_buffer_is_the_least() {
        let roads: Roads = toml::from_str(DATA).unwrap();
        let travel = Travel { buffer_minutes: 30, roads: Arc::new(roads), known: None };
        let place = Position { latitude: 31.2, longitude: 121.5 };
        assert_eq!(travel.between(Some(place), Some(place), at(9)).num_minutes(), 30);
        assert_eq!(travel.between(None, Some(place), at(9)).num_minutes(), 30);
    }
}
