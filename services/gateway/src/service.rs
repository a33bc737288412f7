//! The gateway's own state (who may come in, what left for the outside, files, audit) as a service like the others:
//! its own database, outbox, inbox and timers. The door before it forwards to it as to any other.

use std::sync::Arc;

use common::{
    error::Reason,
    service::{Core, Definition, Service},
};

use crate::{
    Config, consumers,
    contract::Contract,
    error,
    exchange::Exchange,
    feed::Hub,
    files::Files,
    identity::Authority,
    notifications::Notifications,
    report::Reports,
    store,
    webhooks::{guard, sender::Sender},
    workers,
};

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
    /// Who comes in.
    pub(crate) authority: Authority,
    /// Groups of RPCs that a partner's program can be given.
    pub(crate) scopes: Arc<[String]>,
    /// Sends webhooks.
    pub(crate) sender: Sender,
    /// Sends notifications.
    pub(crate) notifications: Notifications,
    /// Writes service reports.
    pub(crate) reports: Reports,
}

impl Context {
    pub(crate) fn new(config: Config, core: Core) -> anyhow::Result<Self> {
        Self::with(config, core, Arc::new(guard::System))
    }

    /// As [`Context::new`], with names looked up another way.
    pub(crate) fn with(config: Config, core: Core, names: Arc<dyn guard::Resolve>) -> anyhow::Result<Self> {
        config.webhooks.check(true)?;
        let sender = Sender::new(&config.webhooks, names)?;
        let notifications = Notifications::new(&config.notifications)?;
        let reports = Reports::new(&config.notifications.time_zone)?;
        let files = Files::open(&core, &config.files)?;
        let authority = Authority::new(core.clone(), config.identity())?;
        let scopes = Contract::read(proto::DESCRIPTORS)?.partner_scopes().into();
        Ok(Self {
            core,
            config: Arc::new(config),
            exchange: Exchange::new()?,
            hub: Hub::default(),
            files,
            authority,
            scopes,
            sender,
            notifications,
            reports,
        })
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
        let sweeping = crate::identity::upkeep::worker(ctx.authority.clone());
        Ok(Service {
            core: ctx.core.clone(),
            routes: crate::rpc::routes(&ctx),
            subscriptions: consumers::subscriptions(&ctx),
            timers: workers::timers(&ctx),
            workers: workers::workers(&ctx).into_iter().chain([audit, files, sweeping]).collect(),
        })
    }
}
