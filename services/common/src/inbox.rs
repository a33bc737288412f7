//! Facts on their way in: each is handled once, in the order of its aggregate, in one transaction with the inbox row
//! that says so.
//!
//! Every version of an aggregate has exactly one event. So how far a consumer has come with an aggregate is the whole
//! inbox: an older version is a repeat and is dropped; the next one is handled; a later one waits for those between,
//! and after a while the owner is asked to publish them again. What cannot be handled is parked as a dead letter, and
//! what follows it in its aggregate is parked behind it. Nothing is acknowledged before its transaction is committed.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use prost::Message as _;
use proto::aftercare::common::v1::{Event, RepublishRequest, RepublishResponse};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{Bus, Delivery, Settings, Source},
    error::Result,
    service::{Core, EVERY_KIND, EventHandler, Subscription},
};

mod handle;
mod lanes;
mod replay;
mod row;
mod together;

pub(crate) use row::heard;
pub use row::last_version;

use lanes::Lanes;
use together::Job;

/// How long handlers may take to end after the stop signal.
const GRACE: Duration = Duration::from_secs(4);
/// How often dead letters to be replayed are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// Asks the owner of an aggregate, by the service's name, to publish its events again.
pub type AskOwner =
    Arc<dyn Fn(String, RepublishRequest) -> BoxFuture<'static, Result<RepublishResponse>> + Send + Sync>;

/// What one service does with the facts of others.
pub struct Consumer {
    shared: Arc<Shared>,
    source: Source,
    gathered: mpsc::UnboundedReceiver<Job>,
}

/// What every lane needs.
struct Shared {
    core: Core,
    settings: Settings,
    /// By publishing service and aggregate kind.
    handlers: HashMap<&'static str, HashMap<&'static str, Vec<EventHandler>>>,
    ask_owner: AskOwner,
    /// Bounds the transactions open at once.
    slots: Arc<Semaphore>,
    /// Events that may be handled together with others.
    gathering: mpsc::UnboundedSender<Job>,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut publishers: Vec<_> = self.shared.handlers.keys().collect();
        publishers.sort_unstable();
        write!(out, "Consumer({} of {publishers:?})", self.shared.core.service)
    }
}

impl Consumer {
    /// Joins the bus. From now on nothing published is missed, though it is handled only by [`Consumer::run`]: in one
    /// process, make all consumers before the first relay runs.
    #[must_use]
    pub fn new(
        core: &Core,
        bus: &Bus,
        subscriptions: Vec<Subscription>,
        ask_owner: AskOwner,
        settings: &Settings,
    ) -> Self {
        let mut publishers: Vec<&str> = subscriptions.iter().map(|subscription| subscription.from).collect();
        publishers.sort_unstable();
        publishers.dedup();
        let source = bus.subscribe(core.service, &publishers, settings);
        let mut handlers = HashMap::<_, HashMap<_, Vec<_>>>::new();
        for Subscription { from, kind, handler } in subscriptions {
            handlers.entry(from).or_default().entry(kind).or_default().push(handler);
        }
        let (gathering, gathered) = mpsc::unbounded_channel();
        let shared = Shared {
            core: core.clone(),
            settings: settings.clone(),
            handlers,
            ask_owner,
            slots: Arc::new(Semaphore::new(settings.concurrency.max(1))),
            gathering,
        };
        Self { shared: Arc::new(shared), source, gathered }
    }

    /// Handles events until it is stopped. A database or a bus that is down is waited for.
    ///
    /// # Errors
    ///
    /// None.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self { shared, source, gathered } = self;
        if shared.handlers.is_empty() {
            stop.cancelled().await;
            return Ok(());
        }
        // Dropped with this future: then every lane ends where it stands, its transaction undone, its event not
        // acknowledged.
        let mut tasks = JoinSet::new();
        let mut gatherer = JoinSet::new();
        gatherer.spawn(shared.clone().gather(gathered));
        let lanes = Arc::new(Lanes::default());
        let (out, mut arriving) = mpsc::channel::<Delivery>(shared.settings.batch.max(1));
        let reading = async {
            source.run(&out, &stop).await;
            stop.cancelled().await;
        };
        tokio::pin!(reading);
        let replaying = async {
            loop {
                if let Err(error) = shared.replay_requested().await {
                    tracing::debug!(%error, "dead letters wait: the database does not answer");
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::pin!(replaying);
        loop {
            tokio::select! {
                () = &mut reading => break,
                Some(delivery) = arriving.recv() => shared.admit(delivery, &lanes, &mut tasks, &stop),
                Some(ended) = tasks.join_next() => report(ended),
                () = &mut replaying => {}
            }
        }
        let finish = async {
            while let Some(ended) = tasks.join_next().await {
                report(ended);
            }
            source.flush().await;
        };
        if tokio::time::timeout(GRACE, finish).await.is_err() {
            tracing::warn!(consumer = shared.core.service, "handlers were cut off; their events come again");
        }
        Ok(())
    }
}

fn report(ended: std::result::Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a lane of events broke");
    }
}

impl Shared {
    /// Puts an event into the lane of its aggregate; parks at once what cannot be decoded.
    fn admit(
        self: &Arc<Self>,
        delivery: Delivery,
        lanes: &Arc<Lanes>,
        tasks: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) {
        let shared = self.clone();
        let event = match Event::decode(&*delivery.payload) {
            Ok(event) if !event.id.is_empty() && !event.aggregate_id.is_empty() => event,
            Ok(_) => {
                tasks.spawn(async move { shared.park_undecodable(delivery, "the event has no id").await });
                return;
            }
            Err(error) => {
                tasks.spawn(async move { shared.park_undecodable(delivery, &error.to_string()).await });
                return;
            }
        };
        if self.handlers_of(&event).next().is_none() {
            delivery.ack();
            return;
        }
        let aggregate_id = event.aggregate_id.clone();
        if lanes.join(event, delivery) {
            let (lanes, stop) = (lanes.clone(), stop.clone());
            tasks.spawn(async move { lanes.drive(&shared, &aggregate_id, &stop).await });
        }
    }

    fn handlers_of(&self, event: &Event) -> impl Iterator<Item = &EventHandler> {
        let of_publisher = self.handlers.get(&*event.service);
        let of_kind =
            |kind: &str| of_publisher.and_then(|kinds| kinds.get(kind)).map(Vec::as_slice).unwrap_or_default();
        of_kind(&event.aggregate_kind).iter().chain(of_kind(EVERY_KIND))
    }
}
