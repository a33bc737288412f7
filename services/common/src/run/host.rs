//! One or several services in one process: one life, one guard, one telemetry, one bus.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

use super::{
    checks,
    events::{self, Beside},
    open::open_with,
    peers,
};
use crate::{
    clock::Clock,
    config::{Environment, Settings, Sources},
    db::Db,
    id::Ids,
    lifecycle::{
        Lifecycle, Protocols,
        admin::{self, Check, Readiness},
        guard::{Guard, guarded},
        tls::Tls,
    },
    outbox::EventServer,
    peers::{Peer, Peers},
    privacy::PrivacyServer,
    service::{Core, Definition},
    telemetry,
};

/// How long closing databases may take.
const CLOSE: Duration = Duration::from_secs(2);

/// The name under which gRPC probes ask whether the process lives. No dependency is asked for it.
pub const LIVENESS: &str = "liveness";
/// The name under which gRPC probes ask whether the process wants traffic: started, not stopping, its databases answer.
pub const READINESS: &str = "readiness";
/// How often readiness is looked at for gRPC probes.
const WATCH: Duration = Duration::from_secs(2);

/// What to do about migrations that did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaPolicy {
    /// Refuse to start: they run before a rollout, by `migrate`.
    MustBeCurrent,
    /// Run them: laptop, demo, tests, a small shop.
    MigrateFirst,
}

/// A process before it runs: add services, open ports, start.
pub struct Host {
    settings: Settings,
    sources: Sources,
    life: Lifecycle,
    guard: Guard,
    clock: Clock,
    ids: Ids,
    health: HealthReporter,
    members: BTreeMap<&'static str, Member>,
    beside: Vec<Beside>,
    ports: Vec<Port>,
    checks: Vec<(String, Check)>,
}

struct Member {
    core: Core,
    routes: Routes,
}

struct Port {
    name: String,
    listener: TcpListener,
    routes: Routes,
    protocols: Protocols,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Host({:?})", self.members.keys())
    }
}

impl Host {
    /// A process of this name. `defaults` is what it changes in the shared defaults, as TOML. Starts telemetry; must be
    /// called inside the runtime.
    ///
    /// # Errors
    ///
    /// When the configuration is wrong.
    pub fn new(name: &str, defaults: &str, sources: Sources) -> anyhow::Result<Self> {
        let settings = sources.settings(name, defaults)?;
        telemetry::start(name, &settings.telemetry)?;
        let guard = Guard::new(&settings.limits)?;
        let (health, _) = tonic_health::server::health_reporter();
        Ok(Self {
            settings,
            sources,
            life: Lifecycle::new(),
            guard,
            clock: Clock::system(),
            ids: Ids::random(),
            health,
            members: BTreeMap::new(),
            beside: Vec::new(),
            ports: Vec::new(),
            checks: Vec::new(),
        })
    }

    /// Another clock and another source of ids than the machine's, for the services added from now on.
    #[must_use]
    pub fn with(mut self, clock: Clock, ids: Ids) -> Self {
        (self.clock, self.ids) = (clock, ids);
        self
    }

    /// What the process shares.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where its configuration comes from.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Its life.
    #[must_use]
    pub fn life(&self) -> &Lifecycle {
        &self.life
    }

    /// Opens a service, looks after its migrations and builds it. It runs once the host starts.
    ///
    /// # Errors
    ///
    /// When its configuration is wrong, its database cannot be opened or is not as `policy` wants it.
    pub async fn add<D: Definition>(&mut self, policy: SchemaPolicy) -> anyhow::Result<Settings> {
        let opened = open_with::<D>(&self.sources, self.clock.clone(), self.ids.clone()).await?;
        match policy {
            SchemaPolicy::MustBeCurrent => opened.must_be_current::<D>().await?,
            SchemaPolicy::MigrateFirst => {
                opened.migrate::<D>().await?;
            }
        }
        let service = D::build(opened.config, opened.core).with_context(|| format!("{} cannot be built", D::NAME))?;
        let core = service.core;
        let events = EventServer::of(&core, &service.subscriptions);
        let routes = service
            .routes
            .add_service(events.into_service())
            .add_service(PrivacyServer::new(core.clone(), D::PERSONAL).into_service());
        let routes = guarded(routes, self.guard.clone());
        let db = core.db.clone();
        self.checks.push((
            format!("database of {}", D::NAME),
            Arc::new(move || {
                let db = db.clone();
                Box::pin(async move { Ok(db.ping().await?) })
            }),
        ));
        self.beside.push(Beside {
            core: core.clone(),
            subscriptions: service.subscriptions,
            timers: service.timers,
            workers: service.workers,
            places: D::PERSONAL,
        });
        self.members.insert(D::NAME, Member { core, routes });
        Ok(opened.settings)
    }

