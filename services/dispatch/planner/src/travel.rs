//! Travel times inside the kernel: synchronous, infallible, monomorphised. What can fail (a routing server) is the caller's and ends in a matrix.

use crate::model::{Place, Seconds};

/// One way from a place to a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    /// How long.
    pub seconds: Seconds,
    /// How far.
    pub metres: i32,
}

/// Travel times. Leaving later must never mean arriving earlier.
pub trait Travel: Clone + Send + Sync {
    /// Whether there and back take the same time at any hour; the search then reads a matrix along its rows.
    const SYMMETRIC: bool;
    /// Whether the time depends on the departure.
    const TIMED: bool;

    /// What does not depend on the departure, to be found out once for several departures.
    type Way: Copy;

    /// The way from `a` to `b`.
    fn way(&self, a: Place, b: Place) -> Self::Way;

    /// The way when leaving at `depart`.
    fn at(&self, way: Self::Way, depart: Seconds) -> Leg;

    /// The way from `a` to `b` when leaving at `depart`.
    #[inline]
    fn leg(&self, a: Place, b: Place, depart: Seconds) -> Leg {
        self.at(self.way(a, b), depart)
    }

    /// How many places are known.
    fn places(&self) -> usize;

    /// Any measure of nearness, by which neighbours are found.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "an order of neighbours")]
    fn apart(&self, a: Place, b: Place) -> f32 {
        self.leg(a, b, 12 * 3600).seconds as f32
    }

    /// The latest departure that reaches `b` by `arrive`.
    #[inline]
    fn latest_departure(&self, a: Place, b: Place, arrive: Seconds) -> Seconds {
        let way = self.way(a, b);
        let mut depart = arrive - self.at(way, arrive).seconds;
        if Self::TIMED {
            // Usually the first guess meets the deadline; around the rush hours it is closed in on from both sides.
            let (mut early, mut late) = (Seconds::MIN, Seconds::MAX);
            for round in 0..24 {
                let over = depart + self.at(way, depart).seconds - arrive;
                if over > 0 {
                    late = late.min(depart);
                } else {
                    early = early.max(depart);
                }
                if over == 0 || (early > Seconds::MIN && late.saturating_sub(early) <= 4) {
                    break;
                }
                let guess = depart - over;
                let known = early > Seconds::MIN && late < Seconds::MAX;
                depart = if known && (round > 3 || guess <= early || guess >= late) {
                    early + (late - early) / 2
                } else {
                    guess
                };
            }
            while early == Seconds::MIN {
                // Not reached in practice; a safe bound all the same.
                depart -= 3600;
                if depart + self.at(way, depart).seconds <= arrive {
                    early = depart;
                }
            }
            depart = early;
        }
        depart
    }
}

/// A matrix, row by row, for instance from a routing server. Not timed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dense {
    places: usize,
    seconds: Vec<Seconds>,
    metres: Vec<i32>,
}

impl Dense {
    /// From row-major matrices. `None` when the sizes do not fit.
    #[must_use]
    pub fn new(places: usize, seconds: Vec<Seconds>, metres: Vec<i32>) -> Option<Self> {
        (seconds.len() == places * places && metres.len() == seconds.len()).then_some(Self { places, seconds, metres })
    }
}

impl Travel for Dense {
    const SYMMETRIC: bool = false;
    const TIMED: bool = false;

    type Way = Leg;

    #[inline]
    fn way(&self, a: Place, b: Place) -> Leg {
        let at = a as usize * self.places + b as usize;
        Leg { seconds: self.seconds[at], metres: self.metres[at] }
    }

    #[inline]
    fn at(&self, way: Leg, _: Seconds) -> Leg {
        way
    }

    fn places(&self) -> usize {
        self.places
    }
}

/// The plane of the benchmark instances: Euclidean distances as scaled integers, seconds and metres alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plane {
    places: usize,
    units: Vec<Seconds>,
}

impl Plane {
    /// Distances between points, times `scale`, cut (the DIMACS convention with scale 10) or rounded up (so that exact windows hold).
    #[must_use]
    pub fn new(points: &[(f64, f64)], scale: f64, round_up: bool) -> Self {
        let units = points
            .iter()
            .flat_map(|a| {
                points.iter().map(move |b| {
                    let exact = ((a.0 - b.0).powi(2) + (a.1 - b.1).powi(2)).sqrt() * scale;
                    // Half a thousandth guards against 2.9999999999 from the square root of a whole number.
                    #[expect(clippy::cast_possible_truncation, reason = "distances of instances are small")]
                    {
                        if round_up { (exact - 1e-6).ceil() as i32 } else { (exact + 1e-6).floor() as i32 }
                    }
                })
            })
            .collect();
        Self { places: points.len(), units }
    }
}

