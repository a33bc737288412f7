//! Contacts and promises.

use chrono::{DateTime, Utc};
use common::convert::timestamp;
use proto::aftercare::intake::v1 as pb;

use super::{direction_value, promise_state_value};
use crate::domain::contact::Contact;

/// The contact's message, its promise as of `now`.
pub(crate) fn contact(from: &Contact, now: DateTime<Utc>) -> pb::Contact {
    let promise = from.promise.as_ref();
    pb::Contact {
        contact_id: from.id.to_string(),
        etag: from.version.to_string(),
        create_time: Some(timestamp(from.created_at)),
        update_time: Some(timestamp(from.updated_at)),
        org_unit_id: from.org_unit_id.clone(),
        customer_id: from.customer_id.to_string(),
        service_request_id: from.service_request_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        direction: direction_value(from.direction),
        channel: from.channel.clone(),
        at: Some(timestamp(from.at)),
        agent_id: from.agent_id.clone(),
        spoken_to: from.spoken_to.clone(),
        summary: from.summary.clone(),
        recording_link: from.recording_link.clone(),
        promise: promise.map(|promise| promise.text.clone()).unwrap_or_default(),
        promise_due_at: promise.map(|promise| timestamp(promise.due_at)),
        promise_state: from.promise_state(now).map_or(0, promise_state_value),
        promise_kept_at: promise.and_then(|promise| promise.kept_at).map(timestamp),
        escalation_step: from.escalations.iter().map(|one| one.step).max().unwrap_or_default(),
    }
}
