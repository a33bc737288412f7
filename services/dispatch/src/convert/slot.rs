//! Holds to messages.

use common::convert::timestamp;
use proto::aftercare::dispatch::v1 as api;

use crate::domain::slot::{SlotHold, State};

fn state(state: State) -> api::SlotHoldState {
    match state {
        State::Held => api::SlotHoldState::Held,
        State::Booked => api::SlotHoldState::Booked,
        State::Used => api::SlotHoldState::Used,
        State::Released => api::SlotHoldState::Released,
        State::Expired => api::SlotHoldState::Expired,
    }
}

/// The message of a hold.
pub(crate) fn message(hold: &SlotHold) -> api::SlotHold {
    api::SlotHold {
        slot_hold_id: hold.id.to_string(),
        etag: hold.version.to_string(),
        create_time: Some(timestamp(hold.created_at)),
        update_time: Some(timestamp(hold.updated_at)),
        state: state(hold.state).into(),
        window: Some(hold.window.message()),
        technician_ids: hold.technicians.iter().map(ToString::to_string).collect(),
        planned_start: Some(timestamp(hold.planned.start)),
        planned_end: Some(timestamp(hold.planned.end)),
        expire_time: Some(timestamp(hold.expires_at)),
        work_order_id: hold.work_order_id.clone().unwrap_or_default(),
        service_request_id: hold.service_request_id.clone().unwrap_or_default(),
        org_unit_id: hold.org_unit_id.clone(),
    }
}
