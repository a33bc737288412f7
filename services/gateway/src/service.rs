//! The gateway's own state (who may come in, what left for the outside, files, audit) as a service like the others:
//! its own database, outbox, inbox and timers. The door before it forwards to it as to any other.

use std::sync::Arc;

use common::{
    error::Reason,
    service::{Core, Definition, Service},
};

use crate::{Config, consumers, error, exchange::Exchange, feed::Hub, files::Files, store, workers};

/// What every part of the gateway's own service needs; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) core: Core,
    pub(crate) config: Arc<Config>,
    pub(crate) exchange: Exchange,
    /// The newest changes, for push streams.
    pub(crate) hub: Hub,
    /// Files and where they are.
    pub(crate) files: Files,
}

impl Context {
    pub(crate) fn new(config: Config, core: Core) -> anyhow::Result<Self> {
        let files = Files::open(&core, &config.files)?;
        Ok(Self { core, config: Arc::new(config), exchange: Exchange::new()?, hub: Hub::default(), files })
    }
}

/// The gateway's own service.
#[derive(Debug)]
pub struct Gateway;

impl Definition for Gateway {
    const NAME: &'static str = crate::NAME;
    const DEFAULTS: &'static str = crate::DEFAULTS;
    const MESSAGES: (&'static str, &'static str) = crate::MESSAGES;
    const REASONS: &'static [Reason] = error::ALL;
    type Config = Config;
    type Migrator = store::Migrator;

    fn build(config: Config, core: Core) -> anyhow::Result<Service> {
        config.audit.check()?;
        let audit = crate::audit::worker(&core, &config.audit);
        let ctx = Context::new(config, core)?;
        let files = crate::files::sweep::worker(&ctx.files);
        Ok(Service {
            core: ctx.core.clone(),
            routes: crate::rpc::routes(&ctx),
            subscriptions: consumers::subscriptions(&ctx),
            timers: workers::timers(&ctx),
            workers: workers::workers(&ctx).into_iter().chain([audit, files]).collect(),
        })
    }
}
