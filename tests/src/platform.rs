//! The whole platform, as one process on SQLite or as six or twelve on PostgreSQL and Redis.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use anyhow::Context as _;
use common::{
    clock::Clock,
    config::Sources,
    id::Ids,
    run::Running,
    testing::{Backend, TestDb, database},
};
use tempfile::TempDir;
use tokio::sync::Mutex;
use toml::{Table, Value};

use crate::{
    client::{Door, Faults, Person, Surface},
    process::{Process, free_address, is_boxed},
};

/// The services behind the door.
pub const SERVICES: [&str; 5] = ["intake", "dispatch", "parts-inventory", "complaint", "survey"];

/// How the platform runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Everything in one process: SQLite, the bus in process.
    OneProcess,
    /// Six processes: PostgreSQL, Redis.
    SixProcesses,
    /// Two processes of each service. The second one of `intake` is `intake-2`; services know each other's addresses, and
    /// clients both gateways'.
    TwelveProcesses,
}

/// By then a process that was told to stop is gone: its drain deadline here, and what may follow it
/// (services/common/config/default.toml).
pub const FAREWELL: Duration = Duration::from_secs(2 + 11);

/// A running platform with short terms; gone when dropped.
#[derive(Debug)]
pub struct Platform {
    door: Door,
    surface: Surface,
    faults: Faults,
    processes: BTreeMap<String, Mutex<Process>>,
    ports: BTreeMap<String, SocketAddr>,
    running: Option<Running>,
    /// Dropped with the platform, after its processes.
    _databases: Vec<TestDb>,
    folder: TempDir,
}

impl Platform {
    /// Starts a platform.
    ///
    /// # Panics
    ///
    /// When it does not start: that fails the test.
    pub async fn start(shape: Shape, surface: Surface, faults: Faults) -> Self {
        Self::start_with(shape, surface, faults, &[]).await
    }

    /// As [`Platform::start`], with other terms for some services: name and TOML.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[expect(clippy::panic, reason = "a platform that does not start fails the test")]
    pub async fn start_with(shape: Shape, surface: Surface, faults: Faults, own: &[(&str, &str)]) -> Self {
        let started = match shape {
            Shape::OneProcess => Self::one_process(surface, faults, own).await,
            Shape::SixProcesses => Self::processes_of_their_own(1, surface, faults, own).await,
            Shape::TwelveProcesses => Self::processes_of_their_own(2, surface, faults, own).await,
        };
        started.unwrap_or_else(|error| panic!("the platform does not start: {error:#}"))
    }

