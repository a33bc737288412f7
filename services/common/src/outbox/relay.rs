//! The relay: publishes what is in the outbox. One replica of a service does it at a time, under a lease.
//!
//! Two relays at once (one slept through its term) cannot harm: in Redis an append is made only where the relay left
//! the stream, so the slower one notices; in process, repeats are dropped by the inbox.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use sea_orm::DbBackend;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::entity;
use crate::{
    bus::{Appended, Bus, EntryId, Memory, Publisher, Settings},
    error::{Error, Result},
    lease::Lease,
    service::Core,
};

/// Between two looks of a relay that publishes to Redis, while there is something to publish: what is committed meanwhile
/// goes in one step, and arrives in one, so that a consumer can handle it in one transaction.
const GATHER: Duration = Duration::from_millis(20);

/// Why a relay stopped publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It was told to.
    Stopped,
    /// Another one publishes now.
    LeaseLost,
}

/// Publishes one service's outbox.
#[derive(Debug)]
pub struct Relay {
    core: Core,
    bus: Bus,
    settings: Settings,
    lease: Lease,
    swept: Option<Instant>,
    measured: Option<Instant>,
}

impl Relay {
    /// A relay for this service.
    #[must_use]
    pub fn new(core: &Core, bus: &Bus, settings: &Settings) -> Self {
        // A SQLite file belongs to one process: after a restart it need not wait for its own lease to end.
        let holder = match core.db.backend() {
            DbBackend::Sqlite => settings.instance.clone(),
            _ => format!("{}/{}", settings.instance, core.ids.uuid(core.clock.now()).simple()),
        };
        let lease = Lease::new(core.db.clone(), format!("relay/{}", core.service), holder, settings.lease);
        Self { core: core.clone(), bus: bus.clone(), settings: settings.clone(), lease, swept: None, measured: None }
    }

