//! Three services: `orders` publishes, `stock` and `claims` keep one row per event that they handled.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{
    Error, Result,
    bus::{Bus, Settings},
    convert,
    db::{Db, Tx},
    error::{Reason, reason},
    handler,
    inbox::{AskOwner, Consumer},
    migration,
    outbox::{EventServer, Relay},
    service::{Call, Core, Definition, EventHandler, Service, Subscription},
    testing::{Backend, Bench, bench},
};
use futures::FutureExt as _;
use proto::aftercare::common::v1::{Event, RepublishRequest};
use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::{MigrationTrait, MigratorTrait, prelude::*};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Which bus a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Memory,
    Redis,
    /// Redis, with a handler that takes several events in one transaction.
    Together,
}

/// What the handler does with one version of one aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Refuses for good.
    Refuse,
    /// Panics.
    Panic,
    /// Says so many times that something is down.
    Down(u32),
    /// Never ends.
    Hang,
}

pub type Faults = Arc<Mutex<HashMap<(String, i64), Fault>>>;

pub struct World {
    pub orders: Bench,
    pub stock: Bench,
    /// A second service that listens; it runs only where a test wants it.
    pub claims: Bench,
    pub bus: Bus,
    pub settings: Settings,
    pub faults: Faults,
    /// How often the owner was asked for missing events.
    pub asked: Arc<AtomicUsize>,
    pub prefix: String,
    via: Via,
    /// The most events that the handler had in one transaction.
    pub most: Arc<AtomicUsize>,
}

/// A relay or a consumer at work.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start<F>(run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        Self { task: tokio::spawn(run(stop.clone())), stop }
    }

    /// As a stop signal.
    pub async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// As `kill -9`, as far as one task can.
    pub async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

impl World {
    pub async fn new(via: Via, backend: Backend) -> Self {
        Self::with(via, backend, |_| {}).await
    }

    pub async fn with(via: Via, backend: Backend, change: impl FnOnce(&mut Settings)) -> Self {
        let prefix = format!("test:{}", uuid::Uuid::from_bytes(rand::random()).simple());
        let bus = match via {
            Via::Memory => Bus::memory(),
            Via::Redis | Via::Together => Bus::redis(&redis_url(), &prefix).unwrap(),
        };
        let mut settings = Settings {
            instance: "one".to_owned(),
            poll: Duration::from_millis(20),
            batch: 20,
            lease: Duration::from_millis(600),
            check: Duration::from_millis(200),
            pause: Duration::from_millis(5),
            gap_wait: Duration::from_millis(200),
            claim_after: Duration::from_millis(400),
            ..Settings::default()
        };
        change(&mut settings);
        Self {
            orders: bench::<Orders>(backend, "").await,
            stock: bench::<Stock>(backend, "").await,
            claims: bench::<Claims>(backend, "").await,
            bus,
            settings,
            faults: Faults::default(),
            asked: Arc::default(),
            prefix,
            via,
            most: Arc::default(),
        }
    }

    /// The same world seen by another replica.
    pub fn replica(&self, instance: &str) -> Settings {
        Settings { instance: instance.to_owned(), ..self.settings.clone() }
    }

    pub fn relay(&self) -> Running {
        self.relay_as("one")
    }

    pub fn relay_as(&self, instance: &str) -> Running {
        let relay = Relay::new(&self.orders.core, &self.bus, &self.replica(instance));
        Running::start(|stop| relay.run(stop))
    }

    pub fn consumer(&self) -> Running {
        self.consumer_as("one")
    }

    pub fn consumer_as(&self, instance: &str) -> Running {
        self.consumer_of(&self.stock, self.faults.clone(), instance)
    }

    pub fn consumer_of(&self, service: &Bench, faults: Faults, instance: &str) -> Running {
        let handler = match self.via {
            Via::Memory | Via::Redis => EventHandler::Each(handler!(faults, keep)),
            Via::Together => {
                let context = (faults, self.most.clone());
                EventHandler::Together(handler!(context, keep_all))
            }
        };
        let subscription = Subscription { from: "orders", kind: "order", handler };
        let consumer =
            Consumer::new(&service.core, &self.bus, vec![subscription], self.ask_owner(), &self.replica(instance));
        Running::start(|stop| consumer.run(stop))
    }

