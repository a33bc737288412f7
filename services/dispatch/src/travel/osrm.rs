//! OSRM: `GET /table/v1/driving/{lon,lat;…}?sources=…&destinations=…&annotations=duration,distance`.

use std::fmt::Write as _;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use common::convert::Position;
use serde::Deserialize;

use super::{Matrix, TravelTimes, http::Client};
use crate::domain::travel::Leg;

/// OSRM refuses more than a hundred places by default.
const MOST: usize = 50;

/// A client of OSRM.
#[derive(Debug)]
pub(crate) struct Osrm(Client);

impl Osrm {
    /// The server at this address.
    ///
    /// # Errors
    ///
    /// When the address makes no sense.
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        Ok(Self(Client::new(url)?))
    }
}

#[derive(Debug, Deserialize)]
struct Answer {
    code: String,
    #[serde(default)]
    durations: Vec<Vec<Option<f64>>>,
    #[serde(default)]
    distances: Vec<Vec<Option<f64>>>,
}

#[async_trait]
impl TravelTimes for Osrm {
    async fn matrix(&self, from: &[Position], to: &[Position], _depart_at: DateTime<Utc>) -> anyhow::Result<Matrix> {
        let mut path = String::from("/table/v1/driving/");
        for (index, place) in from.iter().chain(to).enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(path, "{separator}{:.6},{:.6}", place.longitude, place.latitude)?;
        }
        let list = |range: std::ops::Range<usize>| range.map(|index| index.to_string()).collect::<Vec<_>>().join(";");
        write!(
            path,
            "?sources={}&destinations={}&annotations=duration,distance",
            list(0..from.len()),
            list(from.len()..from.len() + to.len())
        )?;
        let answer: Answer = self.0.json(&path, None).await?;
        anyhow::ensure!(answer.code == "Ok", "OSRM answered {}", answer.code);
        anyhow::ensure!(
            answer.durations.len() == from.len() && answer.durations.iter().all(|row| row.len() == to.len()),
            "OSRM's table has another size"
        );
        let distance = |row: usize, column: usize| {
            answer.distances.get(row).and_then(|row| row.get(column)).copied().flatten().unwrap_or_default()
        };
        let mut legs = Vec::with_capacity(from.len() * to.len());
        for (row, durations) in answer.durations.iter().enumerate() {
            for (column, seconds) in durations.iter().enumerate() {
                legs.push(seconds.map(|seconds| leg(seconds, distance(row, column))));
            }
        }
        Ok(Matrix { legs })
    }

    fn most(&self) -> usize {
        MOST
    }
}

/// A way out of a server's figures.
pub(crate) fn leg(seconds: f64, metres: f64) -> Leg {
    Leg { seconds: seconds.clamp(0.0, 86_400.0).ceil() as i32, metres: metres.clamp(0.0, 1e9) as i32, estimated: false }
}
