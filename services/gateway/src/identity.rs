//! Who comes in: proofs are checked here, sessions opened, and every call's credentials turned into an actor.

pub(crate) mod admin;
pub(crate) mod caller;
pub(crate) mod clients;
pub(crate) mod config;
pub(crate) mod keys;
pub(crate) mod oauth;
pub(crate) mod oidc;
pub(crate) mod passwords;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod tokens;
pub(crate) mod units;
pub(crate) mod upkeep;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
use common::service::Core;

use crate::{door::Door, surface::call};

use self::{
    caller::Callers, clients::Quotas, config::Config, keys::Keys, oidc::provider::Providers, passwords::Passwords,
    units::Units,
};

/// All that knows who somebody is; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Authority(Arc<Parts>);

/// The parts of it.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) core: Core,
    pub(crate) config: Config,
    pub(crate) keys: Keys,
    pub(crate) passwords: Passwords,
    pub(crate) units: Units,
    pub(crate) callers: Callers,
    pub(crate) quotas: Quotas,
    pub(crate) providers: Providers,
}

impl std::ops::Deref for Authority {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Authority {
    /// An authority over the gateway's own database.
    ///
    /// # Errors
    ///
    /// When the configuration makes no sense.
    pub(crate) fn new(core: Core, config: Config) -> anyhow::Result<Self> {
        config.check()?;
        let keys = Keys::new(core.clone(), &config);
        let passwords = Passwords::new(&config.passwords)?;
        let units = Units::new(core.clone());
        let callers = Callers::default();
        let providers = Providers::new(&config.sign_in.providers, &core.clock)?;
        let quotas = Quotas::default();
        Ok(Self(Arc::new(Parts { core, config, keys, passwords, units, callers, quotas, providers })))
    }
}

/// A duration of the configuration as one of the calendar.
pub(crate) fn span(duration: Duration) -> chrono::Duration {
    chrono::Duration::from_std(duration).unwrap_or(chrono::Duration::MAX)
}

/// The paths of signing in that are no RPC. Nobody begins or ends anything by asking for a head.
pub(crate) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/oauth/token", post(oauth::token))
        .route("/t/{token}", get(crate::calendar_file::file))
        .route("/v1/sign-in/oidc/{provider}", get(oidc::web::depart).head(call).fallback(call))
        .route("/v1/sign-in/oidc/{provider}/callback", get(oidc::web::arrive).head(call).fallback(call))
}