    /// The routes of the services in this process, by name, with the guard before them.
    #[must_use]
    pub fn routes(&self) -> BTreeMap<&'static str, Routes> {
        self.members.iter().map(|(name, member)| (*name, member.routes.clone())).collect()
    }

    /// What the parts of a service in this process share.
    #[must_use]
    pub fn core(&self, service: &str) -> Option<&Core> {
        self.members.get(service).map(|member| &member.core)
    }

    /// The health that gRPC probes ask: `liveness`, `readiness`, and every gRPC service by its full name.
    #[must_use]
    pub fn health(&self) -> HealthService {
        HealthService::from_health_reporter(self.health.clone())
    }

    /// Asks one more dependency before the process calls itself ready.
    pub fn ready_when(&mut self, name: impl Into<String>, check: Check) {
        self.checks.push((name.into(), check));
    }

    /// Opens a port for a service of its own process: gRPC with health, and with reflection in development.
    ///
    /// # Errors
    ///
    /// When the address is taken.
    pub async fn port_for(&mut self, service: &str, settings: &Settings) -> anyhow::Result<SocketAddr> {
        let Some(member) = self.members.get(service) else { bail!("no service {service} in this process") };
        let mut routes = member.routes.clone();
        routes = routes.add_service(HealthServer::new(self.health()));
        if settings.environment == Environment::Development {
            let reflection = || {
                tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
                    .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            };
            routes = routes.add_service(reflection().build_v1()?).add_service(reflection().build_v1alpha()?);
        }
        self.port(service, settings.listen, routes, Protocols::Grpc).await
    }

    /// Opens a port. Connections wait until the host starts. Port 0 takes a free one; the answer says which.
    ///
    /// # Errors
    ///
    /// When the address is taken.
    pub async fn port(
        &mut self,
        name: &str,
        address: SocketAddr,
        routes: Routes,
        protocols: Protocols,
    ) -> anyhow::Result<SocketAddr> {
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("{name} cannot listen at {address}"))?;
        let bound = listener.local_addr()?;
        self.ports.push(Port { name: name.to_owned(), listener, routes, protocols });
        Ok(bound)
    }

    /// Starts: workers, ports, probes. From now on it runs until its life is stopped.
    ///
    /// # Errors
    ///
    /// When the admin address is taken, or the bus would lose events.
    pub async fn start(self) -> anyhow::Result<Running> {
        let Self { settings, life, health, members, beside, ports, checks, .. } = self;
        if !members.is_empty() {
            let subscribes = beside.iter().any(|one| !one.subscriptions.is_empty());
            checks::refuse_lonely_bus(&settings, members.len(), subscribes)?;
            match checks::redis(&settings).await? {
                checks::Redis::Unused | checks::Redis::Safe => {}
                checks::Redis::Silent(error) => tracing::warn!(error, "Redis does not answer; events wait for it"),
            }
        }
        let admin_listener = TcpListener::bind(settings.admin)
            .await
            .with_context(|| format!("probes and metrics cannot listen at {}", settings.admin))?;
        let admin = admin_listener.local_addr()?;
        let readiness = Readiness::new(checks);
        let answering = tokio::spawn(admin::serve(admin_listener, readiness.clone()));

        health.set_service_status(LIVENESS, ServingStatus::Serving).await;
        health.set_service_status(READINESS, ServingStatus::NotServing).await;
        let tls = Tls::open(&settings.tls)?;
        let mut addresses = BTreeMap::new();
        let mut serving = JoinSet::new();
        for Port { name, listener, routes, protocols } in ports {
            let address = listener.local_addr()?;
            tracing::info!(service = name, %address, "serving");
            addresses.insert(name.clone(), address);
            let (life, limits, drain) = (life.clone(), settings.limits.clone(), settings.drain.clone());
            // Between services there is the platform's own encryption, or a trusted network.
            let tls = tls.clone().filter(|_| protocols == Protocols::Http);
            serving.spawn(async move {
                let served = life.serve(listener, routes, &limits, &drain, protocols, tls).await;
                served.with_context(|| format!("the port of {name} failed"))
            });
        }
        let names = grpc_services(members.keys().copied());
        if !members.is_empty() {
            let known = peers_of(&settings, &members)?;
            let peers = Peers::default();
            peers.know(known.clone());
            for member in members.values() {
                member.core.peers.know(known.clone());
                let (stopping, told) = (life.stopping(), member.core.stopping.clone());
                tokio::spawn(async move {
                    stopping.cancelled().await;
                    told.cancel();
                });
            }
            events::start(&life, &events::bus(&settings)?, &events::bus_settings(&settings), &peers, beside);
        }
        tracing::info!(%admin, version = env!("CARGO_PKG_VERSION"), "started");
        report(&health, &names, ServingStatus::Serving).await;
        readiness.open();
        let watching = tokio::spawn(watch_readiness(readiness.clone(), health.clone(), life.stopping()));
        let databases = members.into_values().map(|member| member.core.db).collect();
        let ending = Ending { life: life.clone(), readiness, health, names, serving, databases, answering, watching };
        Ok(Running { addresses, admin, life, ended: tokio::spawn(ending.run()) })
    }
}

