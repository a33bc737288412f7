//! A partner's program: what it may call, how much, and from where. Its secrets are kept apart from it.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{ClientId, network::Network};

/// Secrets that are live at the same time, at the most: the old one and the new one of a rotation.
pub(crate) const SECRETS: usize = 2;

/// A partner's program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    pub(crate) id: ClientId,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) org_unit_id: String,
    pub(crate) name: String,
    pub(crate) partner_id: String,
    pub(crate) state: State,
    /// Groups of RPCs: `intake.read`.
    pub(crate) scopes: Vec<String>,
    /// Empty for anywhere.
    pub(crate) networks: Vec<Network>,
    /// Averaged; 0 for the usual.
    pub(crate) calls_per_second: i32,
    /// 0 for no limit.
    pub(crate) calls_per_day: i64,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// Whether it may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It may.
    Active,
    /// It is kept out for good.
    Disabled,
}

impl State {
    /// The name in rows and histories.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl Record for Client {
    const KIND: &'static str = "client";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn state(&self) -> &'static str {
        self.state.name()
    }
}

/// The fields of a change; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patch {
    pub(crate) name: Option<String>,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) networks: Option<Vec<Network>>,
    pub(crate) calls_per_second: Option<i32>,
    pub(crate) calls_per_day: Option<i64>,
    pub(crate) expires_at: Option<Option<DateTime<Utc>>>,
}

impl Client {
    /// The client, if its parts make sense; `known` are the groups of RPCs that partners may be given.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS`.
    pub(crate) fn checked(mut self, known: &[String]) -> Result<Self> {
        if self.name.trim().is_empty() {
            return Err(Error::invalid("name", "required"));
        }
        if self.scopes.is_empty() {
            return Err(Error::invalid("scopes", "repeated.min_items"));
        }
        if let Some(place) = self.scopes.iter().position(|scope| !known.contains(scope)) {
            return Err(Error::invalid(format!("scopes[{place}]"), "scope.known").with("allowed", known.join(", ")));
        }
        self.scopes.sort();
        self.scopes.dedup();
        Ok(self)
    }

    /// Changes it.
    ///
    /// # Errors
    ///
    /// As [`Client::checked`]; `ILLEGAL_TRANSITION` when it is disabled.
    pub(crate) fn update(mut self, patch: Patch, known: &[String], now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.live("update")?;
        self.name = patch.name.unwrap_or(self.name);
        self.scopes = patch.scopes.unwrap_or(self.scopes);
        self.networks = patch.networks.unwrap_or(self.networks);
        self.calls_per_second = patch.calls_per_second.unwrap_or(self.calls_per_second);
        self.calls_per_day = patch.calls_per_day.unwrap_or(self.calls_per_day);
        self.expires_at = patch.expires_at.unwrap_or(self.expires_at);
        self.updated_at = now;
        Ok(Changed::new(self.checked(known)?, "update", from, ""))
    }

    /// Keeps it out for good.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` when it is already.
    pub(crate) fn disable(mut self, why: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.live("disable")?;
        self.state = State::Disabled;
        self.updated_at = now;
        Ok(Changed::new(self, "disable", from, why))
    }

    /// Notes a new or a retired secret.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` when it is disabled.
    pub(crate) fn noted(mut self, action: &'static str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.live(action)?;
        self.updated_at = now;
        Ok(Changed::new(self, action, from, ""))
    }

    /// Whether it may call at all at this instant.
    pub(crate) fn alive(&self, now: DateTime<Utc>) -> bool {
        self.state == State::Active && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it may call from this address. An unknown address is none of the allowed ones.
    pub(crate) fn may_call_from(&self, address: Option<IpAddr>) -> bool {
        self.networks.is_empty()
            || address.is_some_and(|address| self.networks.iter().any(|network| network.holds(address)))
    }

    fn live(&self, action: &'static str) -> Result<&'static str> {
        match self.state {
            State::Active => Ok(self.state.name()),
            State::Disabled => Err(Error::illegal(Self::KIND, action, "disabled", &[])),
        }
    }
}

/// The scope that a call of this RPC needs: its package, and whether it only reads.
pub(crate) fn scope_of(package: &str, method: &str) -> String {
    let reads = ["Get", "List", "Find", "Search", "Resolve", "Watch", "Stream"];
    let kind = if reads.iter().any(|verb| method.starts_with(verb)) { "read" } else { "write" };
    format!("{package}.{kind}")
}

#[cfg(test)]
mod tests {
    use common::id::Id as _;

    use super::*;

    fn client() -> Client {
        let now = DateTime::UNIX_EPOCH;
        Client {
            id: ClientId::wrap("pc_00000000000000000000000001".to_owned()),
            version: 1,
            created_at: now,
            updated_at: now,
            org_unit_id: "head-office".to_owned(),
            name: "ERP".to_owned(),
            partner_id: "haier".to_owned(),
            state: State::Active,
            scopes: vec!["intake.write".to_owned(), "intake.read".to_owned(), "intake.read".to_owned()],
            networks: vec![Network::parse("203.0.113.0/24", "").unwrap()],
            calls_per_second: 0,
            calls_per_day: 0,
            expires_at: Some(now + chrono::Duration::days(1)),
        }
    }

    #[test]
    fn scopes_are_known_and_in_order() {
        let known = ["intake.read".to_owned(), "intake.write".to_owned()];
        assert_eq!(client().checked(&known).unwrap().scopes, known);
        assert!(client().checked(&known[..1]).is_err());
        assert_eq!(scope_of("intake", "GetCustomer"), "intake.read");
        assert_eq!(scope_of("intake", "CreateCustomer"), "intake.write");
    }

    #[test]
    fn it_calls_while_it_lives_and_from_where_it_may() {
        let now = DateTime::UNIX_EPOCH;
        assert!(client().alive(now));
        assert!(!client().alive(now + chrono::Duration::days(1)));
        let out = client().disable("lost".to_owned(), now).unwrap().record;
        assert!(!out.alive(now));
        assert!(out.clone().noted("rotate_secret", now).is_err());
        assert!(out.disable(String::new(), now).is_err());
        assert!(client().may_call_from(Some("203.0.113.9".parse().unwrap())));
        assert!(!client().may_call_from(Some("203.0.112.9".parse().unwrap())));
        assert!(!client().may_call_from(None));
    }
}
