//! Valhalla: `POST /sources_to_targets` with `date_time` of type 1 (departure), seconds and kilometres back.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use common::convert::Position;
use serde::Deserialize;
use serde_json::json;

use super::{Matrix, TravelTimes, http::Client, osrm::leg};

/// Valhalla's default limit is fifty sources and fifty targets.
const MOST: usize = 50;

/// A client of Valhalla.
#[derive(Debug)]
pub(crate) struct Valhalla(Client);

impl Valhalla {
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
    sources_to_targets: Vec<Vec<Cell>>,
}

#[derive(Debug, Deserialize)]
struct Cell {
    from_index: usize,
    to_index: usize,
    time: Option<f64>,
    distance: Option<f64>,
}

#[async_trait]
impl TravelTimes for Valhalla {
    async fn matrix(&self, from: &[Position], to: &[Position], depart_at: DateTime<Utc>) -> anyhow::Result<Matrix> {
        let places = |list: &[Position]| {
            list.iter().map(|place| json!({ "lat": place.latitude, "lon": place.longitude })).collect::<Vec<_>>()
        };
        let question = json!({
            "sources": places(from),
            "targets": places(to),
            "costing": "auto",
            "units": "kilometers",
            "date_time": { "type": 1, "value": depart_at.format("%Y-%m-%dT%H:%M").to_string() },
        });
        let answer: Answer = self.0.json("/sources_to_targets", Some(serde_json::to_vec(&question)?)).await?;
        let mut legs = vec![None; from.len() * to.len()];
        for cell in answer.sources_to_targets.iter().flatten() {
            anyhow::ensure!(
                cell.from_index < from.len() && cell.to_index < to.len(),
                "Valhalla's table has another size"
            );
            legs[cell.from_index * to.len() + cell.to_index] =
                cell.time.map(|seconds| leg(seconds, cell.distance.unwrap_or_default() * 1000.0));
        }
        Ok(Matrix { legs })
    }

    fn most(&self) -> usize {
        MOST
    }
}
