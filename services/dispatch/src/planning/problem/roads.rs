//! Travel times of one plan, measured by the routing server or estimated.

use super::*;

/// Travel times with the least time between two visits.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    roads: Arc<Roads>,
    /// Whether the place is known at all.
    known: Arc<Vec<bool>>,
    /// Visits are at this place or a later one; before are homes and places of parts.
    visits_from: u32,
    buffer: i32,
}

impl Travel for Ways {
    const SYMMETRIC: bool = false;
    const TIMED: bool = true;

    /// The road, where both places are known; and the least time between the two.
    type Way = (Option<<Roads as Travel>::Way>, i32);

    fn way(&self, a: u32, b: u32) -> Self::Way {
        let known = self.known[a as usize] && self.known[b as usize];
        let least = if a >= self.visits_from && b >= self.visits_from { self.buffer } else { 0 };
        (known.then(|| self.roads.way(a, b)), least)
    }

    fn at(&self, (road, least): Self::Way, depart: i32) -> Leg {
        let leg = road.map(|road| self.roads.at(road, depart)).unwrap_or_default();
        Leg { seconds: leg.seconds.max(least), metres: leg.metres }
    }

    fn places(&self) -> usize {
        self.known.len()
    }
}

impl Builder<'_> {
    pub(super) async fn roads(&self, visits_from: u32) -> (Ways, bool) {
        let ways = &self.ctx.ways;
        let rules = ways.rules();
        let known: Vec<bool> = self.places.iter().map(Option::is_some).collect();
        let middle = Position { latitude: 0.0, longitude: 0.0 };
        let places: Vec<Position> = self.places.iter().map(|place| place.unwrap_or(middle)).collect();
        let depart = self.zero + Duration::hours(10);
        let measured = ways.asks() && places.len() <= MOST_MEASURED;
        let complete = measured && ways.learn_all(&places, depart).await;
        let estimated = ways.asks() && !complete;
        let roads = if measured {
            let mut seconds = Vec::with_capacity(places.len() * places.len());
            let mut metres = Vec::with_capacity(places.len() * places.len());
            for from in &places {
                for to in &places {
                    let leg = rules.leg(from, to, depart);
                    seconds.push(leg.seconds);
                    metres.push(leg.metres);
                }
            }
            Dense::new(places.len(), seconds, metres).map(Roads::Dense)
        } else {
            None
        };
        let roads = roads.unwrap_or_else(|| Roads::Geodesic(self.geodesic(&places)));
        let buffer = i32::try_from(rules.buffer_minutes * 60).unwrap_or_default();
        (Ways { roads: Arc::new(roads), known: Arc::new(known), visits_from, buffer }, estimated)
    }

    fn geodesic(&self, places: &[Position]) -> Geodesic {
        let data = &self.ctx.ways.rules().roads;
        let speeds: Vec<Speeds> = data
            .region
            .iter()
            .map(|region| {
                let mut speed = [30.0; 24];
                for (hour, slot) in speed.iter_mut().enumerate() {
                    let passed = region.kmh.iter().rev().find(|(from, _)| *from as usize <= hour);
                    *slot = passed.map_or(30.0, |(_, kmh)| *kmh);
                }
                Speeds { road_factor: region.road_factor, speed }
            })
            .collect();
        // Second zero is a midnight of the configured zone; regions have the clock of that zone.
        let mut roads = Geodesic::new(&speeds, 0);
        for place in places {
            let region = data.region_of(place);
            roads.add(place.latitude, place.longitude, u16::try_from(region).unwrap_or_default());
        }
        roads
    }
}