    fn ask_owner(&self) -> AskOwner {
        let (owner, asked) = (EventServer::new(self.orders.core.clone()), self.asked.clone());
        Arc::new(move |service, request| {
            asked.fetch_add(1, Ordering::Relaxed);
            let owner = owner.clone();
            async move {
                assert_eq!(service, "orders");
                owner.answer(&request).await
            }
            .boxed()
        })
    }

    pub fn fault(&self, aggregate: &str, version: i64, fault: Fault) {
        self.faults.lock().unwrap().insert((aggregate.to_owned(), version), fault);
    }

    pub fn heal(&self) {
        self.faults.lock().unwrap().clear();
    }

    /// One more version of each aggregate, each in a transaction of its own.
    pub async fn change(&self, aggregates: &[&str]) {
        for aggregate in aggregates {
            change(&self.orders.core, aggregate, true).await.unwrap();
        }
    }

    pub async fn republish(&self, aggregate: &str) {
        let request = RepublishRequest { aggregate_id: aggregate.to_owned(), from_version: 1 };
        EventServer::new(self.orders.core.clone()).answer(&request).await.unwrap();
    }

    /// What `stock` handled: versions by aggregate, in the order of their commits.
    pub async fn handled(&self) -> BTreeMap<String, Vec<i64>> {
        self.handled_by(&self.stock).await
    }

    pub async fn handled_by(&self, service: &Bench) -> BTreeMap<String, Vec<i64>> {
        let mut handled = BTreeMap::<_, Vec<_>>::new();
        let sql = "SELECT aggregate_id, version FROM effect ORDER BY id";
        for row in query(&service.core.db, sql).await {
            handled.entry(row.try_get_by_index(0).unwrap()).or_default().push(row.try_get_by_index(1).unwrap());
        }
        handled
    }

    /// Waits until exactly these versions were handled, then makes sure that nothing follows.
    pub async fn settles(&self, expected: &[(&str, &[i64])]) {
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(aggregate, versions)| ((*aggregate).to_owned(), versions.to_vec())).collect();
        eventually("the events expected are handled", async || self.handled().await == expected).await;
        self.is_published().await;
        assert_eq!(self.handled().await, expected);
    }

    /// Waits until the relay has nothing to do.
    pub async fn is_published(&self) {
        eventually("everything is published", async || self.unpublished().await == 0).await;
    }

    pub async fn unpublished(&self) -> i64 {
        number(&self.orders.core.db, "SELECT COUNT(*) FROM outbox WHERE published_at IS NULL").await
    }

    pub fn stream(&self) -> String {
        format!("{}:events:orders", self.prefix)
    }
}

pub fn redis_url() -> String {
    std::env::var("AFTERCARE_TEST_REDIS").expect("AFTERCARE_TEST_REDIS names no server: run the tests by `make test`")
}

