//! Intake: customers, registered products and their warranty, service requests with their deadlines, contacts and
//! promises, approvals and quotes, knowledge articles.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use common::{
    error::Reason,
    service::{Core, Definition, Service},
};
use proto::aftercare::intake::v1::intake_service_server::IntakeServiceServer;
use tonic::service::Routes;

pub mod config;
mod consumers;
mod convert;
mod coverage;
pub mod domain;
pub mod error;
mod event;
mod personal;
mod phone;
mod register;
mod rpc;
mod store;
mod workers;

pub use config::{Config, RuleBook};

/// The warranty rules built in.
pub const WARRANTY_RULES: &str = include_str!("../data/warranty.toml");
/// The SLA policies built in.
pub const SLA_POLICIES: &str = include_str!("../data/sla.toml");
/// The safety scripts built in.
pub const SAFETY_SCRIPTS: &str = include_str!("../data/safety.toml");

/// What every handler is given.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Database, clock, ids.
    pub(crate) core: Core,
    /// The rules.
    pub(crate) rules: Arc<RuleBook>,
}

impl Context {
    /// The deadlines of a request at `now`.
    pub(crate) fn deadlines(
        &self,
        request: &domain::request::ServiceRequest,
        now: DateTime<Utc>,
    ) -> Vec<domain::sla::Deadline> {
        domain::sla::deadlines(&request.log, &self.rules.policies, &self.rules.hours, now)
    }
}

/// The intake service.
#[derive(Debug)]
pub struct Intake;

impl Definition for Intake {
    const NAME: &'static str = "intake";
    const DEFAULTS: &'static str = include_str!("../config/default.toml");
    const MESSAGES: (&'static str, &'static str) =
        (include_str!("../messages/en.toml"), include_str!("../messages/zh-CN.toml"));
    const REASONS: &'static [Reason] = error::ALL;
    const PERSONAL: &'static [common::privacy::Place] = personal::PLACES;
    type Config = Config;
    type Migrator = store::Migrator;

    fn build(config: Config, core: Core) -> anyhow::Result<Service> {
        let context = Context { core: core.clone(), rules: Arc::new(RuleBook::read(config)?) };
        Ok(Service {
            core,
            subscriptions: consumers::subscriptions(&context),
            timers: workers::timers(&context),
            workers: workers::workers(&context),
            routes: Routes::new(IntakeServiceServer::new(rpc::Api(context))),
        })
    }
}