    async fn one_process(surface: Surface, faults: Faults, own: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut table = shared();
        table.insert("listen".into(), "127.0.0.1:0".into());
        table.insert("admin".into(), "127.0.0.1:0".into());
        for service in SERVICES.into_iter().chain(["gateway"]) {
            table.insert(service.replace('-', "_"), Value::Table(terms(service, own)?));
        }
        let sources = Sources::new(&all_in_one::SERVICES).text("short terms", &toml::to_string(&table)?)?;
        let sources = all_in_one::data_folder(sources, folder.path())?;
        let mut host = all_in_one::services(sources, Clock::system(), Ids::random()).await?;
        let address = all_in_one::door(&mut host).await?;
        let running = Some(host.start().await?);
        let door = Door::new(&format!("http://{address}"))?;
        let (processes, ports) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { door, surface, faults, processes, ports, running, _databases: Vec::new(), folder })
    }

    async fn processes_of_their_own(
        replicas: usize,
        surface: Surface,
        faults: Faults,
        own: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let redis =
            std::env::var("AFTERCARE_TEST_REDIS").context("AFTERCARE_TEST_REDIS names no server: `make test`")?;
        let folder = tempfile::tempdir()?;
        let prefix = folder.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let places = || (0..replicas).map(|_| free_address()).collect::<anyhow::Result<Vec<_>>>();
        let mut peers = Table::new();
        let mut addresses = BTreeMap::new();
        for service in SERVICES {
            let places = places()?;
            let listed: Vec<_> = places.iter().map(SocketAddr::to_string).collect();
            peers.insert(service.replace('-', "_"), format!("http://{}", listed.join(",")).into());
            addresses.insert(service, places);
        }
        let mut bus = Table::from_iter([
            ("kind".to_owned(), Value::from("redis")),
            ("url".to_owned(), redis.into()),
            ("prefix".to_owned(), prefix.into()),
            ("claim_after".to_owned(), "2s".into()),
        ]);

        let mut processes = BTreeMap::new();
        let mut ports = BTreeMap::new();
        let mut databases = Vec::new();
        let entrances = places()?;
        for (service, places) in addresses.into_iter().chain([("gateway", entrances.clone())]) {
            let made = database(Backend::Postgres).await;
            let database = Table::from_iter([
                ("url".to_owned(), Value::from(made.url.clone())),
                ("max_connections".to_owned(), Value::from(4)),
            ]);
            databases.push(made);
            for (number, address) in places.into_iter().enumerate() {
                let name = if number == 0 { service.to_owned() } else { format!("{service}-{}", number + 1) };
                let mut table = shared();
                table.extend(terms(service, own)?);
                if service == "gateway" {
                    // A box has a memory of its own to write to, and sees no folder of ours.
                    let kept = if is_boxed() { "/tmp/files".into() } else { folder.path().join("files") };
                    let files = table.entry("files").or_insert_with(|| Table::new().into());
                    let files = files.as_table_mut().context("files is a section")?;
                    files.entry("folder").or_insert_with(|| kept.to_string_lossy().into_owned().into());
                }
                bus.insert("instance".to_owned(), name.clone().into());
                table.insert("listen".into(), address.to_string().into());
                table.insert("database".into(), database.clone().into());
                table.insert("bus".into(), bus.clone().into());
                table.insert("peers".into(), peers.clone().into());
                let process = process(folder.path(), service, &name, table)?;
                if number == 0 {
                    process.run("migrate")?;
                }
                ports.insert(name.clone(), address);
                processes.insert(name, process);
            }
        }

        for process in processes.values_mut() {
            process.start()?;
        }
        for process in processes.values_mut() {
            process.ready().await?;
        }
        let entrances: Vec<_> = entrances.iter().map(|address| format!("http://{address}")).collect();
        let door = Door::of(&entrances)?;
        let processes = processes.into_iter().map(|(name, process)| (name, Mutex::new(process))).collect();
        Ok(Self { door, surface, faults, processes, ports, running: None, _databases: databases, folder })
    }

    /// The public door.
    #[must_use]
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Where the platform keeps its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Somebody with this role, over this platform's surface and with its faults.
    #[must_use]
    pub fn person(&self, role: &str, id: &str) -> Person {
        Person::new(self.door.clone(), role, id, self.surface, self.faults)
    }

    /// Whoever holds this access token or API key.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Person {
        Person::bearer(self.door.clone(), token, self.surface, self.faults)
    }

    /// The names of the processes, when there are several.
    pub fn processes(&self) -> impl Iterator<Item = &str> {
        self.processes.keys().map(String::as_str)
    }

    /// Where a process of its own serves.
    ///
    /// # Panics
    ///
    /// When there is none of this name.
    #[must_use]
    pub fn port(&self, process: &str) -> SocketAddr {
        self.ports[process]
    }

    /// Tells a process to stop, as a rollout does, and waits until it is gone by itself; says how long that took. It stays
    /// down until [`Platform::revive`].
    ///
    /// # Panics
    ///
    /// When it is not gone within [`FAREWELL`], or ends with a failure.
    #[expect(clippy::panic, reason = "a process that does not go in good order fails the test")]
    pub async fn dismiss(&self, process: &str) -> Duration {
        let mut process = self.process(process).lock().await;
        process.dismiss(FAREWELL).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Kills a service as a power cut would. It stays down until [`Platform::revive`].
    ///
    /// # Panics
    ///
    /// When it is no process of its own, or not running.
    #[expect(clippy::panic, reason = "a test that kills nothing must fail")]
    pub async fn kill(&self, service: &str) {
        let mut process = self.process(service).lock().await;
        process.kill().unwrap_or_else(|error| panic!("{service}: {error:#}"));
    }

    /// Starts a killed service again and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[expect(clippy::panic, reason = "a service that does not come back fails the test")]
    pub async fn revive(&self, service: &str) {
        let mut process = self.process(service).lock().await;
        process.start().unwrap_or_else(|error| panic!("{service}: {error:#}"));
        process.ready().await.unwrap_or_else(|error| panic!("{service}: {error:#}"));
    }

    /// Makes a service stand still (`true`) or go on: connections stay open, and nobody answers.
    ///
    /// # Panics
    ///
    /// When it is no process of its own, or not running.
    #[expect(clippy::panic, reason = "a test that freezes nothing must fail")]
    pub async fn freeze(&self, service: &str, still: bool) {
        let process = self.process(service).lock().await;
        process.freeze(still).unwrap_or_else(|error| panic!("{service}: {error:#}"));
    }

    /// What a process of its own tells Prometheus.
    ///
    /// # Panics
    ///
    /// When it does not answer: that fails the test.
    #[expect(clippy::panic, reason = "a test that reads nothing must fail")]
    pub async fn metrics(&self, service: &str) -> String {
        let process = self.process(service).lock().await;
        process.metrics().await.unwrap_or_else(|error| panic!("{service}: {error:#}"))
    }

    /// What a process of its own has written.
    pub async fn log(&self, service: &str) -> String {
        self.process(service).lock().await.log()
    }

    #[expect(clippy::panic, reason = "a test that speaks of no process must fail")]
    fn process(&self, service: &str) -> &Mutex<Process> {
        self.processes.get(service).unwrap_or_else(|| panic!("{service} is no process of its own"))
    }

    /// Stops a platform of one process in good order. Of processes in boxes it prints how they did.
    ///
    /// # Panics
    ///
    /// When a worker failed meanwhile.
    #[expect(clippy::panic, reason = "a worker that failed fails the test")]
    pub async fn stop(mut self) {
        if is_boxed() {
            for process in self.processes.values() {
                let figures = process.lock().await.figures().unwrap_or_else(|error| panic!("{error:#}"));
                #[expect(clippy::print_stdout, reason = "the figures are what boxes are tried for")]
                {
                    println!("{figures}");
                }
            }
        }
        if let Some(running) = self.running.take() {
            running.stop().await.unwrap_or_else(|error| panic!("the platform failed: {error:#}"));
        }
    }
}

