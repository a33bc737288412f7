//! One event in one transaction: lock the inbox row, run the handlers, move the row on, commit.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use proto::aftercare::common::v1::{Event, RepublishRequest};
use tracing::Instrument as _;

use super::{Shared, row};
use crate::{
    bus::Delivery,
    db::Tx,
    dead_letters::{self, Parked},
    error::{Error, Result, reason},
    service::Call,
    telemetry,
};

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handled {
    /// Its effect is committed.
    Done,
    /// It was handled before.
    Repeat,
    /// It waits behind a dead letter of its aggregate.
    Parked,
    /// Events between this last version and it are missing.
    Gap(i64),
}

impl Shared {
    /// Handles an event when a slot is free; `None` when the consumer is gone.
    pub(super) async fn alone(&self, event: &Event, payload: &[u8]) -> Option<Result<Handled>> {
        let _slot = self.slots.acquire().await.ok()?;
        Some(self.handle(event, payload).await)
    }

    /// Handles an event, or finds out why not.
    async fn handle(&self, event: &Event, payload: &[u8]) -> Result<Handled> {
        let (consumer, aggregate) = (self.core.service, &*event.aggregate_id);
        // Without a transaction first: repeats come in thousands when a bus lost its memory.
        let last = row::last_version(&self.core.db, consumer, aggregate).await?;
        if event.aggregate_version <= last {
            return Ok(self.repeat());
        }
        if event.aggregate_version > last + 1 && !dead_letters::blocks(self.core.db.read(), consumer, aggregate).await?
        {
            return Ok(Handled::Gap(last));
        }
        let span = tracing::info_span!(
            "event",
            otel.name = format!("{} {}", event.service, event.aggregate_kind),
            otel.kind = "consumer",
            consumer,
            event_id = event.id,
            aggregate_id = event.aggregate_id,
            aggregate_version = event.aggregate_version,
            trace_id = tracing::field::Empty,
        );
        telemetry::set_parent(&span, &event.traceparent);
        let work = self.transaction(event, payload).instrument(span);
        match tokio::time::timeout(self.settings.handler_limit, work).await {
            Ok(handled) => handled,
            Err(late) => Err(Error::new(reason::DEADLINE_EXCEEDED).caused_by(late)),
        }
    }

    async fn transaction(&self, event: &Event, payload: &[u8]) -> Result<Handled> {
        let (consumer, aggregate, version) = (self.core.service, &*event.aggregate_id, event.aggregate_version);
        let tx = self.core.db.begin().await?;
        let last = row::lock(&tx, consumer, aggregate, self.core.clock.now()).await?;
        if version <= last {
            return Ok(self.repeat());
        }
        if dead_letters::blocks(&tx, consumer, aggregate).await? {
            let error = "an earlier event of the aggregate is a dead letter";
            dead_letters::park(&tx, self.core.clock.now(), self.parked(event, payload, error, 0)).await?;
            tx.commit().await?;
            return Ok(Handled::Parked);
        }
        if version > last + 1 {
            return Ok(Handled::Gap(last));
        }
        self.effect(&tx, event).await?;
        row::advance(&tx, consumer, aggregate, version).await?;
        tx.commit().await?;
        metrics::counter!("aftercare_events_handled_total", "consumer" => consumer).increment(1);
        Ok(Handled::Done)
    }

    /// Runs the handlers.
    pub(super) async fn effect(&self, tx: &Tx, event: &Event) -> Result<()> {
        let call = Call::internal(&self.core, &event.service, "event");
        for handler in self.handlers_of(event) {
            caught(handler.handle(&call, tx, event)).await?;
        }
        Ok(())
    }

    pub(super) fn repeat(&self) -> Handled {
        metrics::counter!("aftercare_events_repeated_total", "consumer" => self.core.service).increment(1);
        Handled::Repeat
    }

