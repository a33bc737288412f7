//! The facts that this service publishes.

use common::record::Record;
use proto::aftercare::{
    common::v1::RecordEvent,
    survey::v1::{InvitationEvent, InvitationFact, ResponseEvent, ResponseFact},
};

use crate::domain::{invitation::Invitation, response::Response};

/// A fact about an invitation.
pub(crate) fn invitation(fact: InvitationFact, invitation: &Invitation) -> InvitationEvent {
    let occasion = &invitation.occasion;
    InvitationEvent {
        fact: fact.into(),
        invitation_id: invitation.id.to_string(),
        trigger: occasion.trigger.as_str().to_owned(),
        customer_id: occasion.customer_id.clone(),
        service_request_id: occasion.service_request_id.clone().unwrap_or_default(),
        complaint_id: occasion.complaint_id.clone().unwrap_or_default(),
        reason: invitation.reason().to_owned(),
    }
}

/// A fact about an answer.
pub(crate) fn response(fact: ResponseFact, response: &Response) -> ResponseEvent {
    let occasion = &response.occasion;
    ResponseEvent {
        fact: fact.into(),
        response_id: response.id.to_string(),
        invitation_id: response.invitation_id.to_string(),
        customer_id: occasion.customer_id.clone(),
        service_request_id: occasion.service_request_id.clone().unwrap_or_default(),
        work_order_id: occasion.work_order_id.clone().unwrap_or_default(),
        complaint_id: occasion.complaint_id.clone().unwrap_or_default(),
        technician_id: response.technician_id.clone().unwrap_or_default(),
        org_unit_id: occasion.org_unit_id.clone(),
        nps: response.scores.nps.unwrap_or(-1),
        csat: response.scores.csat.unwrap_or_default(),
        low: response.route.is_some(),
        follow_up: response.route.map(|route| route.event_name().to_owned()).unwrap_or_default(),
    }
}

/// A fact about a record that has no event message of its own.
pub(crate) fn record(record: &impl Record, action: &str) -> RecordEvent {
    RecordEvent { record_id: record.id().to_owned(), action: action.to_owned(), state: record.state().to_owned() }
}
