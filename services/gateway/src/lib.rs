//! The only public door. It holds no domain rule: REST/JSON, gRPC and gRPC-Web for every public RPC on one port, all of
//! it out of the descriptors of the contract.

mod audit;
mod calendar_file;
mod consumers;
mod contract;
mod convert;
mod docs;
mod domain;
mod door;
mod entrance;
pub mod error;
mod exchange;
mod feed;
mod files;
mod grpc;
mod identity;
mod linked_page;
mod links;
mod notifications;
mod openapi;
mod passage;
mod peer;
mod protection;
mod report;
mod rest;
mod rpc;
pub mod run;
pub mod run_admin;
mod service;
mod store;
mod surface;
mod timeline;
mod upstream;
mod webhooks;
mod workers;

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use common::{
    auth::Identity,
    catalog::Catalog,
    clock::Clock,
    config::{Environment, Settings, duration},
    error::Reason,
    id::Ids,
    lifecycle::Protocols,
    rates::Rates,
    run::Host,
    service::Core,
};
use proto::aftercare::gateway::v1::timeline_service_server::TimelineServiceServer;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::server::HealthService;

use self::{
    audit::Buffer,
    contract::Contract,
    door::Door,
    entrance::Entrance,
    files::Files,
    protection::{Protection, classes::Plans, overload::Overload},
    rest::table::Table,
    timeline::Timeline,
    upstream::Upstreams,
};
pub use self::{
    audit::{AuditConfig, verify as verify_audit},
    feed::KINDS,
    files::FilesConfig,
    identity::admin::{Admin, Hashed, NewAccount},
    identity::config::{Lockout, PasswordRules, SignIn},
    notifications::{HttpConfig, NotificationConfig, SmtpConfig},
    protection::{
        overload::OverloadSettings,
        rates::{Limits as CallLimits, RateSettings},
    },
    service::Gateway,
    upstream::Upstream,
    webhooks::WebhookConfig,
};

/// The gateway's name.
pub const NAME: &str = "gateway";
/// The commented defaults of its own configuration.
pub const DEFAULTS: &str = include_str!("../config/default.toml");
/// Texts of its reasons: English, Chinese.
pub const MESSAGES: (&str, &str) = (include_str!("../messages/en.toml"), include_str!("../messages/zh-CN.toml"));

/// The gateway's own configuration. The comments of the keys stand in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Bytes of a body, or of a gRPC message, at the most.
    pub body_limit: usize,
    /// Time for a body to arrive.
    #[serde(with = "duration")]
    pub body_timeout: Duration,
    /// The longest life of a stream; its client resumes.
    #[serde(with = "duration")]
    pub longest_stream: Duration,
    /// Web origins that may call from a browser.
    pub cors_origins: Vec<String>,
    /// The audit trail.
    pub audit: AuditConfig,
    /// Exports and imports.
    pub exchange: exchange::Settings,
    /// Personal data.
    pub privacy: exchange::PrivacySettings,
    /// Files.
    pub files: FilesConfig,
    /// Sessions and tokens.
    pub sign_in: SignIn,
    /// What passwords must be, and what hashing them costs.
    pub passwords: PasswordRules,
    /// What guessing costs.
    pub lockout: Lockout,
    /// Streams of changes.
    pub push: PushConfig,
    /// How often somebody may call.
    pub rates: RateSettings,
    /// How much is in work at once.
    pub overload: OverloadSettings,
    /// Webhooks.
    pub webhooks: WebhookConfig,
    /// Notifications.
    pub notifications: NotificationConfig,
}

impl Config {
    /// The settings of who comes in.
    fn identity(&self) -> identity::config::Config {
        let Self { sign_in, passwords, lockout, .. } = self.clone();
        identity::config::Config { sign_in, passwords, lockout }
    }
}

/// Streams of changes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushConfig {
    /// How often a replica with readers looks for new changes.
    #[serde(with = "duration")]
    pub poll: Duration,
    /// How often a silent stream shows that it lives.
    #[serde(with = "duration")]
    pub heartbeat: Duration,
    /// How long a stream lasts, about; its reader then resumes.
    #[serde(with = "duration")]
    pub life: Duration,
    /// Changes that wait for one reader at the most.
    pub buffer: usize,
    /// How long that many may wait before the reader is sent away.
    #[serde(with = "duration")]
    pub patience: Duration,
    /// Readers of one process at the most.
    pub readers: usize,
    /// How long changes are kept to be resumed from.
    #[serde(with = "duration")]
    pub kept: Duration,
}

/// The limits at the door.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) body_limit: usize,
    pub(crate) file_limit: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) longest_stream: Duration,
    pub(crate) deadline: Duration,
    pub(crate) longest_deadline: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) stream_recheck: Duration,
}

/// What the gateway is built from.
#[derive(Debug)]
pub struct Parts {
    /// What every service shares.
    pub settings: Settings,
    /// The gateway's own.
    pub config: Config,
    /// The services behind the door by their names, `parts_inventory`.
    pub upstreams: HashMap<String, Upstream>,
    /// The reasons and texts of the services, for the table of reasons.
    pub reasons: Vec<Reasons>,
    /// What the gateway's own service shares, when it is in this process.
    pub core: Option<Core>,
    /// What gRPC probes are told.
    pub health: HealthService,
    /// Cancelled when the process begins to stop.
    pub stopping: CancellationToken,
    /// The time.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
}