    /// Publishes until it is stopped. A database or a bus that is down is waited for.
    ///
    /// # Errors
    ///
    /// None.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut pause = self.settings.poll;
        while !stop.is_cancelled() {
            match self.term(&stop).await {
                Ok(End::Stopped) => break,
                Ok(End::LeaseLost) => pause = self.settings.poll,
                Err(error) => {
                    tracing::warn!(%error, cause = ?error.cause(), service = self.core.service, "events wait in the outbox");
                    pause = (pause * 2).min(self.settings.lease);
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        if let Err(error) = self.lease.release().await {
            tracing::debug!(%error, "the lease ends by itself");
        }
        Ok(())
    }

    /// Publishes for as long as the lease is held.
    async fn term(&mut self, stop: &CancellationToken) -> Result<End> {
        if !self.lease.acquire().await? {
            return Ok(End::LeaseLost);
        }
        match self.bus.clone() {
            Bus::Memory(memory) => self.in_process(&memory, stop).await,
            Bus::Redis(redis) => {
                let publisher = redis.publisher(self.core.service)?;
                self.over_redis(publisher, stop).await
            }
        }
    }

    async fn in_process(&mut self, memory: &Arc<Memory>, stop: &CancellationToken) -> Result<End> {
        let (done, mut committed) = mpsc::unbounded_channel();
        let mut under_way = BTreeSet::new();
        loop {
            if stop.is_cancelled() {
                return Ok(End::Stopped);
            }
            if !self.lease.keep().await? {
                return Ok(End::LeaseLost);
            }
            self.housekeeping(None).await?;
            let room = self.settings.in_hand.saturating_sub(under_way.len()).min(self.settings.batch);
            let rows = match room {
                0 => Vec::new(),
                room => super::unpublished(&self.core.db, room, &under_way).await?,
            };
            let full = rows.len() == self.settings.batch;
            if !self.lease.is_held() {
                continue;
            }
            for row in rows {
                under_way.insert(row.id);
                memory.publish(self.core.service, row.id, row.envelope, &done);
            }
            let mut ids = Vec::new();
            if !full {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.core.db.bells().outbox() => {}
                    () = tokio::time::sleep(self.settings.poll) => {}
                    id = committed.recv() => ids.extend(id),
                }
            }
            while let Ok(id) = committed.try_recv() {
                ids.push(id);
            }
            if !ids.is_empty() {
                super::mark(&self.core.db, &ids, self.now(), None).await?;
                self.count(ids.len());
                for id in ids {
                    under_way.remove(&id);
                }
            }
        }
    }

    async fn over_redis(&mut self, mut publisher: Publisher, stop: &CancellationToken) -> Result<End> {
        let known = self.known_tail().await?;
        let mut tail = self.compare(known, publisher.tail().await?).await?;
        let mut checked = Instant::now();
        loop {
            if stop.is_cancelled() {
                return Ok(End::Stopped);
            }
            if !self.lease.keep().await? {
                return Ok(End::LeaseLost);
            }
            self.housekeeping(Some(&mut publisher)).await?;
            let looked = Instant::now();
            let rows = super::unpublished(&self.core.db, self.settings.batch, &BTreeSet::new()).await?;
            if !self.lease.is_held() {
                continue;
            }
            let more = if !rows.is_empty() {
                checked = looked;
                tail = self.append(&mut publisher, tail, &rows).await?;
                rows.len() == self.settings.batch
            } else if checked.elapsed() >= self.settings.check {
                checked = looked;
                tail = self.compare(tail, publisher.tail().await?).await?;
                true
            } else {
                false
            };
            if more {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.core.db.bells().outbox() => tokio::time::sleep_until(looked + GATHER).await,
                () = tokio::time::sleep(self.settings.poll) => {}
            }
        }
    }

    /// Appends rows and marks them; answers the tail known since.
    async fn append(&mut self, publisher: &mut Publisher, tail: EntryId, rows: &[entity::Model]) -> Result<EntryId> {
        let events: Vec<&[u8]> = rows.iter().map(|row| row.envelope.as_slice()).collect();
        match publisher.append(tail, &events).await? {
            Appended::Added(end) => {
                let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
                // All rows bear the batch's end: if Redis forgets a part of the batch, the whole is published again.
                super::mark(&self.core.db, &ids, self.now(), Some(&end.sortable())).await?;
                self.count(ids.len());
                Ok(end)
            }
            Appended::Moved(present) => {
                // The rows still wait.
                self.core.db.bells().ring_outbox();
                self.compare(tail, present).await
            }
        }
    }

    /// The tail that the outbox knows of.
    async fn known_tail(&self) -> Result<EntryId> {
        let newest = super::newest_ref(&self.core.db).await?;
        Ok(newest.and_then(|newest| EntryId::parse(&newest)).unwrap_or(EntryId::START))
    }

    /// Compares the tail we know with the present one. If the stream ends earlier, Redis forgot: what came behind is
    /// to be published again. If it ends later, an answer to us was lost, or another relay is at work: unmarked rows
    /// are published again, too, and the lease is asked for anew.
    async fn compare(&mut self, known: EntryId, present: EntryId) -> Result<EntryId> {
        if present < known {
            let again = super::forget_above(&self.core.db, &present.sortable()).await?;
            tracing::warn!(%known, %present, again, service = self.core.service, "the bus forgot events; they are published again");
            metrics::counter!("aftercare_events_forgotten_total", "service" => self.core.service).increment(again);
        } else if present > known {
            tracing::debug!(%known, %present, service = self.core.service, "the stream ends later than known");
            if !self.lease.acquire().await? {
                return Err(Error::new(crate::error::reason::CONFLICT).with("lease", "lost"));
            }
            // Another relay may have seen a loss that we did not: what it marked is known to the outbox.
            let newest = self.known_tail().await?;
            if newest > present {
                super::forget_above(&self.core.db, &present.sortable()).await?;
            }
        }
        Ok(present)
    }

    async fn housekeeping(&mut self, publisher: Option<&mut Publisher>) -> Result<()> {
        let due = |last: Option<Instant>, every: Duration| last.is_none_or(|last| last.elapsed() >= every);
        if due(self.measured, self.settings.check) {
            self.measured = Some(Instant::now());
            let (waiting, oldest) = super::backlog(&self.core.db).await?;
            let age = oldest.map_or(0, |oldest| (self.now() - oldest).num_seconds().max(0));
            metrics::gauge!("aftercare_outbox_backlog", "service" => self.core.service).set(waiting as f64);
            metrics::gauge!("aftercare_outbox_oldest_seconds", "service" => self.core.service).set(age as f64);
        }
        if due(self.swept, self.settings.sweep) {
            self.swept = Some(Instant::now());
            let kept = chrono::Duration::from_std(self.settings.outbox_kept).map_err(Error::internal)?;
            super::sweep(&self.core.db, self.now() - kept).await?;
            if let Some(publisher) = publisher {
                let trimmed = publisher.trim(self.settings.stream_kept).await?;
                tracing::debug!(trimmed, service = self.core.service, "trimmed the stream");
            }
        }
        Ok(())
    }

    fn now(&self) -> DateTime<Utc> {
        self.core.clock.now()
    }

    fn count(&self, events: usize) {
        metrics::counter!("aftercare_events_published_total", "service" => self.core.service).increment(events as u64);
    }
}
