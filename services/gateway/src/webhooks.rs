//! Webhooks: facts become deliveries in the transaction that writes the change; a worker sends them, in order per case.

pub(crate) mod deliver;
pub(crate) mod guard;
pub(crate) mod sender;
pub(crate) mod signature;
#[cfg(test)]
mod tests;

use std::{fmt, net::SocketAddr, time::Duration};

use chrono::SecondsFormat;
use common::{config::duration, db::Tx, error::Result, service::Call};
use serde::Deserialize;
use serde_json::json;

use crate::{
    domain::{
        feed::Change,
        webhook::{Endpoint, Why, location::Rules},
    },
    notifications::{self, Notification},
    service::Context,
    store::webhook,
};

/// Webhooks.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// The key that secrets of endpoints are made from.
    pub key: String,
    /// Ports that may be called.
    pub ports: Vec<u16>,
    /// Private addresses that may be called, without TLS too: development and tests only.
    pub trusted_addresses: Vec<SocketAddr>,
    /// How often due deliveries are looked for.
    #[serde(with = "duration")]
    pub poll: Duration,
    /// Calls to one endpoint at a time, each of another case.
    pub concurrency: usize,
    /// Time for a connection.
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    /// Time for the whole call.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// How long a secret signs after another was made.
    #[serde(with = "duration")]
    pub secret_overlap: Duration,
    /// An endpoint that fails for so long is disabled.
    #[serde(with = "duration")]
    pub disable_after: Duration,
    /// How long deliveries that came to their end are kept.
    #[serde(with = "duration")]
    pub kept: Duration,
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "WebhookConfig(ports {:?}, trusted {:?})", self.ports, self.trusted_addresses)
    }
}

/// The key that stands in the defaults; production refuses it.
const DEVELOPMENT_KEY: &str = "development-only-this-is-not-a-secret";
/// Shortest key, in bytes.
const LEAST_KEY: usize = 32;

impl WebhookConfig {
    /// Refuses what makes no sense, and in production what is for development only.
    pub(crate) fn check(&self, development: bool) -> anyhow::Result<()> {
        anyhow::ensure!(self.key.len() >= LEAST_KEY, "webhooks.key must have at least {LEAST_KEY} bytes");
        anyhow::ensure!(self.concurrency > 0, "webhooks.concurrency must be 1 or more");
        anyhow::ensure!(
            development || self.key != DEVELOPMENT_KEY,
            "webhooks.key must be a secret of your own when environment is production"
        );
        anyhow::ensure!(
            development || self.trusted_addresses.is_empty(),
            "webhooks.trusted_addresses must be empty when environment is production"
        );
        Ok(())
    }

    pub(crate) fn rules(&self) -> Rules {
        Rules { ports: self.ports.clone(), trusted: self.trusted_addresses.clone() }
    }
}

/// Puts changes down for every endpoint that takes them.
pub(crate) async fn enqueue(call: &Call, tx: &Tx, changes: &[Change]) -> Result<()> {
    let endpoints = webhook::active(tx).await?;
    for change in changes {
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.takes(change)) {
            webhook::put_down(tx, call, endpoint, change, &payload(change)).await?;
        }
    }
    Ok(())
}

/// Puts a change down once more for one endpoint, if it takes it.
pub(crate) async fn enqueue_again(call: &Call, tx: &Tx, endpoint: &Endpoint, change: &Change) -> Result<()> {
    if endpoint.takes(change) {
        webhook::put_down(tx, call, endpoint, change, &payload(change)).await?;
    }
    Ok(())
}

/// An endpoint is disabled by itself: those who run the platform are told.
async fn disabled(ctx: &Context, call: &Call, tx: &Tx, endpoint: &Endpoint, why: Why) -> Result<()> {
    tracing::warn!(endpoint = endpoint.id.as_str(), why = why.as_str(), "a webhook's endpoint is disabled");
    let words = [("url".to_owned(), endpoint.url.clone()), ("why".to_owned(), why.as_str().to_owned())];
    let notification = Notification { kind: "webhook_disabled", words: words.into(), ..Notification::default() };
    notifications::enqueue(ctx, call, tx, notification).await
}

/// What is sent: ids, states and instants, nothing of a person.
pub(crate) fn payload(change: &Change) -> String {
    let place = &change.place;
    let mut data = serde_json::Map::new();
    for (name, value) in [
        ("recordKind", &change.record_kind),
        ("recordId", &change.record_id),
        ("state", &change.state),
        ("serviceRequestId", &place.service_request_id),
        ("workOrderId", &change.work_order_id),
        ("customerId", &place.customer_id),
        ("technicianId", &place.technician_id),
        ("orgUnitId", &place.org_unit_id),
        ("partnerId", &place.partner_id),
    ] {
        if !value.is_empty() {
            data.insert(name.to_owned(), json!(value));
        }
    }
    data.insert("recordVersion".to_owned(), json!(change.record_version.to_string()));
    let at = change.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    json!({ "type": change.kind(), "timestamp": at, "data": data }).to_string()
}
