//! Texts, notifications and preferences as messages.

use common::convert::timestamp;
use proto::aftercare::gateway::v1::{Notification, NotificationPreferences, NotificationState, NotificationTemplate};

use crate::{
    domain::notification::{Preferences, Template},
    notifications::texts::{Place, Text},
    store::notification::{PARKED, PENDING, SENT, SUPPRESSED, entity::Model},
};

pub(crate) fn template(place: Place, text: &Text, changed: Option<&Template>) -> NotificationTemplate {
    NotificationTemplate {
        kind: place.kind.name.to_owned(),
        language: place.language.to_owned(),
        channel: place.channel.to_owned(),
        etag: changed.map_or(0, |changed| changed.version).to_string(),
        subject: text.subject.clone(),
        text: text.text.clone(),
        placeholders: place.kind.words.iter().map(|(word, _)| (*word).to_owned()).collect(),
        update_time: changed.map(|changed| timestamp(changed.updated_at)),
    }
}

pub(crate) fn notification(row: Model) -> Notification {
    let state = match &*row.state {
        PENDING => NotificationState::Pending,
        SENT => NotificationState::Sent,
        SUPPRESSED => NotificationState::Suppressed,
        PARKED => NotificationState::Parked,
        _ => NotificationState::Unspecified,
    };
    Notification {
        notification_id: row.id,
        kind: row.kind,
        recipient_kind: row.recipient_kind,
        recipient_id: row.recipient_id,
        service_request_id: row.service_request_id,
        state: state.into(),
        channel: row.channel,
        result: row.result,
        tries: row.tries,
        create_time: Some(timestamp(row.created_at)),
        next_try_at: (state == NotificationState::Pending).then(|| timestamp(row.next_try_at)),
    }
}

pub(crate) fn preferences(person_id: &str, kept: Preferences) -> NotificationPreferences {
    NotificationPreferences {
        person_id: person_id.to_owned(),
        etag: kept.version.to_string(),
        muted_kinds: kept.muted_kinds,
        muted_channels: kept.muted_channels,
    }
}
