//! Endpoints and deliveries as messages.

use chrono::{DateTime, Utc};
use common::{convert::timestamp, record::Record as _};
use proto::aftercare::gateway::v1::{DeliveryAttempt, DeliveryState, EndpointState, WebhookDelivery, WebhookEndpoint};

use crate::{
    domain::webhook::{Endpoint, State},
    store::webhook::{
        delivery::{self, DELIVERED, PARKED, PENDING},
        lane,
    },
    webhooks::signature,
};

/// Tries that are shown of one delivery.
const SHOWN: usize = 20;

pub(crate) fn endpoint(endpoint: &Endpoint, lane: Option<&lane::entity::Model>, now: DateTime<Utc>) -> WebhookEndpoint {
    let (state, reason) = match endpoint.state {
        State::Active => (EndpointState::Active, ""),
        State::Disabled { why } => (EndpointState::Disabled, why.as_str()),
    };
    WebhookEndpoint {
        endpoint_id: endpoint.id.to_string(),
        etag: endpoint.version().to_string(),
        create_time: Some(timestamp(endpoint.created_at)),
        update_time: Some(timestamp(endpoint.updated_at)),
        state: state.into(),
        url: endpoint.url.clone(),
        kinds: endpoint.kinds.clone(),
        description: endpoint.description.clone(),
        partner_id: endpoint.partner_id.clone(),
        disabled_reason: reason.to_owned(),
        secret: String::new(),
        former_secret_until: endpoint.signing(now).filter_map(|secret| secret.until).max().map(timestamp),
        failing_since: lane.and_then(|lane| lane.failing_since).map(timestamp),
    }
}

/// The answer that shows a new secret.
pub(crate) fn with_secret(answer: WebhookEndpoint, key: &str, endpoint: &Endpoint) -> WebhookEndpoint {
    let newest = endpoint.secrets.last().map_or(1, |secret| secret.number);
    WebhookEndpoint { secret: signature::secret(key, &endpoint.id, newest), ..answer }
}

pub(crate) fn delivery(row: delivery::entity::Model, attempts: &[delivery::attempt::Model]) -> WebhookDelivery {
    let state = match &*row.state {
        PENDING => DeliveryState::Pending,
        DELIVERED => DeliveryState::Delivered,
        PARKED => DeliveryState::Parked,
        _ => DeliveryState::Unspecified,
    };
    let own = attempts.iter().filter(|attempt| attempt.delivery_id == row.id).take(SHOWN);
    WebhookDelivery {
        attempts: own.map(attempt).collect(),
        delivery_id: row.id,
        endpoint_id: row.endpoint_id,
        message_id: row.message_id,
        kind: row.kind,
        case_id: row.case_id,
        state: state.into(),
        create_time: Some(timestamp(row.created_at)),
        next_try_at: (state == DeliveryState::Pending).then(|| timestamp(row.next_try_at)),
        payload: row.payload,
        tries: row.tries,
    }
}

fn attempt(row: &delivery::attempt::Model) -> DeliveryAttempt {
    DeliveryAttempt {
        at: Some(timestamp(row.at)),
        status: row.status,
        latency_ms: row.latency_ms,
        error: row.error.clone(),
        snippet: row.snippet.clone(),
    }
}
