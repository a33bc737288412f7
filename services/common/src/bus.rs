//! The way of events from one service to the others: inside the process, or through Redis Streams, behind one enum.
//!
//! Either way an event arrives at least once, and in the order of its aggregate as long as nothing fails; the inbox
//! of the consumer makes repeats harmless and puts what comes too early back in order. The bus may forget: the outbox
//! of the publisher is the record.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

mod entry;
mod memory;
mod redis;
mod redis_source;
mod redis_upkeep;

pub use entry::EntryId;
pub use memory::Memory;
pub use redis::Redis;

pub(crate) use redis::{Appended, Publisher};

/// How events are published and consumed. The defaults suit production; tests shorten the times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of this replica among its like. The same name after a restart finds the entries it had in hand at once.
    pub instance: String,
    /// How often the relay looks for unpublished events when nobody rings.
    pub poll: Duration,
    /// Events published at once.
    pub batch: usize,
    /// Term of the relay's lease: how long publishing rests after a relay died.
    pub lease: Duration,
    /// How often an idle relay asks the bus whether it still has everything.
    pub check: Duration,
    /// How long published events stay in the outbox.
    pub outbox_kept: Duration,
    /// How long entries that every group has handled stay in the stream.
    pub stream_kept: Duration,
    /// How often outbox and stream are swept.
    pub sweep: Duration,
    /// Events a consumer, or a relay in process, has in hand at once.
    pub in_hand: usize,
    /// Aggregates handled at the same time.
    pub concurrency: usize,
    /// After this time a handler is stopped, its transaction undone. Less than `claim_after`.
    pub handler_limit: Duration,
    /// Tries of an event whose handler fails, before it is parked as a dead letter.
    pub tries: u32,
    /// How long an event is tried whose handler only says that something is down or busy.
    pub patience: Duration,
    /// First pause between tries; it doubles.
    pub pause: Duration,
    /// How long a gap in the versions of an aggregate is waited for before its owner is asked.
    pub gap_wait: Duration,
    /// Entries in the hands of a consumer that has been silent this long are taken over.
    pub claim_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        const HOUR: u64 = 3600;
        Self {
            instance: "0".to_owned(),
            poll: Duration::from_millis(200),
            batch: 200,
            lease: Duration::from_secs(5),
            check: Duration::from_secs(2),
            outbox_kept: Duration::from_secs(7 * 24 * HOUR),
            stream_kept: Duration::from_secs(24 * HOUR),
            sweep: Duration::from_secs(60),
            in_hand: 1000,
            concurrency: 4,
            handler_limit: Duration::from_secs(8),
            tries: 5,
            patience: Duration::from_secs(HOUR),
            pause: Duration::from_millis(100),
            gap_wait: Duration::from_secs(2),
            claim_after: Duration::from_secs(60),
        }
    }
}

/// The bus of an installation; cheap to clone.
#[derive(Clone, Debug)]
pub enum Bus {
    /// In this process: all services live in it.
    Memory(Arc<Memory>),
    /// Redis Streams.
    Redis(Redis),
}

impl Bus {
    /// A bus for services that share this process.
    #[must_use]
    pub fn memory() -> Self {
        Self::Memory(Arc::default())
    }

    /// A bus over Redis. It is reached when it is needed first, and again after every loss.
    ///
    /// # Errors
    ///
    /// When the address makes no sense.
    pub fn redis(url: &str, prefix: &str) -> anyhow::Result<Self> {
        Ok(Self::Redis(Redis::new(url, prefix)?))
    }

    /// Joins the consumer group `group` of these publishing services. In process, whatever is published from now on
    /// waits for the group; in Redis the group is kept by the stream.
    #[must_use]
    pub(crate) fn subscribe(&self, group: &str, services: &[&str], settings: &Settings) -> Source {
        match self {
            Self::Memory(memory) => Source::Memory(memory.join(group, services)),
            Self::Redis(redis) => Source::Redis(Box::new(redis_source::RedisSource::new(
                redis.clone(),
                group,
                services,
                settings.clone(),
            ))),
        }
    }
}

/// Where a consumer's events come from.
#[derive(Debug)]
pub(crate) enum Source {
    Memory(Arc<memory::Group>),
    Redis(Box<redis_source::RedisSource>),
}

impl Source {
    /// Hands events to `out` until it is stopped. Events handed out and dropped without [`Delivery::ack`] come again.
    pub(crate) async fn run(&self, out: &mpsc::Sender<Delivery>, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = async {
                match self {
                    Self::Memory(group) => memory::run(group, out).await,
                    Self::Redis(source) => source.run(out).await,
                }
            } => {}
        }
    }

    /// Tells the bus of what was committed after [`Source::run`] ended.
    pub(crate) async fn flush(&self) {
        match self {
            // In process, the relay heard it already.
            Self::Memory(_) => {}
            Self::Redis(source) => source.flush().await,
        }
    }
}

/// One event handed to a consumer. Dropped without [`Delivery::ack`], it comes again.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// The encoded event.
    pub(crate) payload: Arc<[u8]>,
    /// Where it came from, for the log and for what cannot be decoded.
    pub(crate) origin: String,
    ack: Ack,
}

#[derive(Debug)]
enum Ack {
    Memory(memory::Parcel),
    Redis(redis_upkeep::InHand),
}

impl Delivery {
    /// The consumer has committed it, or need not see it.
    pub(crate) fn ack(self) {
        match self.ack {
            Ack::Memory(parcel) => parcel.ack(),
            Ack::Redis(in_hand) => in_hand.ack(),
        }
    }
}
