//! What a routing server said, by cell and hour, for some time; and a pause after it failed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, Timelike as _, Utc};
use common::convert::Position;
use tokio::time::Instant;

use crate::domain::travel::{KnownLegs, Leg};

/// Cells of a thousandth of a degree: about a hundred metres, less than the walk from a parking place.
const CELLS: f64 = 1000.0;
/// A server that failed is left alone this long: callers must not all wait for its time-out.
const REST: Duration = Duration::from_secs(10);

/// A cell.
pub(crate) type Cell = (i32, i32);

/// The cell of a place.
pub(crate) fn cell(at: &Position) -> Cell {
    ((at.latitude * CELLS).round() as i32, (at.longitude * CELLS).round() as i32)
}

type Key = (Cell, Cell, u32);

/// The ways known.
#[derive(Debug)]
pub(crate) struct Cache {
    legs: RwLock<HashMap<Key, (Leg, Instant)>>,
    failed: Mutex<Option<Instant>>,
    kept: Duration,
    most: usize,
}

impl Cache {
    /// Ways are kept so long, and so many of them.
    pub(crate) fn new(kept: Duration, most: usize) -> Self {
        Self { legs: RwLock::default(), failed: Mutex::default(), kept, most }
    }

    fn key(from: &Position, to: &Position, at: DateTime<Utc>) -> Key {
        (cell(from), cell(to), at.hour())
    }

    /// The way, when it is known and not too old.
    pub(crate) fn get(&self, from: &Position, to: &Position, at: DateTime<Utc>) -> Option<Leg> {
        let legs = self.legs.read().unwrap_or_else(PoisonError::into_inner);
        legs.get(&Self::key(from, to, at)).filter(|(_, learned)| learned.elapsed() < self.kept).map(|(leg, _)| *leg)
    }

    /// Keeps a way. When there is no room, what is old goes; when nothing is old, everything does.
    pub(crate) fn put(&self, from: &Position, to: &Position, at: DateTime<Utc>, leg: Leg) {
        let mut legs = self.legs.write().unwrap_or_else(PoisonError::into_inner);
        if legs.len() >= self.most {
            legs.retain(|_, (_, learned)| learned.elapsed() < self.kept);
            if legs.len() >= self.most {
                legs.clear();
            }
        }
        legs.insert(Self::key(from, to, at), (leg, Instant::now()));
    }

    /// Whether the server may be asked: not shortly after it failed.
    pub(crate) fn may_ask(&self) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.is_none_or(|at| at.elapsed() >= REST)
    }

    /// The server answered.
    pub(crate) fn answered(&self) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The server did not answer.
    pub(crate) fn failed(&self) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl KnownLegs for Cache {
    fn leg(&self, from: &Position, to: &Position, at: DateTime<Utc>) -> Option<Leg> {
        self.get(from, to, at)
    }
}