    fn parked<'a>(&self, event: &'a Event, payload: &'a [u8], error: &'a str, deliveries: u32) -> Parked<'a> {
        Parked {
            consumer: self.core.service,
            event_id: &event.id,
            aggregate_id: &event.aggregate_id,
            aggregate_version: event.aggregate_version,
            envelope: payload,
            error,
            deliveries,
        }
    }

    /// Parks an event that failed too often, unless another replica handled it meanwhile.
    pub(super) async fn park(&self, event: &Event, payload: &[u8], error: &Error, deliveries: u32) -> Result<()> {
        let now = self.core.clock.now();
        let tx = self.core.db.begin().await?;
        let last = row::lock(&tx, self.core.service, &event.aggregate_id, now).await?;
        if event.aggregate_version > last {
            let error = describe(error);
            dead_letters::park(&tx, now, self.parked(event, payload, &error, deliveries)).await?;
            tx.commit().await?;
            tracing::error!(
                error,
                deliveries,
                consumer = self.core.service,
                event_id = event.id,
                aggregate_id = event.aggregate_id,
                "an event is a dead letter now; its aggregate waits for a replay"
            );
        }
        Ok(())
    }

    /// Parks what cannot be decoded. It has no aggregate that could wait behind it.
    pub(super) async fn park_undecodable(&self, delivery: Delivery, error: &str) {
        let mut pause = self.settings.pause;
        loop {
            let parked = Parked {
                consumer: self.core.service,
                event_id: &delivery.origin,
                aggregate_id: "",
                aggregate_version: 0,
                envelope: &delivery.payload,
                error,
                deliveries: 1,
            };
            let done = async {
                let tx = self.core.db.begin().await?;
                dead_letters::park(&tx, self.core.clock.now(), parked).await?;
                tx.commit().await?;
                Ok::<_, Error>(())
            };
            match done.await {
                Ok(()) => break,
                Err(failed) => tracing::warn!(%failed, origin = delivery.origin, "a dead letter waits to be kept"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(super::lanes::LONGEST_PAUSE);
        }
        tracing::error!(error, origin = delivery.origin, "an event cannot be decoded; it is a dead letter now");
        delivery.ack();
    }

    /// Asks the owner for the events missing before `event`. When it keeps nothing so old, the gap is accepted: what
    /// the events would have told can still be asked of the owner.
    pub(super) async fn ask_for_missing(&self, event: &Event, last: i64) -> Result<()> {
        let request = RepublishRequest { aggregate_id: event.aggregate_id.clone(), from_version: last + 1 };
        let answer = (self.ask_owner)(event.service.clone(), request).await?;
        // 0: it keeps none. Never beyond the event in hand: it is here.
        let oldest = match answer.oldest_kept_version {
            kept if kept < 1 => event.aggregate_version,
            kept => kept.min(event.aggregate_version),
        };
        metrics::counter!("aftercare_event_gaps_total", "consumer" => self.core.service).increment(1);
        tracing::warn!(
            consumer = self.core.service,
            aggregate_id = event.aggregate_id,
            last,
            version = event.aggregate_version,
            oldest,
            "events were missing; their owner was asked"
        );
        if oldest > last + 1 {
            let tx = self.core.db.begin().await?;
            let locked = row::lock(&tx, self.core.service, &event.aggregate_id, self.core.clock.now()).await?;
            if locked == last {
                row::advance(&tx, self.core.service, &event.aggregate_id, oldest - 1).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }
}

/// A panic of a handler is an error like any other.
pub(super) async fn caught(handler: impl Future<Output = Result<()>>) -> Result<()> {
    AssertUnwindSafe(handler).catch_unwind().await.unwrap_or_else(|panic| {
        let said = telemetry::message(&*panic);
        Err(Error::internal(anyhow::anyhow!("the handler panicked: {said}")))
    })
}

/// An error with its cause, for the table.
pub(super) fn describe(error: &Error) -> String {
    match error.cause() {
        Some(cause) => format!("{error}: {cause:#}"),
        None => error.to_string(),
    }
}
