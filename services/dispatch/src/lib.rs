//! The dispatch service: service points, technicians and work orders.

mod consumers;
mod convert;
pub mod domain;
pub mod error;
mod personal;
mod rpc;
mod store;
mod workers;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use common::{
    config::duration,
    error::Reason,
    service::{Core, Definition, Service},
};
use proto::aftercare::dispatch::v1::dispatch_service_server::DispatchServiceServer;
use serde::Deserialize;

use crate::domain::{eligibility::Travel, job::JobCatalog, work_order::Policy};

/// What jobs need, by kind and category.
const JOBS: &str = include_str!("../data/jobs.toml");

/// Configuration of dispatch; the keys are explained in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    time_zone: String,
    offer: OfferConfig,
    contact: ContactConfig,
    escalation: EscalationConfig,
    travel: TravelConfig,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferConfig {
    #[serde(with = "duration")]
    timeout: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContactConfig {
    #[serde(with = "duration")]
    within: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EscalationConfig {
    #[serde(with = "duration")]
    interval: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TravelConfig {
    #[serde(with = "duration")]
    buffer: Duration,
    road_factor: f64,
    kmh: f64,
}

impl TravelConfig {
    fn speed(&self) -> Travel {
        let buffer_minutes = i64::try_from(self.buffer.as_secs() / 60).unwrap_or(24 * 60);
        Travel { buffer_minutes, road_factor: self.road_factor, kmh: self.kmh }
    }
}

/// What every RPC, consumer and timer of dispatch is given.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    core: Core,
    config: Arc<Config>,
    jobs: Arc<JobCatalog>,
    policy: Policy,
}

impl Context {
    /// Reads the embedded data and checks what the configuration says.
    fn new(config: Config, core: Core) -> anyhow::Result<Self> {
        let jobs: JobCatalog = toml::from_str(JOBS).context("data/jobs.toml")?;
        anyhow::ensure!(jobs.needs("", "").is_some(), "data/jobs.toml needs a line `*` for kinds and for categories");
        anyhow::ensure!(
            convert::zone::check(&config.time_zone, "").is_ok(),
            "time_zone {:?} is unknown",
            config.time_zone
        );
        anyhow::ensure!(
            config.travel.kmh > 0.0 && config.travel.road_factor >= 1.0,
            "travel: kmh and road_factor make no sense"
        );
        let policy = Policy {
            offer_timeout: chrono::Duration::from_std(config.offer.timeout)?,
            contact_within: chrono::Duration::from_std(config.contact.within)?,
            escalation_interval: chrono::Duration::from_std(config.escalation.interval)?,
        };
        Ok(Self { core, config: Arc::new(config), jobs: Arc::new(jobs), policy })
    }
}

/// The dispatch service.
#[derive(Debug)]
pub struct Dispatch;

impl Definition for Dispatch {
    const NAME: &'static str = "dispatch";
    const DEFAULTS: &'static str = include_str!("../config/default.toml");
    const MESSAGES: (&'static str, &'static str) =
        (include_str!("../messages/en.toml"), include_str!("../messages/zh-CN.toml"));
    const REASONS: &'static [Reason] = error::reason::ALL;
    const PERSONAL: &'static [common::privacy::Place] = personal::PLACES;
    type Config = Config;
    type Migrator = store::Migrator;

    fn build(config: Config, core: Core) -> anyhow::Result<Service> {
        let ctx = Context::new(config, core.clone())?;
        Ok(Service {
            core,
            routes: tonic::service::Routes::new(DispatchServiceServer::new(rpc::Api(ctx.clone()))),
            subscriptions: consumers::subscriptions(&ctx),
            timers: workers::timers(&ctx),
            workers: Vec::new(),
        })
    }
}
