//! The parts-inventory service: catalogue, locations, the stock ledger, reservations, supplementary orders, returned
//! goods and old parts.

use std::time::Duration;

use common::service::{Command, Core, Definition, Service};
use serde::Deserialize;

mod consumers;
mod convert;
pub mod domain;
pub mod error;
mod personal;
mod rpc;
pub mod store;
mod workers;

pub use store::check::{Report, check_ledger};

/// What this service can be told. The comments stand in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Promises.
    pub reservations: Reservations,
    /// Old parts.
    pub old_parts: OldParts,
    /// Who approves up to what.
    pub approvals: Approvals,
    /// Goods that come back.
    pub returns: Returns,
}

/// Promises.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reservations {
    /// How long one lasts.
    #[serde(with = "common::config::duration")]
    pub lasts: Duration,
}

/// Old parts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldParts {
    /// By when one is brought back.
    #[serde(with = "common::config::duration")]
    pub due_in: Duration,
    /// With so many past due, no more parts by hand.
    pub limit: u64,
}

/// Who approves supplementary orders up to what, in minor units.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approvals {
    /// A supervisor.
    pub supervisor_limit: i64,
    /// A manager.
    pub manager_limit: i64,
}

/// Goods that come back.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Returns {
    /// For the money.
    #[serde(with = "common::config::duration")]
    pub refund_window: Duration,
    /// For another one.
    #[serde(with = "common::config::duration")]
    pub exchange_window: Duration,
}

/// What every RPC, consumer and timer of this service shares.
#[derive(Clone, Debug)]
pub struct Context {
    /// The plumbing.
    pub core: Core,
    /// The configuration.
    pub config: Config,
}

/// The service, as the plumbing starts it.
#[derive(Clone, Copy, Debug)]
pub struct PartsInventory;

impl Definition for PartsInventory {
    const NAME: &'static str = "parts-inventory";
    const DEFAULTS: &'static str = include_str!("../config/default.toml");
    const MESSAGES: (&'static str, &'static str) =
        (include_str!("../messages/en.toml"), include_str!("../messages/zh-CN.toml"));
    const REASONS: &'static [common::error::Reason] = error::ALL;
    const PERSONAL: &'static [common::privacy::Place] = personal::PLACES;
    type Config = Config;
    type Migrator = store::migration::Migrator;

    fn build(config: Config, core: Core) -> anyhow::Result<Service> {
        let limits = &config.approvals;
        anyhow::ensure!(
            0 <= limits.supervisor_limit && limits.supervisor_limit <= limits.manager_limit,
            "approvals: 0 <= supervisor_limit <= manager_limit"
        );
        anyhow::ensure!(!config.reservations.lasts.is_zero(), "reservations.lasts must be longer than nothing");
        let context = Context { core: core.clone(), config };
        Ok(Service {
            core,
            routes: rpc::routes(&context),
            subscriptions: consumers::subscriptions(&context),
            timers: workers::timers(&context),
            workers: Vec::new(),
        })
    }

    fn commands() -> Vec<Command> {
        vec![Command {
            name: "check-ledger",
            about: "Proves that balances, ledger and reservations agree; ends with failure when they do not",
            run: |core| {
                Box::pin(async move {
                    let report = check_ledger(&core).await?;
                    anyhow::ensure!(report.findings.is_empty(), "{report}");
                    Ok(report.to_string())
                })
            },
        }]
    }
}
