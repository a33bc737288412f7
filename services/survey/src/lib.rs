//! The survey service: asks customers whether they are content, and sees to it that somebody answers the unhappy.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use common::{
    calendar::{Calendar, CalendarData, Hours, SpecialDays},
    config::Secret,
    error::{Reason, Result},
    service::{Core, Definition, Service},
};
use proto::aftercare::survey::v1::survey_service_server::SurveyServiceServer;

pub mod channel;
pub mod config;
mod consumers;
mod convert;
pub mod domain;
pub mod error;
mod events;
mod personal;
mod rpc;
mod store;
mod workers;

pub use config::Config;

use crate::{
    channel::{Channel, Messages},
    domain::{
        local::Zone,
        occasion::{Policy, Trigger},
        rest::RestHours,
        script::Script,
        tag::{Tagger, WordTagger},
        token::LinkKeys,
    },
};

/// What every part of the service needs; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) core: Core,
    pub(crate) config: Arc<Config>,
    pub(crate) rules: Arc<Rules>,
}

/// The configured and embedded data, read once.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) rest: RestHours,
    pub(crate) working_days: Calendar,
    pub(crate) keys: LinkKeys,
    pub(crate) tagger: Box<dyn Tagger>,
    pub(crate) script: Script,
    pub(crate) messages: Messages,
    pub(crate) channel: Channel,
}

impl Context {
    fn new(config: Config, core: Core) -> anyhow::Result<Self> {
        config.check()?;
        let keys = config.link.keys.iter().map(|key| key.expose().as_bytes().to_vec()).collect();
        let rules = Rules {
            rest: RestHours::new(Zone::named(&config.hours.time_zone)?, &config.hours.rest)?,
            working_days: working_days(&config.hours.time_zone)?,
            keys: LinkKeys::new(keys)?,
            tagger: Box::new(WordTagger::read(include_str!("../data/tags.toml"))?),
            script: Script::read(include_str!("../data/script.toml"))?,
            messages: Messages::read(include_str!("../data/texts.toml"))?,
            channel: Channel::folder(&config.channel.folder),
        };
        if config.link.keys.iter().map(Secret::expose).any(|key| key.starts_with("development-only")) {
            tracing::warn!("links are signed with the development key: set link.keys before customers see one");
        }
        Ok(Self { core, config: Arc::new(config), rules: Arc::new(rules) })
    }

    /// How customers are asked about this.
    pub(crate) fn policy(&self, trigger: Trigger) -> &Policy {
        self.config.triggers.policy(trigger)
    }

    /// So many working days later, at the same time of day.
    pub(crate) fn add_working_days(&self, from: DateTime<Utc>, days: u32) -> Result<DateTime<Utc>> {
        let calendar = &self.rules.working_days;
        let date = calendar.date_of(from);
        let later = calendar.add_working_days(date, i32::try_from(days).unwrap_or(i32::MAX));
        Ok(from + (later - date))
    }
}

/// Monday to Friday, with China's holidays and make-up working days.
fn working_days(time_zone: &str) -> anyhow::Result<Calendar> {
    use chrono::Weekday::{Fri, Mon, Thu, Tue, Wed};
    let week = Hours { days: vec![Mon, Tue, Wed, Thu, Fri], open: "09:00".to_owned(), close: "18:00".to_owned() };
    Ok(Calendar::try_from(CalendarData {
        version: "survey-1".to_owned(),
        time_zone: time_zone.to_owned(),
        hours: vec![week],
        makeup_hours: Vec::new(),
        special_days: SpecialDays::china()?,
    })?)
}

/// The service.
#[derive(Debug)]
pub struct Survey;

impl Definition for Survey {
    const NAME: &'static str = "survey";
    const DEFAULTS: &'static str = include_str!("../config/default.toml");
    const MESSAGES: (&'static str, &'static str) =
        (include_str!("../messages/en.toml"), include_str!("../messages/zh-CN.toml"));
    const REASONS: &'static [Reason] = error::ALL;
    const PERSONAL: &'static [common::privacy::Place] = personal::PLACES;
    type Config = Config;
    type Migrator = store::Migrator;

    fn build(config: Config, core: Core) -> anyhow::Result<Service> {
        let ctx = Context::new(config, core)?;
        Ok(Service {
            core: ctx.core.clone(),
            routes: tonic::service::Routes::new(SurveyServiceServer::new(rpc::Api(ctx.clone()))),
            subscriptions: consumers::subscriptions(&ctx),
            timers: workers::timers(&ctx),
            workers: workers::workers(&ctx),
        })
    }
}
