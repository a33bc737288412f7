//! The dispatch service: service points, technicians and work orders.

mod consumers;
mod convert;
pub mod domain;
pub mod error;
mod personal;
mod planning;
mod rpc;
mod store;
mod travel;
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
use tokio::sync::Semaphore;

use crate::{
    domain::{job::JobCatalog, plan::Weights, travel::Roads, work_order::Policy},
    planning::load::Pictures,
    travel::Ways,
};

/// What jobs need, by kind and category.
const JOBS: &str = include_str!("../data/jobs.toml");
/// How fast roads are, by region and hour.
const ROADS: &str = include_str!("../data/travel.toml");

/// Configuration of dispatch; the keys are explained in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    time_zone: String,
    offer: OfferConfig,
    contact: ContactConfig,
    escalation: EscalationConfig,
    travel: TravelConfig,
    slots: SlotConfig,
    plan: PlanConfig,
    durations: DurationConfig,
    board: BoardConfig,
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
    provider: travel::Provider,
    url: String,
    #[serde(with = "duration")]
    timeout: Duration,
    #[serde(with = "duration")]
    kept: Duration,
    most_kept: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlotConfig {
    window_minutes: u32,
    first_minute: u32,
    last_minute: u32,
    days: i32,
    #[serde(with = "duration")]
    lead: Duration,
    #[serde(with = "duration")]
    hold: Duration,
    #[serde(with = "duration")]
    booked: Duration,
    wish: i64,
    #[serde(with = "duration")]
    age: Duration,
}

impl SlotConfig {
    fn window(&self) -> chrono::Duration {
        chrono::Duration::minutes(i64::from(self.window_minutes))
    }

    fn check(&self) -> anyhow::Result<()> {
        let day = self.first_minute + self.window_minutes <= self.last_minute && self.last_minute <= 24 * 60;
        anyhow::ensure!(day && self.window_minutes > 0, "slots: no window fits into the day");
        anyhow::ensure!((1..=31).contains(&self.days), "slots: days must be 1 to 31");
        Ok(())
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanConfig {
    days: i32,
    seconds: i32,
    repair_seconds: i32,
    at_a_time: usize,
    threads: usize,
    outdated_percent: usize,
    weights: Weights,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DurationConfig {
    floor: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BoardConfig {
    #[serde(with = "duration")]
    position_kept: Duration,
    #[serde(with = "duration")]
    forecast: Duration,
}

/// What every RPC, consumer and timer of dispatch is given.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    core: Core,
    config: Arc<Config>,
    jobs: Arc<JobCatalog>,
    policy: Policy,
    ways: Ways,
    pictures: Arc<Pictures>,
    /// So many plans are computed at a time.
    planners: Arc<Semaphore>,
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
        config.slots.check()?;
        let roads: Roads = toml::from_str(ROADS).context("data/travel.toml")?;
        roads.check().map_err(|fault| anyhow::anyhow!("data/travel.toml: {fault}"))?;
        let ways = Ways::new(roads, &config.travel)?;
        let planners = Arc::new(Semaphore::new(config.plan.at_a_time.max(1)));
        let pictures = Arc::new(Pictures::new(config.slots.age, &config.time_zone));
        let policy = Policy {
            offer_timeout: chrono::Duration::from_std(config.offer.timeout)?,
            contact_within: chrono::Duration::from_std(config.contact.within)?,
            escalation_interval: chrono::Duration::from_std(config.escalation.interval)?,
        };
        Ok(Self { core, config: Arc::new(config), jobs: Arc::new(jobs), policy, ways, pictures, planners })
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
            workers: workers::workers(&ctx),
        })
    }
}
