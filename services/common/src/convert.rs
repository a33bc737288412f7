//! Values that cross the border in every service: instants, windows, money.

use chrono::{DateTime, SubsecRound as _, Utc};
use prost_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// An instant for a message.
#[must_use]
pub fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp { seconds: at.timestamp(), nanos: i32::try_from(at.timestamp_subsec_nanos()).unwrap_or_default() }
}

/// An instant out of a message, in whole microseconds. `field` names it in the error.
///
/// # Errors
///
/// `INVALID_FIELDS` when it is outside the calendar.
pub fn instant(at: &Timestamp, field: &str) -> Result<DateTime<Utc>> {
    u32::try_from(at.nanos)
        .ok()
        .and_then(|nanos| DateTime::from_timestamp(at.seconds, nanos))
        .filter(|at| (1900..=2200).contains(&chrono::Datelike::year(at)))
        .map(|at| at.trunc_subsecs(6))
        .ok_or_else(|| Error::invalid(field, "timestamp.range"))
}

/// An instant out of a message that may be left out.
///
/// # Errors
///
/// As [`instant`].
pub fn optional_instant(at: Option<&Timestamp>, field: &str) -> Result<Option<DateTime<Utc>>> {
    at.map(|at| instant(at, field)).transpose()
}

/// A half-open span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// First instant.
    pub start: DateTime<Utc>,
    /// First instant after it.
    pub end: DateTime<Utc>,
}

impl Window {
    /// Whether the two spans share an instant.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Reads a window out of a message.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` when an end is missing or it ends before it starts.
    pub fn read(window: &proto::aftercare::common::v1::TimeWindow, field: &str) -> Result<Self> {
        let start = optional_instant(window.start.as_ref(), field)?;
        let end = optional_instant(window.end.as_ref(), field)?;
        match (start, end) {
            (Some(start), Some(end)) if start < end => Ok(Self { start, end }),
            _ => Err(Error::invalid(field, "window.start_before_end")),
        }
    }

    /// The window for a message.
    #[must_use]
    pub fn message(&self) -> proto::aftercare::common::v1::TimeWindow {
        proto::aftercare::common::v1::TimeWindow { start: Some(timestamp(self.start)), end: Some(timestamp(self.end)) }
    }
}

/// An amount of money: minor units and an ISO 4217 code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units (fen, cents).
    pub minor_units: i64,
    /// ISO 4217.
    pub currency: String,
}

impl From<proto::aftercare::common::v1::Money> for Money {
    fn from(money: proto::aftercare::common::v1::Money) -> Self {
        Self { minor_units: money.minor_units, currency: money.currency_code }
    }
}

impl From<Money> for proto::aftercare::common::v1::Money {
    fn from(money: Money) -> Self {
        Self { minor_units: money.minor_units, currency_code: money.currency }
    }
}

/// A point in WGS-84 degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl Position {
    /// Great-circle distance in metres (haversine on a sphere of 6,371,008.8 m, the mean Earth radius).
    #[must_use]
    pub fn metres_to(&self, other: &Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let half_lat = ((b - a) / 2.0).sin();
        let half_lon = ((other.longitude - self.longitude).to_radians() / 2.0).sin();
        let chord = half_lat * half_lat + a.cos() * b.cos() * half_lon * half_lon;
        2.0 * 6_371_008.8 * chord.sqrt().asin()
    }
}

impl From<proto::aftercare::common::v1::LatLng> for Position {
    fn from(at: proto::aftercare::common::v1::LatLng) -> Self {
        Self { latitude: at.latitude, longitude: at.longitude }
    }
}

impl From<Position> for proto::aftercare::common::v1::LatLng {
    fn from(at: Position) -> Self {
        Self { latitude: at.latitude, longitude: at.longitude }
    }
}