/// The reasons of one service with their texts.
pub type Reasons = (&'static str, &'static [Reason], Catalog);

/// Puts the door before the services of a process, [`Gateway`] among them, and opens its port. Services that are not in
/// the process are reached at their addresses in `[peers]`.
///
/// # Errors
///
/// When its configuration is wrong or its address is taken.
pub async fn add(host: &mut Host, reasons: Vec<Reasons>) -> anyhow::Result<SocketAddr> {
    let loaded = host.sources().load::<Config>(NAME, DEFAULTS)?;
    let mut upstreams = HashMap::new();
    for (name, address) in &loaded.settings.peers {
        upstreams.insert(name.replace('-', "_"), Upstream::remote(name, address)?);
    }
    for (name, routes) in host.routes() {
        upstreams.insert(name.replace('-', "_"), Upstream::Local(routes));
    }
    let listen = loaded.settings.listen;
    let core = host.core(NAME).cloned();
    let audit = core.as_ref().map(|core| Buffer::new(core, loaded.service.audit.buffer));
    if let Some(audit) = audit.clone() {
        host.life().spawn("gateway/audit of reads", |ending| audit.run(ending));
    }
    let parts = Parts {
        settings: loaded.settings,
        config: loaded.service,
        upstreams,
        reasons,
        core,
        health: host.health(),
        stopping: host.life().stopping(),
        clock: Clock::system(),
        ids: Ids::random(),
    };
    let routes = assemble(parts, audit).await?;
    let routes = match host.core(NAME) {
        // Beside the contract: files by addresses of their own.
        Some(core) => routes.into_axum_router().merge(exchange::download::routes(core.clone())).into(),
        None => routes,
    };
    host.port(NAME, listen, routes, Protocols::Http).await
}

/// Builds everything the gateway's port answers, over HTTP/1 and HTTP/2.
///
/// # Errors
///
/// When the contract has holes (two mappings of one path) or the configuration makes no sense.
pub async fn build(parts: Parts) -> anyhow::Result<Routes> {
    assemble(parts, None).await
}

/// As [`build`]; `audit` takes what reads and refusals leave behind.
async fn assemble(parts: Parts, audit: Option<Buffer>) -> anyhow::Result<Routes> {
    let Parts { settings, config, upstreams, mut reasons, core, health, stopping, clock, ids } = parts;
    let development = settings.environment == Environment::Development;
    config.webhooks.check(development)?;
    let entrance = Entrance::new(core.clone(), &config.identity(), development)?;
    let contract = Contract::read(proto::DESCRIPTORS)?;
    let table = Table::read(&contract.rpcs)?;
    let catalog = Arc::new(Catalog::load(MESSAGES.0, MESSAGES.1)?);
    let identity = Identity::of(&settings.identity)?;
    reasons.push(("every service", common::error::reason::ALL, Catalog::common()?));
    reasons.push((NAME, error::ALL, (*catalog).clone()));

    config.rates.check()?;
    let plans = Arc::new(Plans::read(&contract));
    let protection = Protection {
        limits: CallLimits::new(Rates::new(&settings.bus, clock.clone())?, config.rates),
        overload: Overload::new(config.overload, settings.limits.concurrent_calls, &plans),
    };
    let mut packages = upstreams;
    let services = Upstreams::new(packages.clone(), HashMap::new(), plans.clone());
    let timeline = Timeline::new(&contract, services, identity.clone(), catalog.clone())?;
    let own = match packages.remove(NAME) {
        Some(Upstream::Local(routes)) => routes,
        Some(Upstream::Remote(_)) | None => Routes::default(),
    };
    let own = own.add_service(TimelineServiceServer::new(timeline));
    packages.insert(NAME.to_owned(), Upstream::Local(own));
    let beside = surface::beside_contract(&contract, development, health)?;

    let files = core.as_ref().map(|core| Files::open(core, &config.files)).transpose()?;
    if let Some(files) = &files {
        files.storage.prepare()?;
    }
    let pages = surface::Pages::render(&contract, &table, &reasons);
    let door = Arc::new(Door {
        contract,
        table,
        upstreams: Upstreams::new(packages, beside, plans.clone()),
        catalog,
        identity,
        clock,
        ids,
        config: Limits {
            body_limit: config.body_limit,
            file_limit: config.exchange.file_limit,
            body_timeout: config.body_timeout,
            longest_stream: config.longest_stream,
            deadline: settings.limits.default_deadline,
            longest_deadline: settings.limits.longest_deadline,
            heartbeat: config.push.heartbeat,
            stream_recheck: config.sign_in.stream_recheck,
        },
        entrance,
        plans,
        protection,
        files,
        audit,
        stopping: stopping.clone(),
    });
    let cors = surface::cors(development, &config.cors_origins)?;
    Ok(surface::router(door, pages, stopping, cors).into())
}
