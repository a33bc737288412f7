//! Regulator's cases for messages.

use common::{
    convert::timestamp,
    error::{Error, Result},
    record::Record as _,
};
use proto::aftercare::complaint::v1 as message;

use super::count;
use crate::domain::regulator::{CaseState, MediationResult, RegulatorCase};

/// The stored name of a state in a filter.
pub(crate) fn state_name(state: i32) -> &'static str {
    use message::RegulatorCaseState as Code;
    match Code::try_from(state) {
        Ok(Code::Registered) => "registered",
        Ok(Code::Accepted) => "accepted",
        Ok(Code::MediationEnded) => "mediation_ended",
        Ok(Code::Closed) => "closed",
        Ok(Code::Declined) => "declined",
        Ok(Code::Unspecified) | Err(_) => "",
    }
}

pub(crate) fn mediation_result(value: i32) -> Result<MediationResult> {
    use message::MediationResult as Code;
    match Code::try_from(value) {
        Ok(Code::Agreed) => Ok(MediationResult::Agreed),
        Ok(Code::Terminated) => Ok(MediationResult::Terminated),
        Ok(Code::Withdrawn) => Ok(MediationResult::Withdrawn),
        Ok(Code::Unspecified) | Err(_) => Err(Error::invalid("result", "enum.defined_only")),
    }
}

fn result_code(result: MediationResult) -> message::MediationResult {
    match result {
        MediationResult::Agreed => message::MediationResult::Agreed,
        MediationResult::Terminated => message::MediationResult::Terminated,
        MediationResult::Withdrawn => message::MediationResult::Withdrawn,
    }
}

/// The case for a message.
pub(crate) fn regulator_case(case: &RegulatorCase) -> message::RegulatorCase {
    use message::RegulatorCaseState as Code;
    let state = match case.state {
        CaseState::Registered => Code::Registered,
        CaseState::Accepted => Code::Accepted,
        CaseState::MediationEnded => Code::MediationEnded,
        CaseState::Closed => Code::Closed,
        CaseState::Declined => Code::Declined,
    };
    message::RegulatorCase {
        regulator_case_id: case.id.to_string(),
        number: case.number.clone(),
        etag: case.version().to_string(),
        create_time: Some(timestamp(case.created_at)),
        update_time: Some(timestamp(case.updated_at)),
        org_unit_id: case.org_unit_id.clone(),
        state: state.into(),
        complaint_id: case.complaint_id.clone(),
        authority: case.authority.clone(),
        external_number: case.external_number.clone(),
        registered_at: Some(timestamp(case.registered_at)),
        accept_due_at: Some(timestamp(case.accept_due_at)),
        accepted_at: case.accepted_at.map(timestamp),
        mediation_due_at: case.mediation_due_at.map(timestamp),
        mediation_ended_at: case.mediation_ended_at.map(timestamp),
        notice_due_at: case.notice_due_at.map(timestamp),
        notified_at: case.notified_at.map(timestamp),
        result: case.result.map_or(0, |result| result_code(result).into()),
        note: case.note.clone(),
        next_due_at: case.next_due_at().map(timestamp),
        overruns: count(case.overruns.len()),
        calendar_version: case.calendar_version.clone(),
    }
}
