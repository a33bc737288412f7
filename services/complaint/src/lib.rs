//! The complaint service: complaints from receipt to archive, responsibility, solutions, corrective actions, regulator's
//! cases. Its configuration, and how it is built.

mod consumers;
mod convert;
mod domain;
mod error;
mod personal;
mod rpc;
mod store;
mod workers;

use std::{sync::Arc, time::Duration};

use chrono::Weekday;
use common::{
    calendar::{Calendar, CalendarData, Hours, SpecialDays},
    config::duration,
    error::Reason,
    service::{Core, Definition, Service},
};
use proto::aftercare::complaint::v1::complaint_service_server::ComplaintServiceServer;
use serde::Deserialize;

use crate::domain::{
    policy::{Policy, RoleLimits},
    reasons::Reasons,
};

/// The embedded tree of reasons.
const REASON_TREE: &str = include_str!("../data/reasons.toml");
/// Version of the working-day calendar that regulator's clocks are computed with.
const CALENDAR_VERSION: &str = "cn-2022-2026";

/// The service's own configuration. The comments of the keys stand in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    acknowledge: Acknowledge,
    resolution: Resolution,
    implementation: Implementation,
    follow_up: FollowUp,
    escalation: Escalation,
    approval: Approval,
    compensation: Compensation,
    burden_of_proof: BurdenOfProof,
    corrective: Corrective,
    regulator: Regulator,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledge {
    #[serde(with = "duration")]
    usual: Duration,
    #[serde(with = "duration")]
    crisis: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolution {
    #[serde(with = "duration")]
    minor: Duration,
    #[serde(with = "duration")]
    normal: Duration,
    #[serde(with = "duration")]
    major: Duration,
    #[serde(with = "duration")]
    crisis: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Implementation {
    #[serde(with = "duration")]
    due: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FollowUp {
    #[serde(with = "duration")]
    due: Duration,
    tries: usize,
    #[serde(with = "duration")]
    gap: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Escalation {
    #[serde(with = "duration")]
    interval: Duration,
    recipients: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    currency: String,
    cost: Limits,
    compensation: Limits,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    supervisor: i64,
    quality: i64,
    manager: i64,
    admin: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Compensation {
    monthly_budget: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BurdenOfProof {
    months: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Corrective {
    #[serde(with = "duration")]
    effect_check: Duration,
    repeated: u64,
    #[serde(with = "duration")]
    within: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Regulator {
    accept_days: i32,
    mediation_days: i32,
    notice_days: i32,
    time_zone: String,
}

/// The authority's clocks.
#[derive(Clone, Debug)]
pub(crate) struct Clocks {
    /// Working days until the authority decides whether it takes the case.
    pub(crate) accept_days: i32,
    /// Working days of mediation.
    pub(crate) mediation_days: i32,
    /// Working days until the notice.
    pub(crate) notice_days: i32,
    /// Which days are worked.
    pub(crate) calendar: Calendar,
}

impl Clocks {
    /// The end of the `days`-th working day after the day of `from`.
    pub(crate) fn due(&self, from: chrono::DateTime<chrono::Utc>, days: i32) -> chrono::DateTime<chrono::Utc> {
        let calendar = &self.calendar;
        calendar.end_of(calendar.add_working_days(calendar.date_of(from), days))
    }
}

/// What every RPC, consumer and timer of this service shares; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The plumbing.
    pub(crate) core: Core,
    /// The numbers that the rules work with.
    pub(crate) policy: Arc<Policy>,
    /// The tree of reasons.
    pub(crate) reasons: Arc<Reasons>,
    /// The authority's clocks.
    pub(crate) clocks: Arc<Clocks>,
}

impl Context {
    /// Checks the configuration and makes the context of it.
    ///
    /// # Errors
    ///
    /// When the configuration makes no sense.
    pub(crate) fn new(config: &Config, core: Core) -> anyhow::Result<Self> {
        let reasons: Reasons = toml::from_str(REASON_TREE)?;
        let policy = Arc::new(policy(config)?);
        Ok(Self { core, policy, reasons: Arc::new(reasons), clocks: Arc::new(clocks(&config.regulator)?) })
    }
}

fn policy(config: &Config) -> anyhow::Result<Policy> {
    let time = chrono::Duration::from_std;
    let limits = |limits: &Limits| RoleLimits {
        supervisor: limits.supervisor,
        quality: limits.quality,
        manager: limits.manager,
        admin: limits.admin,
    };
    anyhow::ensure!(config.follow_up.tries > 0, "follow_up.tries must be 1 or more");
    anyhow::ensure!(config.corrective.repeated > 1, "corrective.repeated must be 2 or more");
    anyhow::ensure!(!config.escalation.interval.is_zero(), "escalation.interval must be above 0");
    let currency = &config.approval.currency;
    anyhow::ensure!(
        currency.len() == 3 && currency.bytes().all(|letter| letter.is_ascii_uppercase()),
        "approval.currency must be three capital letters"
    );
    let resolution = &config.resolution;
    Ok(Policy {
        acknowledge: time(config.acknowledge.usual)?,
        acknowledge_crisis: time(config.acknowledge.crisis)?,
        resolution: [
            time(resolution.minor)?,
            time(resolution.normal)?,
            time(resolution.major)?,
            time(resolution.crisis)?,
        ],
        implementation: time(config.implementation.due)?,
        follow_up: time(config.follow_up.due)?,
        follow_up_tries: config.follow_up.tries,
        follow_up_gap: time(config.follow_up.gap)?,
        escalation_interval: time(config.escalation.interval)?,
        recipients: config.escalation.recipients.clone(),
        currency: currency.clone(),
        approval: limits(&config.approval.cost),
        compensation: limits(&config.approval.compensation),
        compensation_budget: config.compensation.monthly_budget,
        presumption_months: config.burden_of_proof.months,
        effect_check: time(config.corrective.effect_check)?,
        repeated_cause: config.corrective.repeated,
        repeated_within: time(config.corrective.within)?,
    })
}

fn clocks(config: &Regulator) -> anyhow::Result<Clocks> {
    for days in [config.accept_days, config.mediation_days, config.notice_days] {
        anyhow::ensure!(days > 0, "the days in [regulator] must be 1 or more");
    }
    let days = vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
    let calendar = Calendar::try_from(CalendarData {
        version: CALENDAR_VERSION.to_owned(),
        time_zone: config.time_zone.clone(),
        hours: vec![Hours { days, open: "09:00".to_owned(), close: "18:00".to_owned() }],
        makeup_hours: Vec::new(),
        special_days: SpecialDays::china()?,
    })?;
    Ok(Clocks {
        accept_days: config.accept_days,
        mediation_days: config.mediation_days,
        notice_days: config.notice_days,
        calendar,
    })
}

/// The complaint service.
#[derive(Debug)]
pub struct Complaint;

impl Definition for Complaint {
    const NAME: &'static str = "complaint";
    const DEFAULTS: &'static str = include_str!("../config/default.toml");
    const MESSAGES: (&'static str, &'static str) =
        (include_str!("../messages/en.toml"), include_str!("../messages/zh-CN.toml"));
    const REASONS: &'static [Reason] = error::ALL;
    const PERSONAL: &'static [common::privacy::Place] = personal::PLACES;
    type Config = Config;
    type Migrator = store::Migrator;

    fn build(config: Config, core: Core) -> anyhow::Result<Service> {
        let context = Context::new(&config, core.clone())?;
        let mut routes = tonic::service::Routes::builder();
        routes.add_service(ComplaintServiceServer::new(rpc::Api(context.clone())));
        Ok(Service {
            core,
            routes: routes.routes(),
            subscriptions: consumers::subscriptions(&context),
            timers: workers::timers(&context),
            workers: Vec::new(),
        })
    }
}
