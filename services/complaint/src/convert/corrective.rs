//! Corrective actions for messages.

use common::{
    convert::timestamp,
    error::{Error, Result},
    record::Record as _,
};
use proto::aftercare::complaint::v1 as message;

use super::actor;
use crate::domain::corrective::{CorrectiveAction, CorrectiveState, EffectResult};

/// The stored name of a state in a filter.
pub(crate) fn state_name(state: i32) -> &'static str {
    use message::CorrectiveActionState as Code;
    match Code::try_from(state) {
        Ok(Code::Open) => "open",
        Ok(Code::Contained) => "contained",
        Ok(Code::Analysed) => "analysed",
        Ok(Code::Corrected) => "corrected",
        Ok(Code::AwaitingCheck) => "awaiting_check",
        Ok(Code::Closed) => "closed",
        Ok(Code::Unspecified) | Err(_) => "",
    }
}

pub(crate) fn effect_result(value: i32) -> Result<EffectResult> {
    match message::EffectResult::try_from(value) {
        Ok(message::EffectResult::Passed) => Ok(EffectResult::Passed),
        Ok(message::EffectResult::Failed) => Ok(EffectResult::Failed),
        Ok(message::EffectResult::Unspecified) | Err(_) => Err(Error::invalid("result", "enum.defined_only")),
    }
}

/// The corrective action for a message.
pub(crate) fn corrective_action(action: &CorrectiveAction) -> message::CorrectiveAction {
    use message::CorrectiveActionState as Code;
    let (state, called) = match &action.state {
        CorrectiveState::Open => (Code::Open, false),
        CorrectiveState::Contained => (Code::Contained, false),
        CorrectiveState::Analysed => (Code::Analysed, false),
        CorrectiveState::Corrected => (Code::Corrected, false),
        CorrectiveState::AwaitingCheck { called_at, .. } => (Code::AwaitingCheck, called_at.is_some()),
        CorrectiveState::Closed { .. } => (Code::Closed, false),
    };
    let checks = action.checks.iter().map(|check| message::EffectCheck {
        result: match check.result {
            EffectResult::Passed => message::EffectResult::Passed.into(),
            EffectResult::Failed => message::EffectResult::Failed.into(),
        },
        evidence: check.evidence.clone(),
        checked_by: Some(actor(&check.by)),
        checked_at: Some(timestamp(check.at)),
    });
    message::CorrectiveAction {
        corrective_action_id: action.id.to_string(),
        number: action.number.clone(),
        etag: action.version().to_string(),
        create_time: Some(timestamp(action.created_at)),
        update_time: Some(timestamp(action.updated_at)),
        org_unit_id: action.org_unit_id.clone(),
        state: state.into(),
        cause_code: action.cause_code.clone(),
        problem: action.problem.clone(),
        origin: action.origin.as_str().to_owned(),
        complaint_ids: action.complaint_ids.clone(),
        owner_id: action.owner_id.clone(),
        containment: action.containment.clone(),
        whys: action.whys.clone(),
        correction: action.correction.clone(),
        prevention: action.prevention.clone(),
        check_due_at: action.check_due_at().map(timestamp),
        check_called: called,
        checks: checks.collect(),
    }
}
