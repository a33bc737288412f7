//! For tests: a service on a throw-away database with a clock that is moved by hand.
//!
//! Every suite runs on both databases: `#[rstest] #[case(Backend::Sqlite)] #[case(Backend::Postgres)]`.
//! PostgreSQL comes from `AFTERCARE_TEST_POSTGRES`; `make test` brings one up. Its absence is a failure, not a skip.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Duration, TimeZone as _, Utc};
use prost::{Message, Name};
use proto::aftercare::common::v1::Event;
use sea_orm::{ConnectionTrait as _, Database};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Identity,
    catalog::{Catalog, Language},
    clock::Clock,
    config::Sources,
    convert,
    db::{DatabaseConfig, Db},
    error::Result,
    id::Ids,
    migration,
    number::Numbers,
    peers::Peers,
    reach::Reach,
    record::{Actor, Role},
    service::{Call, Core, Definition, Origin, Service},
    timer,
};

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file in a temporary folder.
    Sqlite,
    /// A database of its own on the server that `AFTERCARE_TEST_POSTGRES` names.
    Postgres,
}

/// An identity key for tests.
pub const TEST_KEY: &str = "a key for tests, never for anything else";

/// A throw-away database; gone when dropped.
#[derive(Debug)]
pub struct TestDb {
    /// The open database, without any table.
    pub db: Db,
    /// Its address, for a second connection.
    pub url: String,
    _leftover: Leftover,
}

/// What goes away with a throw-away database. A server on memory would soon be full of them.
#[derive(Debug)]
enum Leftover {
    /// The folder of the file.
    Folder { _folder: tempfile::TempDir },
    /// The database on the server.
    Database { server: String, name: String },
}

impl Drop for Leftover {
    fn drop(&mut self) {
        let Self::Database { server, name } = self else { return };
        let (server, statement) = (server.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        // A runtime of its own: the test's may be ending.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async { Database::connect(&server).await.ok()?.execute_unprepared(&statement).await.ok() })
        });
        let _ = dropping.join();
    }
}

/// Makes a throw-away database.
///
/// # Panics
///
/// When it cannot be made: that fails the test.
#[expect(clippy::expect_used, reason = "a test without a database must fail")]
pub async fn database(backend: Backend) -> TestDb {
    let (url, leftover) = match backend {
        Backend::Sqlite => {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
            (url, Leftover::Folder { _folder: folder })
        }
        Backend::Postgres => {
            let server = std::env::var("AFTERCARE_TEST_POSTGRES")
                .expect("AFTERCARE_TEST_POSTGRES names no server: run the tests by `make test`");
            let name = format!("t_{}", uuid::Uuid::from_bytes(rand::random()).simple());
            let admin = Database::connect(&server).await.expect("the test server answers");
            admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database can be made");
            admin.close().await.expect("the connection closes");
            let (base, query) = server.split_once('?').map_or((&*server, String::new()), |(a, b)| (a, format!("?{b}")));
            let host = base.rsplit_once('/').map_or(base, |(host, _)| host);
            (format!("{host}/{name}{query}"), Leftover::Database { server: server.clone(), name })
        }
    };
    let db = Db::connect(&DatabaseConfig { url: url.clone(), max_connections: 8 }).await.expect("the database opens");
    TestDb { db, url, _leftover: leftover }
}

/// A service built on a throw-away database.
#[derive(Debug)]
pub struct Bench {
    /// What its parts share.
    pub core: Core,
    /// The built service.
    pub service: Service,
    _database: TestDb,
}