fn process(folder: &Path, service: &str, name: &str, mut table: Table) -> anyhow::Result<Process> {
    let admin = free_address()?;
    table.insert("admin".into(), admin.to_string().into());
    let config = folder.join(format!("{name}.toml"));
    std::fs::write(&config, toml::to_string(&table)?)?;
    Ok(Process::new(service, &config, admin))
}

/// What every process of a test has: only warnings in the log, a short farewell ([`FAREWELL`]).
fn shared() -> Table {
    Table::from_iter([
        ("telemetry".to_owned(), Value::from(Table::from_iter([("log_filter".to_owned(), Value::from("warn"))]))),
        ("drain".to_owned(), Value::from(Table::from_iter([("deadline".to_owned(), Value::from("2s"))]))),
    ])
}

/// The terms of a service, short enough to wait for; `own` are those that a journey sets otherwise.
fn terms(service: &str, own: &[(&str, &str)]) -> anyhow::Result<Table> {
    let text = match service {
        "intake" => include_str!("../terms/intake.toml"),
        "dispatch" => include_str!("../terms/dispatch.toml"),
        "parts-inventory" => include_str!("../terms/parts-inventory.toml"),
        "complaint" => include_str!("../terms/complaint.toml"),
        "survey" => include_str!("../terms/survey.toml"),
        "gateway" => include_str!("../terms/gateway.toml"),
        other => anyhow::bail!("no terms of {other}"),
    };
    let mut table: Table = text.parse()?;
    for (_, text) in own.iter().filter(|(name, _)| *name == service) {
        for (section, value) in text.parse::<Table>()? {
            match (table.get_mut(&section), value) {
                (Some(Value::Table(present)), Value::Table(new)) => present.extend(new),
                (_, value) => drop(table.insert(section, value)),
            }
        }
    }
    Ok(table)
}
