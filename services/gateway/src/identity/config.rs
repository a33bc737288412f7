//! The settings of signing in. The comments of the keys stand in `config/default.toml`.

use std::{collections::BTreeMap, time::Duration};

use common::config::duration;
use serde::Deserialize;

use crate::domain::identity::lockout::Terms;

use super::{
    oidc::config::{self as oidc, ProviderConfig},
    span,
};

/// All of them.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Sessions and tokens.
    pub sign_in: SignIn,
    /// What passwords must be, and what hashing them costs.
    pub passwords: PasswordRules,
    /// What guessing costs.
    pub lockout: Lockout,
}

/// Sessions and tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// Whether a development installation believes the headers `x-aftercare-user`, `-role`, `-org-unit`.
    pub development_headers: bool,
    /// Life of an access token.
    #[serde(with = "duration")]
    pub access_life: Duration,
    /// Life of a session that is refreshed.
    #[serde(with = "duration")]
    pub session_life: Duration,
    /// Life of a session that is not refreshed.
    #[serde(with = "duration")]
    pub idle_life: Duration,
    /// How long a refresh token may be repeated by a client that lost the answer.
    #[serde(with = "duration")]
    pub refresh_grace: Duration,
    /// How long the gateway rests on what it knows of a session or a client.
    #[serde(with = "duration")]
    pub recheck: Duration,
    /// Life of what stands between two steps of a sign-in.
    #[serde(with = "duration")]
    pub step_life: Duration,
    /// Name that authenticator apps show.
    pub issuer: String,
    /// How often the caller of an open stream is looked at again.
    #[serde(with = "duration")]
    pub stream_recheck: Duration,
    /// Where browsers reach the gateway: providers of identities send them back there.
    pub public_url: String,
    /// Pages that may be signed in to; the first is meant when none is named.
    pub pages: Vec<String>,
    /// Providers of identities.
    pub providers: BTreeMap<String, ProviderConfig>,
}

/// What passwords must be, and what hashing them costs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordRules {
    /// Characters at the least.
    pub least_length: usize,
    /// Memory of one hash.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// Hashes in work at once.
    pub at_once: usize,
}

/// What guessing costs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lockout {
    /// Failures of one account that cost nothing.
    pub account_free: i32,
    /// Failures of one address that cost nothing.
    pub address_free: i32,
    /// The first wait.
    #[serde(with = "duration")]
    pub first_wait: Duration,
    /// The longest wait.
    #[serde(with = "duration")]
    pub longest_wait: Duration,
    /// After so long without a failure all is forgotten.
    #[serde(with = "duration")]
    pub forgotten: Duration,
}

impl Lockout {
    /// The terms of an account.
    pub(crate) fn of_account(&self) -> Terms {
        self.terms(self.account_free)
    }

    /// The terms of an address.
    pub(crate) fn of_address(&self) -> Terms {
        self.terms(self.address_free)
    }

    fn terms(&self, free: i32) -> Terms {
        Terms { free, first: span(self.first_wait), longest: span(self.longest_wait), forgotten: span(self.forgotten) }
    }
}

impl Config {
    /// Refuses what only a development installation may do.
    ///
    /// # Errors
    ///
    /// Names the key.
    pub(crate) fn check_environment(&self, development: bool) -> anyhow::Result<()> {
        let sign_in = &self.sign_in;
        anyhow::ensure!(
            development || !sign_in.development_headers,
            "sign_in.development_headers must be false when environment is production"
        );
        oidc::check_transport(&sign_in.providers, &sign_in.public_url, development)
    }

    /// Refuses settings that would leave the door open.
    ///
    /// # Errors
    ///
    /// Names the key.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let minute = Duration::from_secs(60);
        let sign_in = &self.sign_in;
        anyhow::ensure!(
            (minute..=60 * minute).contains(&sign_in.access_life),
            "sign_in.access_life must be between 1m and 1h"
        );
        anyhow::ensure!(sign_in.recheck <= minute, "sign_in.recheck must be 60s or less");
        anyhow::ensure!(
            !sign_in.stream_recheck.is_zero() && sign_in.stream_recheck <= minute,
            "sign_in.stream_recheck must be above 0 and 60s or less"
        );
        anyhow::ensure!(sign_in.refresh_grace <= minute, "sign_in.refresh_grace must be 60s or less");
        anyhow::ensure!(
            sign_in.idle_life >= sign_in.access_life && sign_in.session_life >= sign_in.idle_life,
            "sign_in: access_life <= idle_life <= session_life"
        );
        oidc::check(&sign_in.providers, &sign_in.public_url, &sign_in.pages)?;
        anyhow::ensure!(self.passwords.least_length >= 8, "passwords.least_length must be 8 or more");
        anyhow::ensure!(self.passwords.at_once > 0, "passwords.at_once must be 1 or more");
        anyhow::ensure!(self.lockout.account_free > 0, "lockout.account_free must be 1 or more");
        anyhow::ensure!(self.lockout.address_free > 0, "lockout.address_free must be 1 or more");
        Ok(())
    }
}
