//! Where travel times come from: an estimate, or a routing server with a cache; an outage falls back and says so.

mod cache;
mod http;
mod osrm;
mod valhalla;

#[cfg(test)]
mod tests;

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use common::convert::Position;
use serde::Deserialize;

use crate::domain::travel::{Leg, Roads, Travel};

use cache::Cache;

/// Which routing server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Provider {
    /// None: great circle, road factor, speed by region and hour.
    Estimate,
    /// OSRM, `/table`.
    Osrm,
    /// Valhalla, `/sources_to_targets`.
    Valhalla,
}

/// A matrix, row by row: from each start to each end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matrix {
    /// The ways; what the server could not route is `None`.
    pub(crate) legs: Vec<Option<Leg>>,
}

/// Travel times between places.
#[async_trait]
pub(crate) trait TravelTimes: Debug + Send + Sync {
    /// From every start to every end, for those who depart then.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or answers nonsense.
    async fn matrix(&self, from: &[Position], to: &[Position], depart_at: DateTime<Utc>) -> anyhow::Result<Matrix>;

    /// Places of one question at the most.
    fn most(&self) -> usize;
}

/// The estimate is a provider too: it never fails.
#[async_trait]
impl TravelTimes for Roads {
    async fn matrix(&self, from: &[Position], to: &[Position], depart_at: DateTime<Utc>) -> anyhow::Result<Matrix> {
        let row = |from: &Position| to.iter().map(|to| Some(self.leg(from, to, depart_at))).collect::<Vec<_>>();
        Ok(Matrix { legs: from.iter().flat_map(row).collect() })
    }

    fn most(&self) -> usize {
        usize::MAX
    }
}

/// Travel times as the rest of dispatch sees them: never failing.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    roads: Arc<Roads>,
    server: Option<Arc<dyn TravelTimes>>,
    cache: Arc<Cache>,
    buffer_minutes: i64,
    timeout: Duration,
}

impl Ways {
    /// By the configuration.
    ///
    /// # Errors
    ///
    /// When the address makes no sense.
    pub(crate) fn new(roads: Roads, config: &crate::TravelConfig) -> anyhow::Result<Self> {
        let server: Option<Arc<dyn TravelTimes>> = match config.provider {
            Provider::Estimate => None,
            Provider::Osrm => Some(Arc::new(osrm::Osrm::new(&config.url)?)),
            Provider::Valhalla => Some(Arc::new(valhalla::Valhalla::new(&config.url)?)),
        };
        let buffer_minutes = i64::try_from(config.buffer.as_secs() / 60).unwrap_or(24 * 60);
        let cache = Arc::new(Cache::new(config.kept, config.most_kept));
        Ok(Self { roads: Arc::new(roads), server, cache, buffer_minutes, timeout: config.timeout })
    }

    /// For the rules and scans: what is known, else the estimate.
    pub(crate) fn rules(&self) -> Travel {
        let known = self.server.is_some().then(|| self.cache.clone() as Arc<_>);
        Travel { buffer_minutes: self.buffer_minutes, roads: self.roads.clone(), known }
    }

    /// Whether a routing server is configured.
    pub(crate) fn asks(&self) -> bool {
        self.server.is_some()
    }

    /// Asks the server for the ways between a place and others, both directions, unless they are known. Says whether
    /// everything is known now; what is not will be estimated.
    pub(crate) async fn learn(&self, place: Position, others: &[Position], at: DateTime<Utc>) -> bool {
        let Some(server) = &self.server else { return true };
        let mut unknown: Vec<Position> = Vec::new();
        for other in others {
            let known = self.cache.get(&place, other, at).is_some() && self.cache.get(other, &place, at).is_some();
            if !known && !unknown.iter().any(|there| cache::cell(there) == cache::cell(other)) {
                unknown.push(*other);
            }
        }
        for chunk in unknown.chunks(server.most().max(1)) {
            let there = self.ask(server, &[place], chunk, at).await;
            let back = self.ask(server, chunk, &[place], at).await;
            if !there || !back {
                return false;
            }
        }
        true
    }

    /// Asks the server for every way among places, unless they are known. Says whether everything is known now.
    pub(crate) async fn learn_all(&self, places: &[Position], at: DateTime<Utc>) -> bool {
        let Some(server) = &self.server else { return true };
        let side = server.most().max(1);
        for from in places.chunks(side) {
            for to in places.chunks(side) {
                let missing = from.iter().any(|from| to.iter().any(|to| self.cache.get(from, to, at).is_none()));
                if missing && !self.ask(server, from, to, at).await {
                    return false;
                }
            }
        }
        true
    }

    async fn ask(&self, server: &Arc<dyn TravelTimes>, from: &[Position], to: &[Position], at: DateTime<Utc>) -> bool {
        if !self.cache.may_ask() {
            return false;
        }
        let answer = match tokio::time::timeout(self.timeout, server.matrix(from, to, at)).await {
            Ok(answer) => answer,
            Err(_) => Err(anyhow::anyhow!("no answer within {:?}", self.timeout)),
        };
        match answer {
            Ok(matrix) => {
                self.cache.answered();
                for (index, leg) in matrix.legs.iter().enumerate() {
                    let (from, to) = (&from[index / to.len().max(1)], &to[index % to.len().max(1)]);
                    if let Some(leg) = leg {
                        self.cache.put(from, to, at, *leg);
                    }
                }
                matrix.legs.iter().all(Option::is_some)
            }
            Err(error) => {
                self.cache.failed();
                tracing::warn!(%error, "the routing server did not answer; travel times are estimated");
                false
            }
        }
    }
}
