//! What a service is, what one call is, and the way a call takes: enter, transaction, commit, leave.

use std::{fmt::Debug, ops::Deref, sync::Arc};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use prost::Message;
use proto::aftercare::common::v1::Event;
use sea_orm_migration::MigratorTrait;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Identity,
    catalog::{Catalog, Language},
    clock::Clock,
    db::{Db, Reads, Tx},
    error::{Error, Reason, Result, reason},
    id::Ids,
    idempotency,
    number::Numbers,
    peers::Peers,
    privacy::Place,
    reach::Reach,
    record::{Actor, Record},
    timer,
};

/// What every part of a service needs; cheap to clone.
#[derive(Clone, Debug)]
pub struct Core {
    /// The service's name.
    pub service: &'static str,
    /// Its database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
    /// New human numbers.
    pub numbers: Numbers,
    /// Texts of its reasons.
    pub catalog: Arc<Catalog>,
    /// Signs and verifies who calls.
    pub identity: Identity,
    /// Ways to other services, once the process has started.
    pub peers: Peers,
    /// Cancelled when the process begins to stop: what would not end by itself ends now.
    pub stopping: CancellationToken,
}

/// Where a call came from, as the gateway saw it. For the audit and against guessing; nothing is allowed by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Network address of the client; empty when it is not known.
    pub address: String,
    /// What the client calls itself.
    pub user_agent: String,
    /// Session of a person who signed in.
    pub session_id: String,
}

/// One call, event or timer: who acts, when, in which language.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who acts.
    pub actor: Actor,
    /// Which records the actor sees and changes in this call.
    pub reach: Reach,
    /// Where the call came from.
    pub origin: Origin,
    /// The instant of the action; the whole action has one.
    pub now: DateTime<Utc>,
    /// Language of answers.
    pub language: Language,
    /// The RPC's path, or what stands for it.
    pub method: &'static str,
    /// New ids.
    pub ids: Ids,
    /// The service that serves it.
    pub service: &'static str,
}

impl Call {
    /// The service acting by itself: an event or a timer.
    #[must_use]
    pub fn internal(core: &Core, actor: &str, method: &'static str) -> Self {
        Self {
            actor: Actor::service(actor),
            reach: Reach::All,
            origin: Origin::default(),
            now: core.clock.now(),
            language: Language::English,
            method,
            ids: core.ids.clone(),
            service: core.service,
        }
    }

    /// The same call, reaching what its caller makes for itself: for a row of the caller's own beside somebody's record.
    #[must_use]
    pub fn own(&self) -> Self {
        Self { reach: Reach::own(&self.actor), ..self.clone() }
    }

    /// Refuses when the caller saw an older version. An empty etag means the present version.
    ///
    /// # Errors
    ///
    /// `STALE_ETAG`.
    pub fn check_etag<R: Record>(&self, etag: &str, record: &R) -> Result<()> {
        if etag.is_empty() || etag.parse() == Ok(record.version()) {
            return Ok(());
        }
        Err(Error::new(reason::STALE_ETAG)
            .with("record_kind", R::KIND)
            .with("given", etag)
            .with("present", record.version()))
    }
}

impl Core {
    /// Starts the transaction of one writing RPC. A repeated request id ends here with the first answer.
    ///
    /// # Errors
    ///
    /// `REQUEST_ID_REUSED` when the id came with another body; `UNAVAILABLE` when the database is down.
    pub async fn begin<R: proto::Request + Message>(&self, call: &Call, request: &R) -> Result<Work> {
        let tx = self.db.begin().await?.within(call.reach.clone());
        let key = idempotency::claim(&tx, call, request).await?;
        Ok(Work { tx, key })
    }

    /// For reads of one RPC outside a transaction: as far as its caller sees.
    #[must_use]
    pub fn read<'a>(&'a self, call: &'a Call) -> Reads<'a> {
        self.db.within(&call.reach)
    }

    /// Lets the relay and the timers look now, although nothing was committed here: a clock was moved, say.
    pub fn wake(&self) {
        self.db.bells().ring_all();
    }
}

/// An open transaction of one RPC. Dropped without `commit`, nothing of it happened.
#[derive(Debug)]
pub struct Work {
    tx: Tx,
    key: Option<idempotency::Key>,
}

impl Deref for Work {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl Work {
    /// As [`Work::commit`], or only the answer that would have been: a caller that wants to know whether it would be taken
    /// runs through every rule, and nothing of it happens.
    ///
    /// # Errors
    ///
    /// As [`Work::commit`].
    pub async fn commit_unless<A: Message>(self, validate_only: bool, answer: A) -> Result<A> {
        if validate_only { Ok(answer) } else { self.commit(answer).await }
    }