/// The services at their addresses.
pub(super) fn remote_peers(settings: &Settings) -> anyhow::Result<BTreeMap<String, Peer>> {
    let mut known = BTreeMap::new();
    for (name, address) in &settings.peers {
        // A key of the configuration has an underscore where the service's name has a hyphen.
        known.insert(name.replace('_', "-"), Peer::Remote(peers::Balanced::new(address)?));
    }
    Ok(known)
}

/// Neighbours in the process first, then addresses.
fn peers_of(settings: &Settings, members: &BTreeMap<&'static str, Member>) -> anyhow::Result<BTreeMap<String, Peer>> {
    let mut known = remote_peers(settings)?;
    for (name, member) in members {
        known.insert((*name).to_owned(), Peer::Local(member.routes.clone()));
    }
    Ok(known)
}

/// Full names of the gRPC services that these services answer, for health; the empty name stands for the whole process.
fn grpc_services<'a>(services: impl Iterator<Item = &'a str>) -> Vec<String> {
    let pool = prost_reflect::DescriptorPool::decode(proto::DESCRIPTORS).unwrap_or_default();
    let packages: Vec<_> = services.map(|name| format!("aftercare.{}.v1", name.replace('-', "_"))).collect();
    let names = pool.services().filter(|service| packages.iter().any(|package| package == service.package_name()));
    names.map(|service| service.full_name().to_owned()).chain([String::new()]).collect()
}

async fn report(health: &HealthReporter, names: &[String], status: ServingStatus) {
    for name in names {
        health.set_service_status(name, status).await;
    }
}

/// Says every two seconds by gRPC what `/readyz` says by HTTP, and at once that stopping began.
async fn watch_readiness(readiness: Readiness, health: HealthReporter, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let ready = readiness.missing().await.is_empty() && !stopping.is_cancelled();
        let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        health.set_service_status(READINESS, status).await;
        tokio::select! {
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(WATCH) => {}
        }
    }
    health.set_service_status(READINESS, ServingStatus::NotServing).await;
}

/// What is left to do when stopping begins.
struct Ending {
    life: Lifecycle,
    readiness: Readiness,
    health: HealthReporter,
    names: Vec<String>,
    serving: JoinSet<anyhow::Result<()>>,
    databases: Vec<Db>,
    answering: JoinHandle<anyhow::Result<()>>,
    watching: JoinHandle<()>,
}

impl Ending {
    async fn run(mut self) -> anyhow::Result<()> {
        let stopping = self.life.stopping();
        let mut failure = None;
        loop {
            tokio::select! {
                () = stopping.cancelled() => break,
                Some(ended) = self.serving.join_next() => {
                    // A port that closes before it was told to is a failure, with or without a reason.
                    failure = Some(match ended {
                        Ok(Ok(())) => anyhow::anyhow!("a port closed by itself"),
                        Ok(Err(error)) => error,
                        Err(error) => error.into(),
                    });
                    self.life.stop();
                }
            }
        }
        self.readiness.close();
        // It ends by itself, having said that the process is not ready any more.
        let _ = self.watching.await;
        report(&self.health, &self.names, ServingStatus::NotServing).await;
        while let Some(ended) = self.serving.join_next().await {
            if let Err(error) = ended.map_err(anyhow::Error::from).and_then(|served| served) {
                failure.get_or_insert(error);
            }
        }
        self.life.end_workers().await;
        for db in self.databases {
            let _ = tokio::time::timeout(CLOSE, db.close()).await;
        }
        self.answering.abort();
        tracing::info!("stopped");
        match failure {
            Some(error) => Err(error),
            None if self.life.failed() => bail!("a worker ended that must not end; the log says which"),
            None => Ok(()),
        }
    }
}

/// A running process.
#[derive(Debug)]
pub struct Running {
    /// Where each port really is.
    pub addresses: BTreeMap<String, SocketAddr>,
    /// Where probes and metrics really are.
    pub admin: SocketAddr,
    life: Lifecycle,
    ended: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// Its life.
    #[must_use]
    pub fn life(&self) -> &Lifecycle {
        &self.life
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// When something ended that must not end by itself.
    pub async fn wait(self) -> anyhow::Result<()> {
        self.ended.await?
    }

    /// Stops it and waits for its end.
    ///
    /// # Errors
    ///
    /// As [`Running::wait`].
    pub async fn stop(self) -> anyhow::Result<()> {
        self.life.stop();
        self.wait().await
    }
}