impl Travel for Plane {
    const SYMMETRIC: bool = true;
    const TIMED: bool = false;

    type Way = Seconds;

    #[inline]
    fn way(&self, a: Place, b: Place) -> Seconds {
        self.units[a as usize * self.places + b as usize]
    }

    #[inline]
    fn at(&self, way: Seconds, _: Seconds) -> Leg {
        Leg { seconds: way, metres: 0 }
    }

    fn places(&self) -> usize {
        self.places
    }
}

/// How fast the road is in a region.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// How much longer the road is than the great circle (1.3 in towns, 1.2 outside).
    pub road_factor: f64,
    /// Kilometres an hour, by hour of the day.
    pub speed: [f64; 24],
}

impl Default for Region {
    /// A Chinese city on a working day.
    fn default() -> Self {
        let mut speed = [32.0; 24];
        for (hour, slow) in [(7, 24.0), (8, 20.0), (9, 24.0), (17, 20.0), (18, 19.0), (19, 24.0)] {
            speed[hour] = slow;
        }
        for hour in [0, 1, 2, 3, 4, 5, 22, 23] {
            speed[hour] = 42.0;
        }
        Self { road_factor: 1.3, speed }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Pace {
    road_factor: f64,
    /// Seconds a metre, by hour.
    pace: [f64; 24],
}

/// Great circle times road factor, at the speed of the region and hour. Places are unit vectors: 24 bytes each and no matrix.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Geodesic {
    points: Vec<[f64; 3]>,
    region: Vec<u16>,
    regions: Vec<Pace>,
    /// Local seconds of day at second zero.
    midnight: Seconds,
}

/// Mean radius of the earth.
const EARTH_METRES: f64 = 6_371_008.8;
const DAY: Seconds = 86_400;

impl Geodesic {
    /// No places yet. `midnight` is the local second of the day at second zero (0 when the horizon begins at local midnight).
    #[must_use]
    pub fn new(regions: &[Region], midnight: Seconds) -> Self {
        let regions = regions
            .iter()
            .map(|region| Pace {
                road_factor: region.road_factor,
                pace: region.speed.map(|speed| 3.6 / speed.max(1.0)),
            })
            .collect();
        Self { points: Vec::new(), region: Vec::new(), regions, midnight }
    }

    /// One more place, in degrees.
    #[expect(clippy::cast_possible_truncation, reason = "places are counted in thousands")]
    pub fn add(&mut self, latitude: f64, longitude: f64, region: u16) -> Place {
        let (lat, lon) = (latitude.to_radians(), longitude.to_radians());
        self.points.push([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]);
        self.region.push(region.min(self.regions.len().saturating_sub(1) as u16));
        self.points.len() as Place - 1
    }

    /// Metres as the crow flies. The chord's series is within a millimetre up to a thousand kilometres.
    #[inline]
    #[must_use]
    pub fn metres(&self, a: Place, b: Place) -> f64 {
        let (a, b) = (&self.points[a as usize], &self.points[b as usize]);
        let (x, y, z) = (a[0] - b[0], a[1] - b[1], a[2] - b[2]);
        let square = x * x + y * y + z * z;
        let chord = square.sqrt();
        if square < 0.03 {
            chord * (1.0 + square * (1.0 / 24.0 + square * (3.0 / 640.0 + square * (5.0 / 7168.0)))) * EARTH_METRES
        } else {
            2.0 * (chord / 2.0).min(1.0).asin() * EARTH_METRES
        }
    }
}

impl Travel for Geodesic {
    const SYMMETRIC: bool = false;
    const TIMED: bool = true;

    /// Road metres, and the region in which the way begins.
    type Way = (f64, u16);

