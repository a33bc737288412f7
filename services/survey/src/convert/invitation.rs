//! Invitations.

use common::convert::timestamp;
use proto::aftercare::survey::v1::{Invitation as InvitationMessage, InvitationState, Trigger as TriggerMessage};

use super::{maybe, text};
use crate::{
    Context,
    domain::{
        invitation::{Invitation, State},
        occasion::Trigger,
    },
    store::invitation::link_path,
};

pub(crate) fn message(ctx: &Context, record: &Invitation) -> InvitationMessage {
    let occasion = &record.occasion;
    let asked = record.asked();
    InvitationMessage {
        invitation_id: record.id.to_string(),
        etag: record.version.to_string(),
        state: state(&record.state).into(),
        trigger: trigger(occasion.trigger).into(),
        customer_id: occasion.customer_id.clone(),
        service_request_id: text(occasion.service_request_id.as_deref()),
        work_order_id: text(occasion.work_order_id.as_deref()),
        complaint_id: text(occasion.complaint_id.as_deref()),
        technician_id: text(record.technician_id.as_deref()),
        service_point_id: text(record.service_point_id.as_deref()),
        org_unit_id: occasion.org_unit_id.clone(),
        kind: occasion.kind.clone(),
        language: occasion.language.clone(),
        questionnaire_id: asked.map(|asked| asked.questionnaire_id.to_string()).unwrap_or_default(),
        occasion_time: Some(timestamp(occasion.at)),
        send_time: maybe(record.send_at()),
        sent_time: maybe(asked.map(|asked| asked.at)),
        reminded_time: maybe(asked.and_then(|asked| asked.reminded_at)),
        expire_time: maybe(asked.and_then(|asked| asked.link_until)),
        link_path: link_path(ctx, record),
        reason: record.reason().to_owned(),
        response_id: match &record.state {
            State::Answered { response_id, .. } => response_id.to_string(),
            State::Planned { .. }
            | State::Sent { .. }
            | State::Started { .. }
            | State::Calling { .. }
            | State::Expired { .. }
            | State::Suppressed { .. }
            | State::GivenUp { .. } => String::new(),
        },
        create_time: Some(timestamp(record.created_at)),
        update_time: Some(timestamp(record.updated_at)),
    }
}

fn state(state: &State) -> InvitationState {
    match state {
        State::Planned { .. } => InvitationState::Planned,
        State::Sent { .. } => InvitationState::Sent,
        State::Started { .. } => InvitationState::Started,
        State::Calling { .. } => InvitationState::Calling,
        State::Answered { .. } => InvitationState::Answered,
        State::Expired { .. } => InvitationState::Expired,
        State::Suppressed { .. } => InvitationState::Suppressed,
        State::GivenUp { .. } => InvitationState::GivenUp,
    }
}

pub(crate) fn trigger(trigger: Trigger) -> TriggerMessage {
    match trigger {
        Trigger::VisitCompleted => TriggerMessage::VisitCompleted,
        Trigger::Delivery => TriggerMessage::Delivery,
        Trigger::Installation => TriggerMessage::Installation,
        Trigger::ComplaintClosed => TriggerMessage::ComplaintClosed,
        Trigger::Consultation => TriggerMessage::Consultation,
    }
}

pub(crate) fn read_trigger(trigger: TriggerMessage) -> Option<Trigger> {
    match trigger {
        TriggerMessage::Unspecified => None,
        TriggerMessage::VisitCompleted => Some(Trigger::VisitCompleted),
        TriggerMessage::Delivery => Some(Trigger::Delivery),
        TriggerMessage::Installation => Some(Trigger::Installation),
        TriggerMessage::ComplaintClosed => Some(Trigger::ComplaintClosed),
        TriggerMessage::Consultation => Some(Trigger::Consultation),
    }
}
