//! Endpoints of partners: what they are told, which secrets sign it, when a failed try is made again.

pub(crate) mod address;
pub(crate) mod location;
pub(crate) mod retry;

use chrono::{DateTime, Duration, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
    typed_id,
};
use serde::{Deserialize, Serialize};

use super::feed::Change;

typed_id! {
    /// An endpoint.
    EndpointId = "we";
    /// A delivery.
    DeliveryId = "wd";
}

/// Why an endpoint is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// Somebody asked for it.
    ByRequest,
    /// Every try failed for days.
    Failing,
    /// It said that it is gone for good.
    Gone,
}

impl Why {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ByRequest => "by_request",
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }
}

/// Whether an endpoint is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub(crate) enum State {
    /// It is.
    Active,
    /// It is not.
    Disabled {
        /// Why.
        why: Why,
    },
}

/// A secret that signs. Only its number is kept: the secret itself is made from the installation's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Generation {
    pub(crate) number: u32,
    /// Until when it signs; empty for the present one.
    pub(crate) until: Option<DateTime<Utc>>,
}

/// Where a partner wants to be told of facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    pub(crate) id: EndpointId,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) url: String,
    pub(crate) kinds: Vec<String>,
    pub(crate) description: String,
    /// Of whose cases it is told; empty for all.
    pub(crate) partner_id: String,
    pub(crate) state: State,
    pub(crate) secrets: Vec<Generation>,
}

/// Changes to an endpoint; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patch {
    pub(crate) url: Option<String>,
    pub(crate) kinds: Option<Vec<String>>,
    pub(crate) description: Option<String>,
}

impl Record for Endpoint {
    const KIND: &'static str = "webhook_endpoint";

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
        match self.state {
            State::Active => "active",
            State::Disabled { .. } => "disabled",
        }
    }
}

impl Endpoint {
    /// Whether it is told of a change.
    pub(crate) fn takes(&self, change: &Change) -> bool {
        let own = self.partner_id.is_empty() || self.partner_id == change.place.partner_id;
        self.state == State::Active && own && self.kinds.iter().any(|kind| matches(kind, change))
    }

    /// The secrets that sign now, the present one first.
    pub(crate) fn signing(&self, now: DateTime<Utc>) -> impl Iterator<Item = Generation> {
        self.secrets.iter().rev().copied().filter(move |secret| secret.until.is_none_or(|until| now < until))
    }

    /// Changes what is known of it.
    pub(crate) fn update(self, patch: Patch, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.state();
        let record = Self {
            url: patch.url.unwrap_or(self.url),
            kinds: patch.kinds.unwrap_or(self.kinds),
            description: patch.description.unwrap_or(self.description),
            updated_at: now,
            ..self
        };
        if record.kinds.is_empty() {
            return Err(Error::invalid("kinds", "repeated.min_items"));
        }
        Ok(Changed::new(record, "update", from, ""))
    }

    /// Calls it no more.
    pub(crate) fn disable(self, why: Why, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state {
            State::Active => {
                let record = Self { state: State::Disabled { why }, updated_at: now, ..self };
                Ok(Changed::new(record, "disable", "active", why.as_str()))
            }
            State::Disabled { .. } => Err(Error::illegal(Self::KIND, "disable", "disabled", &["enable", "update"])),
        }
    }

    /// Calls it again.
    pub(crate) fn enable(self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state {
            State::Disabled { .. } => {
                let record = Self { state: State::Active, updated_at: now, ..self };
                Ok(Changed::new(record, "enable", "disabled", ""))
            }
            State::Active => Err(Error::illegal(Self::KIND, "enable", "active", &["disable", "update"])),
        }
    }

    /// Makes another secret; the present one signs beside it for a while.
    pub(crate) fn rotate(mut self, overlap: Duration, now: DateTime<Utc>) -> Changed<Self> {
        let from = self.state();
        self.secrets.retain(|secret| secret.until.is_none_or(|until| now < until));
        for secret in &mut self.secrets {
            secret.until = Some(secret.until.unwrap_or(now + overlap));
        }
        // Never more than three signatures in a header, however often somebody rotates in a day.
        let surplus = self.secrets.len().saturating_sub(2);
        self.secrets.drain(..surplus);
        let number = self.secrets.last().map_or(1, |last| last.number + 1);
        self.secrets.push(Generation { number, until: None });
        self.updated_at = now;
        Changed::new(self, "rotate_secret", from, "")
    }
}

/// `*`, `work_order.*` or `work_order.assigned`.
fn matches(kind: &str, change: &Change) -> bool {
    match kind.split_once('.') {
        None => kind == "*",
        Some((record, fact)) => record == change.record_kind && (fact == "*" || fact == change.fact),
    }
}

#[cfg(test)]
mod tests;
