//! One process of several services, and several processes of one: start, events between them, probes, refusals, stop.

#![expect(clippy::unwrap_used, reason = "what fails here must fail the test")]

use std::{
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use common::{
    Result,
    config::Sources,
    convert,
    db::Tx,
    error::Reason,
    lifecycle::Protocols,
    migration, outbox,
    run::{self, Host, Running, SchemaPolicy},
    service::{Call, Core, Definition, EventHandler, Service, Subscription, Worker},
    testing::{Backend, TestDb, database},
    timer::{self, Timer},
};
use proto::aftercare::common::v1::Event;
use rstest::rstest;
use sea_orm::ConnectionTrait as _;
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// What `Beta` heard, as `aggregate/version`.
static HEARD: LazyLock<Mutex<Vec<String>>> = LazyLock::new(Mutex::default);

struct Plumbing;

impl MigratorTrait for Plumbing {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        migration::plumbing()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    broken_worker: bool,
}

const DEFAULTS: &str = "broken_worker = false\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"";
const REASONS: &[Reason] = &[];

struct Alpha;

impl Definition for Alpha {
    const NAME: &'static str = "alpha";
    const DEFAULTS: &'static str = DEFAULTS;
    const MESSAGES: (&'static str, &'static str) = ("", "");
    const REASONS: &'static [Reason] = REASONS;
    type Config = Config;
    type Migrator = Plumbing;

    fn build(config: Config, core: Core) -> anyhow::Result<Service> {
        let mut workers = Vec::new();
        if config.broken_worker {
            workers.push(Worker { name: "broken", run: Box::new(|_| Box::pin(async { anyhow::bail!("broken") })) });
        }
        let routes = tonic::service::Routes::builder().routes();
        let timers: Vec<(_, timer::Handler)> =
            vec![("panics", common::handler!((), panic_on_time)), ("rings", common::handler!((), ring))];
        Ok(Service { core, routes, subscriptions: Vec::new(), timers, workers })
    }
}

struct Beta;

impl Definition for Beta {
    const NAME: &'static str = "beta";
    const DEFAULTS: &'static str = DEFAULTS;
    const MESSAGES: (&'static str, &'static str) = ("", "");
    const REASONS: &'static [Reason] = REASONS;
    type Config = Config;
    type Migrator = Plumbing;

    fn build(_: Config, core: Core) -> anyhow::Result<Service> {
        let subscriptions = vec![Subscription {
            from: "alpha",
            kind: "thing",
            handler: EventHandler::Each(common::handler!((), hear)),
        }];
        let routes = tonic::service::Routes::builder().routes();
        Ok(Service { core, routes, subscriptions, timers: Vec::new(), workers: Vec::new() })
    }
}

async fn hear(_: &(), _: &Call, _: &Tx, event: &Event) -> Result<()> {
    let text = format!("{}/{}", event.aggregate_id, event.aggregate_version);
    HEARD.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    Ok(())
}

async fn panic_on_time(_: &(), _: &Call, _: &Tx, _: &Timer) -> Result<()> {
    panic!("on purpose")
}

async fn ring(_: &(), _: &Call, _: &Tx, timer: &Timer) -> Result<()> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{}/1", timer.subject));
    Ok(())
}

async fn publish(core: &Core, aggregate: &str, version: i64) {
    let now = core.clock.now();
    let event = Event {
        id: core.ids.uuid(now).to_string(),
        r#type: "test.Thing".to_owned(),
        service: "alpha".to_owned(),
        aggregate_kind: "thing".to_owned(),
        aggregate_id: aggregate.to_owned(),
        aggregate_version: version,
        occurred_at: Some(convert::timestamp(now)),
        ..Event::default()
    };
    let tx = core.db.begin().await.unwrap();
    outbox::push(&tx, &event).await.unwrap();
    tx.commit().await.unwrap();
}

