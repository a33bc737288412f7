//! One look at the database for all readers of a process: what is new is kept in a ring in memory, of which every reader
//! takes its part at its own pace. Each replica looks for itself, so it does not matter at which one a reader is.

use std::{
    collections::VecDeque,
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{db::Db, error::Result};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{domain::feed::Change, store};

/// Changes kept in memory. Whoever is farther behind reads the database.
const RING: usize = 4_096;
/// Changes read at once.
pub(super) const PAGE: u64 = 500;
/// Longest pause between looks at a database that does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The newest changes of the process's replica.
#[derive(Clone, Debug)]
pub(crate) struct Hub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ring: RwLock<VecDeque<Arc<Change>>>,
    newest: watch::Sender<i64>,
    readers: AtomicUsize,
    came: Notify,
}

/// A reader among others; not any more when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    hub: Hub,
    newest: watch::Receiver<i64>,
}

impl Default for Hub {
    fn default() -> Self {
        Self(Arc::new(Shared {
            ring: RwLock::default(),
            newest: watch::Sender::new(0),
            readers: AtomicUsize::new(0),
            came: Notify::new(),
        }))
    }
}

impl Hub {
    /// Looks for new changes while there are readers.
    pub(crate) async fn run(self, db: Db, poll: Duration, stop: CancellationToken) {
        let mut pause = poll;
        while !stop.is_cancelled() {
            if self.0.readers.load(Ordering::Acquire) == 0 {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.0.came.notified() => {}
                }
            }
            pause = match self.look(&db).await {
                Ok(true) => continue,
                Ok(false) => poll,
                Err(error) => {
                    tracing::warn!(%error, cause = ?error.cause(), "push waits: the database does not answer");
                    (pause * 2).min(LONGEST_PAUSE)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Takes in what is new; says whether there is more.
    async fn look(&self, db: &Db) -> Result<bool> {
        let known = *self.0.newest.borrow();
        let newest = store::feed::newest(db.read()).await?;
        if newest == known {
            return Ok(false);
        }
        // Behind by more than the ring holds, or before a database that was set back: begin anew at its end.
        let ring = i64::try_from(RING).unwrap_or(i64::MAX);
        let from = if newest < known || newest - known > ring { newest - newest.min(ring) } else { known };
        let found = store::feed::after(db.read(), from, PAGE).await?;
        let Some(last) = found.last().map(|change| change.number) else {
            // All of it was trimmed.
            self.0.newest.send_replace(newest);
            return Ok(false);
        };
        let more = found.len() as u64 == PAGE;
        {
            let mut ring = self.0.ring.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            if from != known {
                ring.clear();
            }
            for change in found {
                if ring.len() == RING {
                    ring.pop_front();
                }
                ring.push_back(Arc::new(change));
            }
        }
        self.0.newest.send_replace(last);
        Ok(more)
    }

    /// Takes a seat.
    pub(crate) fn sit(&self) -> Seat {
        self.0.readers.fetch_add(1, Ordering::AcqRel);
        self.0.came.notify_one();
        Seat { hub: self.clone(), newest: self.0.newest.subscribe() }
    }

    /// How many readers there are.
    pub(crate) fn readers(&self) -> usize {
        self.0.readers.load(Ordering::Acquire)
    }
}

impl Seat {
    /// The changes behind a number that are in memory; `None` when the first of them is not.
    pub(super) fn behind(&self, number: i64) -> Option<Vec<Arc<Change>>> {
        let ring = self.hub.0.ring.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let first = ring.front()?.number;
        if number + 1 < first {
            return None;
        }
        let skip = usize::try_from(number + 1 - first).unwrap_or(usize::MAX);
        let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
        Some(ring.iter().skip(skip).take(page).cloned().collect())
    }

    /// Waits until there is something behind a number.
    pub(super) async fn newer_than(&mut self, number: i64) {
        // The sender lives as long as the hub, which this seat holds.
        let _ = self.newest.wait_for(|newest| *newest > number).await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.0.readers.fetch_sub(1, Ordering::AcqRel);
    }
}
