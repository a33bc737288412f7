//! Follow-ups.

use common::{
    convert::timestamp,
    error::{Error, Result},
};
use proto::aftercare::survey::v1::{FollowUp as FollowUpMessage, FollowUpOutcome, FollowUpState};

use super::{answer::route, maybe, text};
use crate::domain::follow_up::{FollowUp, Outcome, State};

pub(crate) fn message(record: &FollowUp) -> FollowUpMessage {
    let (state, outcome, note, by) = match &record.state {
        State::Open => (FollowUpState::Open, FollowUpOutcome::Unspecified, "", ""),
        State::Closed { by, outcome, note, .. } => {
            let outcome = match outcome {
                Outcome::Satisfied => FollowUpOutcome::Satisfied,
                Outcome::Explained => FollowUpOutcome::Explained,
                Outcome::PassedOn => FollowUpOutcome::PassedOn,
                Outcome::Unreachable => FollowUpOutcome::Unreachable,
            };
            (FollowUpState::Closed, outcome, note.as_str(), by.as_str())
        }
    };
    FollowUpMessage {
        follow_up_id: record.id.to_string(),
        etag: record.version.to_string(),
        state: state.into(),
        route: route(Some(record.route)).into(),
        response_id: record.response_id.to_string(),
        customer_id: record.customer_id.clone(),
        service_request_id: text(record.service_request_id.as_deref()),
        complaint_id: text(record.complaint_id.as_deref()),
        org_unit_id: record.org_unit_id.clone(),
        due_time: Some(timestamp(record.due_at)),
        overdue: record.overdue_at.is_some(),
        outcome: outcome.into(),
        note: note.to_owned(),
        closed_by: by.to_owned(),
        closed_time: maybe(record.closed_at()),
        create_time: Some(timestamp(record.created_at)),
        update_time: Some(timestamp(record.updated_at)),
    }
}

pub(crate) fn read_outcome(outcome: FollowUpOutcome) -> Result<Outcome> {
    match outcome {
        FollowUpOutcome::Satisfied => Ok(Outcome::Satisfied),
        FollowUpOutcome::Explained => Ok(Outcome::Explained),
        FollowUpOutcome::PassedOn => Ok(Outcome::PassedOn),
        FollowUpOutcome::Unreachable => Ok(Outcome::Unreachable),
        FollowUpOutcome::Unspecified => Err(Error::invalid("outcome", "enum.not_in")),
    }
}