    /// Keeps the answer under the request id, and commits.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` or `CONFLICT` when the database could not commit.
    pub async fn commit<A: Message>(self, answer: A) -> Result<A> {
        if let Some(key) = &self.key {
            idempotency::keep(&self.tx, key, &answer).await?;
        }
        self.tx.commit().await?;
        Ok(answer)
    }
}

/// What is done with events, in the transaction that also moves the inbox.
#[derive(Clone)]
pub enum EventHandler {
    /// Each in a transaction of its own: one that fails or waits for a lock holds up nobody else.
    Each(EachEvent),
    /// Those that arrive together in one, each of another aggregate: for rules that touch no record which others write,
    /// where a transaction costs more than what it does. When that fails, each is handled alone.
    Together(EventsTogether),
}

impl EventHandler {
    /// Handles one event.
    ///
    /// # Errors
    ///
    /// Those of the handler.
    pub async fn handle(&self, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
        match self {
            Self::Each(handler) => handler(call, tx, event).await,
            Self::Together(handler) => handler(call, tx, &[event]).await,
        }
    }
}

/// Handles one event.
pub type EachEvent = Arc<dyn for<'a> Fn(&'a Call, &'a Tx, &'a Event) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// Handles several events, each of another aggregate.
pub type EventsTogether =
    Arc<dyn for<'a> Fn(&'a Call, &'a Tx, &'a [&'a Event]) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// Stands for every aggregate kind in a [`Subscription`].
pub const EVERY_KIND: &str = "*";

/// A wish to be told of another service's facts.
#[derive(Clone)]
pub struct Subscription {
    /// The publishing service: its `Definition::NAME`, for example `parts-inventory`.
    pub from: &'static str,
    /// The aggregate kind, or [`EVERY_KIND`].
    pub kind: &'static str,
    /// What to do.
    pub handler: EventHandler,
}

impl Debug for Subscription {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Subscription({}.{})", self.from, self.kind)
    }
}

/// Something that runs beside the RPCs until the service stops.
pub struct Worker {
    /// Its name in logs.
    pub name: &'static str,
    /// What it does; it ends soon after the token is cancelled.
    pub run: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> + Send>,
}

impl Debug for Worker {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Worker({})", self.name)
    }
}

/// A built service, ready to be run alone or beside others.
pub struct Service {
    /// What every part of it shares.
    pub core: Core,
    /// Its gRPC services. The host adds the event service.
    pub routes: tonic::service::Routes,
    /// Facts of others that it acts on.
    pub subscriptions: Vec<Subscription>,
    /// What its timers do, by kind.
    pub timers: Vec<(&'static str, timer::Handler)>,
    /// Other time-driven work.
    pub workers: Vec<Worker>,
}

impl Debug for Service {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Service({})", self.core.service)
    }
}

/// A command of a service's binary beside `serve`, `migrate`, `check` and `dead-letters`.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line of help.
    pub about: &'static str,
    /// What it does; `Ok(text)` is printed, an error ends the process with failure.
    pub run: fn(Core) -> BoxFuture<'static, anyhow::Result<String>>,
}

/// What a service says about itself before it is built.
pub trait Definition: 'static {
    /// Its name, as its folder's: `intake`, `dispatch`, `parts-inventory`, `complaint`, `survey`.
    const NAME: &'static str;
    /// The commented defaults of its own configuration, `config/default.toml`.
    const DEFAULTS: &'static str;
    /// Texts of its reasons: English, Chinese.
    const MESSAGES: (&'static str, &'static str);
    /// Its reasons, for the error table.
    const REASONS: &'static [Reason];
    /// Where it keeps personal data.
    const PERSONAL: &'static [Place] = &[];
    /// Its own configuration.
    type Config: DeserializeOwned + Clone + Debug + Send + Sync;
    /// Its migrations, the plumbing's first: `[common::migration::plumbing(), own].concat()`.
    type Migrator: MigratorTrait;

    /// Builds it.
    ///
    /// # Errors
    ///
    /// When the configuration makes no sense.
    fn build(config: Self::Config, core: Core) -> anyhow::Result<Service>;

    /// Its own commands.
    #[must_use]
    fn commands() -> Vec<Command> {
        Vec::new()
    }
}

/// Makes an [`EachEvent`], an [`EventsTogether`] or a [`timer::Handler`] of an
/// `async fn(&Context, &Call, &Tx, &_) -> Result<()>`.
#[macro_export]
macro_rules! handler {
    ($context:expr, $function:path) => {{
        let context = $context.clone();
        std::sync::Arc::new(move |call, tx, what| {
            let context = context.clone();
            Box::pin(async move { $function(&context, call, tx, what).await })
        })
    }};
}
