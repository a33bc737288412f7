//! Several events in one transaction, where their handlers take them so: what one event costs is for the most part its
//! transaction. Whatever is out of the ordinary (a gap, a dead letter, an error) is handled alone, as everything else is.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::future::join_all;
use proto::aftercare::common::v1::Event;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    task::JoinSet,
};
use tracing::Instrument as _;

use super::{
    Shared,
    handle::{Handled, caught},
    row,
};
use crate::{
    db::Tx,
    dead_letters,
    error::{Error, Result, reason},
    service::{Call, EventHandler, EventsTogether},
    telemetry,
};

/// Most events of one transaction.
const MOST: usize = 64;
/// So long a batch gathers while another is at work. Then it goes beside it: the other may wait for somebody.
const LINGER: Duration = Duration::from_millis(20);

/// The front event of a lane, to be handled among others.
pub(super) struct Job {
    event: Arc<Event>,
    payload: Arc<[u8]>,
    done: oneshot::Sender<Result<Handled>>,
}

impl Shared {
    /// Whether everything that is done with the event can be done with several at once.
    pub(super) fn takes_many(&self, event: &Event) -> bool {
        self.handlers_of(event).all(|handler| matches!(handler, EventHandler::Together(_)))
    }

    /// Handles an event together with what else is there; `None` when the consumer is gone.
    pub(super) async fn among_others(&self, event: &Arc<Event>, payload: &Arc<[u8]>) -> Option<Result<Handled>> {
        let (done, handled) = oneshot::channel();
        let job = Job { event: event.clone(), payload: payload.clone(), done };
        self.gathering.send(job).ok()?;
        handled.await.ok()
    }

    /// Makes batches of what arrives: the first at once, the next when it is done.
    pub(super) async fn gather(self: Arc<Self>, mut jobs: mpsc::UnboundedReceiver<Job>) {
        // Dropped with this future, and with it what they have begun.
        let mut batches = JoinSet::new();
        while let Some(job) = jobs.recv().await {
            let mut batch = vec![job];
            // What arrived in one step stands in lanes that are just about to send.
            tokio::task::yield_now().await;
            while batches.try_join_next().is_some() {}
            if !batches.is_empty() {
                let _ = tokio::time::timeout(LINGER, batches.join_next()).await;
            }
            let Ok(slot) = self.slots.clone().acquire_owned().await else { return };
            while batch.len() < MOST
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
            batches.spawn(self.clone().settle(batch, slot));
        }
    }

    /// Handles a batch, and alone what could not be handled so.
    async fn settle(self: Arc<Self>, batch: Vec<Job>, slot: OwnedSemaphorePermit) {
        let mut alone = Vec::new();
        if batch.len() > 1 {
            let handled = tokio::time::timeout(self.settings.handler_limit, self.together(&batch)).await;
            let handled = handled.unwrap_or_else(|late| Err(Error::new(reason::DEADLINE_EXCEEDED).caused_by(late)));
            let handled = handled.unwrap_or_else(|error| {
                tracing::debug!(%error, events = batch.len(), "events are handled one by one: together they cannot be");
                vec![None; batch.len()]
            });
            for (job, handled) in batch.into_iter().zip(handled) {
                match handled {
                    Some(handled) => drop(job.done.send(Ok(handled))),
                    None => alone.push(job),
                }
            }
        } else {
            alone = batch;
        }
        drop(slot);
        let this = &self;
        join_all(alone.into_iter().map(|job| async move {
            if let Some(handled) = this.alone(&job.event, &job.payload).await {
                drop(job.done.send(handled));
            }
        }))
        .await;
    }

    /// One transaction. What became of each; `None` is to be handled alone.
    async fn together(&self, batch: &[Job]) -> Result<Vec<Option<Handled>>> {
        let span = tracing::info_span!(
            "events",
            otel.kind = "consumer",
            consumer = self.core.service,
            events = batch.len(),
            trace_id = tracing::field::Empty,
        );
        for job in batch {
            telemetry::add_link(&span, &job.event.traceparent);
        }
        telemetry::set_parent(&span, "");
        self.transaction_of(batch).instrument(span).await
    }

    async fn transaction_of(&self, batch: &[Job]) -> Result<Vec<Option<Handled>>> {
        let (core, consumer) = (&self.core, self.core.service);
        let ids = |jobs: &[&Job]| jobs.iter().map(|job| job.event.aggregate_id.clone()).collect::<BTreeSet<_>>();
        let all: Vec<&Job> = batch.iter().collect();
        // Without a transaction first: repeats come in thousands when a bus lost its memory.
        let known = row::last_versions(&core.db, consumer, ids(&all)).await?;
        let before = |job: &Job| known.get(&job.event.aggregate_id).copied().unwrap_or_default();
        let new: Vec<&Job> = all.iter().copied().filter(|job| job.event.aggregate_version > before(job)).collect();
        if new.is_empty() {
            return Ok(all.iter().map(|_| Some(self.repeat())).collect());
        }
        let tx = core.db.begin().await?;
        let locked = row::lock_all(&tx, consumer, ids(&new), core.clock.now()).await?;
        let blocked = dead_letters::blocked(&tx, consumer, ids(&new)).await?;
        let last = |job: &Job| locked.get(&job.event.aggregate_id).copied();
        let ready: Vec<&Job> = new
            .into_iter()
            .filter(|job| {
                last(job).is_some_and(|last| job.event.aggregate_version == last + 1)
                    && !blocked.contains(&job.event.aggregate_id)
            })
            .collect();
        let events: Vec<&Event> = ready.iter().map(|job| &*job.event).collect();
        self.effects(&tx, &events).await?;
        row::advance_all(&tx, consumer, ids(&ready)).await?;
        tx.commit().await?;
        metrics::counter!("aftercare_events_handled_total", "consumer" => consumer).increment(ready.len() as u64);
        let done = ids(&ready);
        let became = |job: &&Job| {
            let version = job.event.aggregate_version;
            if done.contains(&job.event.aggregate_id) {
                Some(Handled::Done)
            } else if version <= last(job).unwrap_or_else(|| before(job)) {
                Some(self.repeat())
            } else {
                None
            }
        };
        Ok(all.iter().map(became).collect())
    }

    /// Runs the handlers, each once with all its events.
    async fn effects(&self, tx: &Tx, events: &[&Event]) -> Result<()> {
        let mut work: Vec<(&EventsTogether, Vec<&Event>)> = Vec::new();
        for event in events {
            for handler in self.handlers_of(event) {
                // Only those that take several come here.
                let EventHandler::Together(handler) = handler else { continue };
                match work.iter_mut().find(|(known, _)| Arc::ptr_eq(known, handler)) {
                    Some((_, events)) => events.push(event),
                    None => work.push((handler, vec![event])),
                }
            }
        }
        let call = Call::internal(&self.core, self.core.service, "events");
        for (handler, events) in work {
            caught(async { handler(&call, tx, &events).await }).await?;
        }
        Ok(())
    }
}