async fn heard(aggregate: &str, versions: usize) {
    let wanted: Vec<_> = (1..=versions).map(|version| format!("{aggregate}/{version}")).collect();
    let begin = Instant::now();
    loop {
        let now: Vec<_> = {
            let all = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
            all.iter().filter(|one| one.starts_with(&format!("{aggregate}/"))).cloned().collect()
        };
        if now == wanted {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "heard {now:?}, wanted {wanted:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn sources(services: &[&str], databases: &[(&str, &TestDb)], more: &str) -> Sources {
    let mut text = more.to_owned();
    for (name, database) in databases {
        text.push_str(&format!("\n[{name}.database]\nurl = \"{}\"\nmax_connections = 4", database.url));
    }
    Sources::new(services).text("test", &text).unwrap()
}

/// Status of a GET at the admin port.
async fn get(admin: std::net::SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(admin).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    (text[9..12].parse().unwrap(), text)
}

async fn health(address: std::net::SocketAddr, service: &str) -> i32 {
    let mut client = HealthClient::new(run::channel(&format!("http://{address}")).unwrap());
    let request = HealthCheckRequest { service: service.to_owned() };
    client.check(request).await.unwrap().into_inner().status
}

async fn stop(running: Running) {
    let begin = Instant::now();
    running.stop().await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
}

const ADMIN: &str = "admin = \"127.0.0.1:0\"";

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn services_of_one_process_hear_each_other(#[case] backend: Backend) {
    let (alpha, beta) = (database(backend).await, database(backend).await);
    let aggregate = format!("one-process-{backend:?}");
    let sources = sources(&["alpha", "beta"], &[("alpha", &alpha), ("beta", &beta)], ADMIN);
    let mut host = Host::new("both", "", sources.clone()).unwrap();
    host.add::<Alpha>(SchemaPolicy::MigrateFirst).await.unwrap();
    let settings = host.add::<Beta>(SchemaPolicy::MigrateFirst).await.unwrap();
    host.port_for("beta", &settings).await.unwrap();
    assert_eq!(host.routes().len(), 2);
    let core = host.core("alpha").unwrap().clone();
    publish(&core, &aggregate, 1).await;
    let running = host.start().await.unwrap();
    publish(&core, &aggregate, 2).await;
    heard(&aggregate, 2).await;

    let address = running.addresses["beta"];
    assert_ne!(address.port(), 0);
    for name in ["", run::LIVENESS] {
        assert_eq!(health(address, name).await, 1, "{name}");
    }
    assert_eq!(get(running.admin, "/readyz").await.0, 200);
    assert_eq!(get(running.admin, "/livez").await.0, 200);
    assert!(get(running.admin, "/metrics").await.1.contains("aftercare_events_handled_total"));
    stop(running).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn services_of_two_processes_hear_each_other(#[case] backend: Backend) {
    let redis = std::env::var("AFTERCARE_TEST_REDIS").expect("AFTERCARE_TEST_REDIS: run the tests by `make test`");
    let (alpha, beta) = (database(backend).await, database(backend).await);
    let aggregate = format!("two-processes-{backend:?}");
    let prefix = uuid::Uuid::from_bytes(rand::random()).simple().to_string();
    let bus = format!("{ADMIN}\n[bus]\nkind = \"redis\"\nurl = \"{redis}\"\nprefix = \"{prefix}\"");
    let mut first = Host::new("alpha", DEFAULTS, sources(&["alpha"], &[("alpha", &alpha)], &bus)).unwrap();
    first.add::<Alpha>(SchemaPolicy::MigrateFirst).await.unwrap();
    let core = first.core("alpha").unwrap().clone();
    let first = first.start().await.unwrap();
    let mut second = Host::new("beta", DEFAULTS, sources(&["beta"], &[("beta", &beta)], &bus)).unwrap();
    second.add::<Beta>(SchemaPolicy::MigrateFirst).await.unwrap();
    let second = second.start().await.unwrap();
    for version in 1..=3 {
        publish(&core, &aggregate, version).await;
    }
    heard(&aggregate, 3).await;
    stop(first).await;
    stop(second).await;
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_of_this_release_is_refused(#[case] backend: Backend) {
    let alpha = database(backend).await;
    let sources = sources(&["alpha"], &[("alpha", &alpha)], ADMIN);
    let mut host = Host::new("alpha", DEFAULTS, sources.clone()).unwrap();
    let pending = host.add::<Alpha>(SchemaPolicy::MustBeCurrent).await.unwrap_err().to_string();
    assert!(pending.contains("run `migrate` first"), "{pending}");
    assert!(run::check::<Alpha>(&sources).await.is_err());

    let ran = run::migrate::<Alpha>(&sources).await.unwrap();
    assert_eq!(ran.len(), migration::plumbing().len());
    assert!(run::migrate::<Alpha>(&sources).await.unwrap().is_empty(), "a second time there is nothing to do");
    host.add::<Alpha>(SchemaPolicy::MustBeCurrent).await.unwrap();
    assert_eq!(run::check::<Alpha>(&sources).await.unwrap().len(), 4);

    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20990101_000001_future', 0)";
    alpha.db.write().execute_unprepared(newer).await.unwrap();
    for policy in [SchemaPolicy::MustBeCurrent, SchemaPolicy::MigrateFirst] {
        let refused = host.add::<Alpha>(policy).await.unwrap_err().to_string();
        assert!(refused.contains("m20990101_000001_future") && refused.contains("newer"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_takes_a_pod_out_of_traffic_and_restarts_nothing() {
    let beta = database(Backend::Postgres).await;
    let sources = sources(&["beta"], &[("beta", &beta)], ADMIN);
    let mut host = Host::new("beta", DEFAULTS, sources).unwrap();
    let settings = host.add::<Beta>(SchemaPolicy::MigrateFirst).await.unwrap();
    let address = host.port_for("beta", &settings).await.unwrap();
    let running = host.start().await.unwrap();
    while health(address, run::READINESS).await != 1 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let (server, name) = beta.url.rsplit_once('/').unwrap();
    let admin = sea_orm::Database::connect(format!("{server}/postgres")).await.unwrap();
    admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
    let begun = Instant::now();
    while health(address, run::READINESS).await == 1 {
        assert!(begun.elapsed() < Duration::from_secs(30), "readiness never turned");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(health(address, run::LIVENESS).await, 1, "a database that is gone is no reason to restart");
    stop(running).await;
}

/// Writes what a record's own table would: its history up to a version.
async fn own(core: &Core, record: &str, versions: i64) {
    for version in 1..=versions {
        let row = format!(
            "INSERT INTO history (id, record_kind, record_id, record_number, version, action, from_state, to_state, reason, \
             actor_id, actor_role, actor_org_unit_id, at) VALUES ('{record}-{version}', 'thing', '{record}', '', {version}, \
             'change', '', '', '', 'a', 'service', '', '2026-01-01T00:00:00Z')"
        );
        core.db.write().execute_unprepared(&row).await.unwrap();
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_is_compared_with_its_neighbours(#[case] backend: Backend) {
    let (alpha, beta) = (database(backend).await, database(backend).await);
    let name = |text: &str| format!("{text}-{backend:?}");
    let sources = sources(&["alpha", "beta"], &[("alpha", &alpha), ("beta", &beta)], ADMIN);
    let mut host = Host::new("both", "", sources).unwrap();
    host.add::<Alpha>(SchemaPolicy::MigrateFirst).await.unwrap();
    host.add::<Beta>(SchemaPolicy::MigrateFirst).await.unwrap();
    let (owner, consumer) = (host.core("alpha").unwrap().clone(), host.core("beta").unwrap().clone());
    let running = host.start().await.unwrap();
    let agreed = || async { run::reconcile::reconcile(&owner.peers, &owner.identity, "alpha").await.unwrap() };
    for record in ["whole", "lost", "shorter"].map(name) {
        own(&owner, &record, 2).await;
        publish(&owner, &record, 1).await;
        publish(&owner, &record, 2).await;
        heard(&record, 2).await;
    }
    let begun = Instant::now();
    while !agreed().await.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", agreed().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // The owner's database forgets one record and the end of another; the consumer's forgets that it heard of a third.
    let statements = [
        (&owner, format!("DELETE FROM history WHERE record_id = '{}'", name("lost"))),
        (&owner, format!("DELETE FROM history WHERE record_id = '{}' AND version = 2", name("shorter"))),
        (&consumer, format!("DELETE FROM inbox WHERE aggregate_id = '{}'", name("whole"))),
    ];
    for (core, statement) in statements {
        core.db.write().execute_unprepared(&statement).await.unwrap();
    }
    let findings = agreed().await;
    let told: Vec<_> = findings.iter().map(ToString::to_string).collect();
    let [ahead, behind, dangling] = &told[..] else { panic!("{told:#?}") };
    assert!(ahead.contains(&name("shorter")) && ahead.starts_with("ahead: beta"), "{ahead}");
    assert!(behind.contains(&name("whole")) && behind.starts_with("behind: beta"), "{behind}");
    assert!(dangling.contains(&name("lost")) && dangling.starts_with("dangling: beta"), "{dangling}");

    let events = run::reconcile::mend(&findings, &owner.peers, &owner.identity, "alpha").await.unwrap();
    assert_eq!(events, 2, "what was missed is told again, and nothing else");
    let begun = Instant::now();
    while agreed().await.iter().any(run::reconcile::Finding::is_mendable) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", agreed().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_migrations_at_once_wait_for_each_other() {
    let alpha = database(Backend::Postgres).await;
    let sources = sources(&["alpha"], &[("alpha", &alpha)], ADMIN);
    let runs: Vec<_> = (0..4)
        .map(|_| {
            let sources = sources.clone();
            tokio::spawn(async move { run::migrate::<Alpha>(&sources).await })
        })
        .collect();
    for run in runs {
        run.await.unwrap().unwrap();
    }
    run::check::<Alpha>(&sources).await.unwrap();
}

#[tokio::test]
async fn a_database_that_forgets_is_refused() {
    let alpha = database(Backend::Postgres).await;
    let name = alpha.url.rsplit('/').next().unwrap().split('?').next().unwrap();
    let off = format!("ALTER DATABASE {name} SET synchronous_commit = off");
    alpha.db.write().execute_unprepared(&off).await.unwrap();
    let sources = sources(&["alpha"], &[("alpha", &alpha)], ADMIN);
    let refused = format!("{:#}", run::check::<Alpha>(&sources).await.unwrap_err());
    assert!(refused.contains("synchronous_commit = off"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_evicts_is_refused_and_one_that_is_down_is_waited_for() {
    let alpha = database(Backend::Sqlite).await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let bus = format!("{ADMIN}\n[bus]\nkind = \"redis\"\nurl = \"redis://127.0.0.1:{port}\"");
    let sources = sources(&["alpha"], &[("alpha", &alpha)], &bus);
    run::migrate::<Alpha>(&sources).await.unwrap();

    // Down: the service starts, accepts, and its outbox waits. Only `check` says so.
    let mut host = Host::new("alpha", DEFAULTS, sources.clone()).unwrap();
    host.add::<Alpha>(SchemaPolicy::MustBeCurrent).await.unwrap();
    let core = host.core("alpha").unwrap().clone();
    let running = host.start().await.unwrap();
    publish(&core, "unheard", 1).await;
    assert_eq!(get(running.admin, "/readyz").await.0, 200);
    assert!(run::check::<Alpha>(&sources).await.unwrap_err().to_string().contains("Redis does not answer"));
    stop(running).await;

    let folder = alpha.url.strip_prefix("sqlite://").and_then(|path| path.rsplit_once('/')).unwrap().0;
    let mut redis = tokio::process::Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--maxmemory-policy", "allkeys-lru", "--dir", folder])
        .args(["--port", &port.to_string()])
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(begin.elapsed() < Duration::from_secs(10), "redis-server starts");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let checked = run::check::<Alpha>(&sources).await.unwrap_err().to_string();
    assert!(checked.contains("allkeys-lru"), "{checked}");
    let mut host = Host::new("alpha", DEFAULTS, sources).unwrap();
    host.add::<Alpha>(SchemaPolicy::MustBeCurrent).await.unwrap();
    assert!(host.start().await.unwrap_err().to_string().contains("allkeys-lru"));
    redis.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_breaks_ends_the_process_with_failure() {
    let alpha = database(Backend::Sqlite).await;
    let more = format!("{ADMIN}\nbroken_worker = true");
    let mut host = Host::new("alpha", DEFAULTS, sources(&["alpha"], &[("alpha", &alpha)], &more)).unwrap();
    host.add::<Alpha>(SchemaPolicy::MigrateFirst).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), host.start().await.unwrap().wait()).await.unwrap();
    assert!(ended.unwrap_err().to_string().contains("worker"));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_panics_takes_nobody_with_it(#[case] backend: Backend) {
    let alpha = database(backend).await;
    let subject = format!("bell-{backend:?}");
    let mut host = Host::new("alpha", DEFAULTS, sources(&["alpha"], &[("alpha", &alpha)], ADMIN)).unwrap();
    host.add::<Alpha>(SchemaPolicy::MigrateFirst).await.unwrap();
    let core = host.core("alpha").unwrap().clone();
    let running = host.start().await.unwrap();
    let tx = core.db.begin().await.unwrap();
    timer::schedule(&tx, "panics", &subject, core.clock.now()).await.unwrap();
    timer::schedule(&tx, "rings", &subject, core.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    heard(&subject, 1).await;
    assert!(!running.life().failed());
    // The broken one waits for its next try.
    assert!(timer::due(core.db.read(), "panics", &subject).await.unwrap().is_some());
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_database_and_liveness_does_not() {
    let alpha = database(Backend::Postgres).await;
    let mut host = Host::new("alpha", DEFAULTS, sources(&["alpha"], &[("alpha", &alpha)], ADMIN)).unwrap();
    host.add::<Alpha>(SchemaPolicy::MigrateFirst).await.unwrap();
    let running = host.start().await.unwrap();
    assert_eq!(get(running.admin, "/readyz").await.0, 200);
    let name = alpha.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let server = std::env::var("AFTERCARE_TEST_POSTGRES").unwrap();
    let admin = sea_orm::Database::connect(&server).await.unwrap();
    let cut = format!(
        "ALTER DATABASE {name} ALLOW_CONNECTIONS false; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    );
    for statement in cut.split("; ") {
        admin.execute_unprepared(statement).await.unwrap();
    }
    let (ready, text) = get(running.admin, "/readyz").await;
    assert!(ready == 503 && text.contains("database of alpha"), "{text}");
    assert_eq!(get(running.admin, "/livez").await.0, 200);
    admin.execute_unprepared(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await.unwrap();
    let begin = Instant::now();
    while get(running.admin, "/readyz").await.0 != 200 {
        assert!(begin.elapsed() < Duration::from_secs(10), "it heals without a restart");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut host = Host::new("alpha", DEFAULTS, Sources::new(&["alpha"])).unwrap();
    let routes = tonic::service::Routes::builder().routes();
    let address = taken.local_addr().unwrap();
    let refused = host.port("alpha", address, routes, Protocols::Grpc).await.unwrap_err().to_string();
    assert!(refused.contains(&address.to_string()), "{refused}");
}