    #[expect(clippy::inline_always, reason = "the innermost arithmetic; left to itself the compiler calls it")]
    #[inline(always)]
    fn way(&self, a: Place, b: Place) -> (f64, u16) {
        let region = self.region[a as usize];
        (self.metres(a, b) * self.regions[region as usize].road_factor, region)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds and metres of one way fit")]
    fn at(&self, (metres, region): (f64, u16), depart: Seconds) -> Leg {
        let pace = &self.regions[region as usize];
        let local = (depart + self.midnight).rem_euclid(DAY);
        let mut hour = (local / 3600) as usize;
        let mut room = f64::from(3600 - local % 3600);
        let mut left = metres;
        let mut seconds = 0.0;
        // The speed changes while driving: so nobody arrives earlier by leaving later.
        loop {
            let need = left * pace.pace[hour];
            if need <= room {
                seconds += need;
                break;
            }
            seconds += room;
            left -= room / pace.pace[hour];
            hour = if hour == 23 { 0 } else { hour + 1 };
            room = 3600.0;
        }
        // Rounded up, without a call into the mathematical library.
        Leg { seconds: (seconds + 0.999_999) as Seconds, metres: metres as i32 }
    }

    fn places(&self) -> usize {
        self.points.len()
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "an order of neighbours")]
    fn apart(&self, a: Place, b: Place) -> f32 {
        let (a, b) = (&self.points[a as usize], &self.points[b as usize]);
        let (x, y, z) = (a[0] - b[0], a[1] - b[1], a[2] - b[2]);
        (x * x + y * y + z * z) as f32
    }
}

/// Either of the two that the service uses, chosen at run time.
#[derive(Clone, Debug, PartialEq)]
pub enum Roads {
    /// Estimated from positions.
    Geodesic(Geodesic),
    /// Measured by a routing server.
    Dense(Dense),
}

/// A way of either kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RoadsWay {
    /// Road metres and region.
    Geodesic(f64, u16),
    /// As measured.
    Dense(Leg),
}

impl Travel for Roads {
    const SYMMETRIC: bool = false;
    const TIMED: bool = true;

    type Way = RoadsWay;

    #[inline]
    fn way(&self, a: Place, b: Place) -> RoadsWay {
        match self {
            Self::Geodesic(travel) => {
                let (metres, region) = travel.way(a, b);
                RoadsWay::Geodesic(metres, region)
            }
            Self::Dense(travel) => RoadsWay::Dense(travel.way(a, b)),
        }
    }

    #[inline]
    fn at(&self, way: RoadsWay, depart: Seconds) -> Leg {
        match (self, way) {
            (Self::Geodesic(travel), RoadsWay::Geodesic(metres, region)) => travel.at((metres, region), depart),
            (_, RoadsWay::Dense(leg)) => leg,
            (Self::Dense(_), RoadsWay::Geodesic(..)) => Leg::default(),
        }
    }

    fn places(&self) -> usize {
        match self {
            Self::Geodesic(travel) => travel.places(),
            Self::Dense(travel) => travel.places(),
        }
    }

    #[inline]
    fn apart(&self, a: Place, b: Place) -> f32 {
        match self {
            Self::Geodesic(travel) => travel.apart(a, b),
            Self::Dense(travel) => travel.apart(a, b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shanghai() -> Geodesic {
        let mut travel = Geodesic::new(&[Region::default()], 0);
        for at in 0..40 {
            travel.add(31.0 + f64::from(at) * 0.013, 121.2 + f64::from(at * 7 % 40) * 0.011, 0);
        }
        travel
    }

    #[test]
    fn metres_are_those_of_the_haversine() {
        let travel = shanghai();
        for (a, b) in [(0, 1), (3, 39), (20, 7)] {
            let at = |at: u32| (31.0 + f64::from(at) * 0.013, 121.2 + f64::from(at * 7 % 40) * 0.011);
            let ((la, oa), (lb, ob)) = (at(a), at(b));
            let h = ((lb - la).to_radians() / 2.0).sin().powi(2)
                + la.to_radians().cos() * lb.to_radians().cos() * ((ob - oa).to_radians() / 2.0).sin().powi(2);
            let wanted = 2.0 * h.sqrt().asin() * EARTH_METRES;
            assert!((travel.metres(a, b) - wanted).abs() < 0.01, "{} {wanted}", travel.metres(a, b));
        }
    }

    #[test]
    fn who_leaves_later_never_arrives_earlier_and_the_latest_departure_arrives_in_time() {
        let travel = shanghai();
        for (a, b) in [(0, 39), (3, 17), (20, 21), (5, 5)] {
            let mut before = i32::MIN;
            for depart in (0..2 * DAY).step_by(97) {
                let arrive = depart + travel.leg(a, b, depart).seconds;
                assert!(arrive >= before, "{a} {b} {depart}");
                before = arrive;
                let latest = travel.latest_departure(a, b, depart);
                assert!(latest + travel.leg(a, b, latest).seconds <= depart);
                assert!(
                    latest + 5 + travel.leg(a, b, latest + 5).seconds > depart,
                    "far too early: {a} {b} {depart} {latest}"
                );
            }
        }
    }
}