/// Builds a service with its default configuration, changed by `overrides` (TOML, keys of the service's own section).
///
/// # Panics
///
/// When anything of it fails: that fails the test.
#[expect(clippy::expect_used, reason = "a test that cannot start must fail")]
pub async fn bench<D: Definition>(backend: Backend, overrides: &str) -> Bench {
    let database = database(backend).await;
    migration::migrate::<D::Migrator>(&database.db).await.expect("the migrations run");
    let core = Core {
        service: D::NAME,
        db: database.db.clone(),
        clock: Clock::fixed(start()),
        ids: Ids::random(),
        numbers: Numbers::new(database.db.clone()),
        catalog: Arc::new(Catalog::load(D::MESSAGES.0, D::MESSAGES.1).expect("the messages load")),
        identity: Identity::new(TEST_KEY).expect("the key is long enough"),
        peers: Peers::default(),
        stopping: CancellationToken::new(),
    };
    let sources = Sources::new(&[D::NAME]).text("overrides", overrides).expect("the overrides are TOML");
    let config = sources.load::<D::Config>(D::NAME, D::DEFAULTS).expect("the configuration is known").service;
    let service = D::build(config, core.clone()).expect("the service builds");
    Bench { core, service, _database: database }
}

/// The instant at which every test begins: a Monday, 10:00 in Shanghai.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 2, 0, 0).unwrap()
}

impl Bench {
    /// A call by somebody of this role, now.
    #[must_use]
    pub fn call(&self, role: Role) -> Call {
        self.call_by(&format!("{}-1", role.as_str()), role, "ou_head")
    }

    /// A call by this person, now.
    #[must_use]
    pub fn call_by(&self, id: &str, role: Role, org_unit_id: &str) -> Call {
        Call {
            actor: Actor {
                partner_id: if role == Role::Partner { id.to_owned() } else { String::new() },
                ..Actor::new(id, role, org_unit_id).everywhere()
            },
            reach: Reach::All,
            origin: Origin::default(),
            now: self.core.clock.now(),
            language: Language::English,
            method: "test",
            ids: self.core.ids.clone(),
            service: self.core.service,
        }
    }

    /// Moves the clock and fires every timer that became due on the way, in order.
    ///
    /// # Errors
    ///
    /// When a timer's handler fails for good.
    pub async fn advance(&self, by: Duration) -> Result<()> {
        let goal = self.core.clock.now() + by;
        let handlers: HashMap<_, _> = self.service.timers.iter().cloned().collect();
        while let Some(due) = self.next_due(goal).await? {
            self.core.clock.set(due.max(self.core.clock.now()));
            timer::fire_due(&self.core, &handlers).await?;
        }
        self.core.clock.set(goal);
        Ok(())
    }

    async fn next_due(&self, goal: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        use sea_orm::{EntityTrait as _, QueryOrder as _, entity::prelude::*};
        let next = timer::entity::Entity::find()
            .filter(timer::entity::Column::NextTryAt.lte(goal))
            .order_by_asc(timer::entity::Column::NextTryAt)
            .one(self.core.db.read())
            .await?;
        Ok(next.map(|timer| timer.next_try_at))
    }

    /// Hands another service's event to this service's handler, in a transaction of its own. The inbox is not asked.
    ///
    /// # Errors
    ///
    /// What the handler answers.
    ///
    /// # Panics
    ///
    /// When the service does not subscribe to it: that fails the test.
    #[expect(clippy::expect_used, reason = "a test of an event that nobody handles must fail")]
    pub async fn deliver<E: Message + Name>(
        &self,
        from: &str,
        kind: &str,
        id: &str,
        version: i64,
        event: &E,
    ) -> Result<()> {
        let subscription = self
            .service
            .subscriptions
            .iter()
            .find(|subscription| subscription.from == from && subscription.kind == kind)
            .expect("the service subscribes to this kind");
        let call = Call::internal(&self.core, from, "event");
        let event = Event {
            id: self.core.ids.uuid(call.now).simple().to_string(),
            r#type: E::full_name(),
            service: from.to_owned(),
            aggregate_kind: kind.to_owned(),
            aggregate_id: id.to_owned(),
            aggregate_version: version,
            occurred_at: Some(convert::timestamp(call.now)),
            traceparent: String::new(),
            payload: event.encode_to_vec(),
            ..Event::default()
        };
        let tx = self.core.db.begin().await?;
        subscription.handler.handle(&call, &tx, &event).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Every event in the outbox, oldest first.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn events(&self) -> Result<Vec<Event>> {
        crate::outbox::all(&self.core.db).await
    }
}