pub async fn redis() -> redis::aio::MultiplexedConnection {
    redis::Client::open(redis_url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// Waits for a condition, for 30 seconds at the most.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it did not come true that {what}");
}

pub async fn query(db: &Db, sql: &str) -> Vec<sea_orm::QueryResult> {
    db.write().query_all_raw(Statement::from_string(db.backend(), sql)).await.unwrap()
}

pub async fn number(db: &Db, sql: &str) -> i64 {
    query(db, sql).await[0].try_get_by_index(0).unwrap()
}

pub async fn execute(db: &Db, sql: &str) {
    db.write().execute_unprepared(sql).await.unwrap();
}

/// Changes an aggregate as the store does: first the guarded write that locks it, then the outbox.
pub async fn change(core: &Core, aggregate: &str, commit: bool) -> Result<i64> {
    let tx = core.db.begin().await?;
    let sql = "INSERT INTO aggregate (id, version) VALUES ($1, 1) \
               ON CONFLICT (id) DO UPDATE SET version = aggregate.version + 1 RETURNING version";
    let statement = Statement::from_sql_and_values(core.db.backend(), sql, [aggregate.into()]);
    let version: i64 = tx.query_one_raw(statement).await?.unwrap().try_get_by_index(0)?;
    common::outbox::push(&tx, &event(core, aggregate, version)).await?;
    if commit {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(version)
}

pub fn event(core: &Core, aggregate: &str, version: i64) -> Event {
    let now = core.clock.now();
    Event {
        id: core.ids.uuid(now).simple().to_string(),
        r#type: "test.OrderEvent".to_owned(),
        service: "orders".to_owned(),
        aggregate_kind: "order".to_owned(),
        aggregate_id: aggregate.to_owned(),
        aggregate_version: version,
        occurred_at: Some(convert::timestamp(now)),
        traceparent: String::new(),
        ..Event::default()
    }
}

/// The handler of `stock`.
async fn keep(faults: &Faults, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    assert_eq!(call.actor.id, "orders");
    effect(faults, tx, event).await
}

/// The same for several at once, each of another aggregate.
async fn keep_all((faults, most): &(Faults, Arc<AtomicUsize>), _: &Call, tx: &Tx, events: &[&Event]) -> Result<()> {
    let aggregates: BTreeSet<_> = events.iter().map(|event| &event.aggregate_id).collect();
    assert_eq!(aggregates.len(), events.len());
    for event in events {
        effect(faults, tx, event).await?;
    }
    most.fetch_max(events.len(), Ordering::Relaxed);
    Ok(())
}

/// The effect is written before the fault strikes: a fault must undo it.
async fn effect(faults: &Faults, tx: &Tx, event: &Event) -> Result<()> {
    let sql = "INSERT INTO effect (aggregate_id, version) VALUES ($1, $2)";
    let values = [event.aggregate_id.as_str().into(), event.aggregate_version.into()];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    let fault = {
        let mut faults = faults.lock().unwrap();
        let fault = faults.get_mut(&(event.aggregate_id.clone(), event.aggregate_version));
        let now = fault.as_deref().copied();
        if let Some(Fault::Down(times)) = fault {
            *times = times.saturating_sub(1);
        }
        now
    };
    match fault {
        None | Some(Fault::Down(0)) => Ok(()),
        Some(Fault::Down(_)) => Err(Error::new(reason::UNAVAILABLE)),
        Some(Fault::Refuse) => Err(Error::new(reason::NOT_FOUND).with("id", "nothing")),
        Some(Fault::Panic) => panic!("as the test wants it"),
        Some(Fault::Hang) => std::future::pending().await,
    }
}

struct Tables;

impl MigrationName for Tables {
    fn name(&self) -> &'static str {
        "m20990101_000001_tables_of_the_test"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Tables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let effect = Table::create()
            .table("effect")
            .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
            .col(ColumnDef::new("aggregate_id").text().not_null())
            .col(ColumnDef::new("version").big_integer().not_null())
            .to_owned();
        let aggregate = Table::create()
            .table("aggregate")
            .col(ColumnDef::new("id").text().not_null().primary_key())
            .col(ColumnDef::new("version").big_integer().not_null())
            .to_owned();
        manager.create_table(effect).await?;
        manager.create_table(aggregate).await
    }
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = migration::plumbing();
        all.push(Box::new(Tables));
        all
    }
}

macro_rules! services {
    ($($service:ident = $name:literal),+) => {$(
        struct $service;

        impl Definition for $service {
            const NAME: &'static str = $name;
            const DEFAULTS: &'static str = "";
            const MESSAGES: (&'static str, &'static str) = ("", "");
            const REASONS: &'static [Reason] = &[];
            type Config = toml::Table;
            type Migrator = Migrator;

            fn build(_: toml::Table, core: Core) -> anyhow::Result<Service> {
                Ok(Service {
                    core,
                    routes: tonic::service::Routes::default(),
                    subscriptions: Vec::new(),
                    timers: Vec::new(),
                    workers: Vec::new(),
                })
            }
        }
    )+};
}

services!(Orders = "orders", Stock = "stock", Claims = "claims");
