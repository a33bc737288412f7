//! Callbacks, their agents and their script.

use common::{
    convert::{optional_instant, timestamp},
    error::{Error, Result},
};
use proto::aftercare::survey::v1::{
    Callback as CallbackMessage, CallbackAgent as AgentMessage, CallbackState, CallbackTry, RecordCallbackTryRequest,
    ScriptBranch, ScriptCase, ScriptStep, TryResult as ResultMessage,
};

use super::{maybe, questionnaire::texts, text};
use crate::domain::{
    agent::CallbackAgent,
    callback::{Callback, Outcome, State, Try, TryResult},
    script::{Case, Script},
};

pub(crate) fn message(record: &Callback) -> CallbackMessage {
    CallbackMessage {
        callback_id: record.id.to_string(),
        etag: record.version.to_string(),
        state: state(&record.state).into(),
        invitation_id: record.invitation_id.to_string(),
        customer_id: record.customer_id.clone(),
        service_request_id: text(record.service_request_id.as_deref()),
        org_unit_id: record.org_unit_id.clone(),
        agent_id: text(record.agent_id()),
        next_try_time: match &record.state {
            State::Open { next_try_at, .. } => Some(timestamp(*next_try_at)),
            State::Done { .. }
            | State::Refused { .. }
            | State::Unreachable { .. }
            | State::WrongNumber { .. }
            | State::Settled { .. } => None,
        },
        due_time: Some(timestamp(record.due_at)),
        overdue: record.overdue_at.is_some(),
        tries: record.tries.iter().map(one_try).collect(),
        response_id: match &record.state {
            State::Done { response_id, .. } => response_id.to_string(),
            State::Open { .. }
            | State::Refused { .. }
            | State::Unreachable { .. }
            | State::WrongNumber { .. }
            | State::Settled { .. } => String::new(),
        },
        create_time: Some(timestamp(record.created_at)),
        update_time: Some(timestamp(record.updated_at)),
        end_time: maybe(record.ended_at()),
    }
}

fn state(state: &State) -> CallbackState {
    match state {
        State::Open { .. } => CallbackState::Open,
        State::Done { .. } => CallbackState::Done,
        State::Refused { .. } => CallbackState::Refused,
        State::Unreachable { .. } => CallbackState::Unreachable,
        State::WrongNumber { .. } => CallbackState::WrongNumber,
        State::Settled { .. } => CallbackState::Settled,
    }
}

fn one_try(one: &Try) -> CallbackTry {
    CallbackTry {
        time: Some(timestamp(one.at)),
        agent_id: one.agent_id.clone(),
        result: match one.result {
            TryResult::NoAnswer => ResultMessage::NoAnswer,
            TryResult::Busy => ResultMessage::Busy,
            TryResult::WrongNumber => ResultMessage::WrongNumber,
            TryResult::Refused => ResultMessage::Refused,
            TryResult::CallAgain => ResultMessage::CallAgain,
            TryResult::Done => ResultMessage::Done,
        }
        .into(),
        note: one.note.clone(),
        counted: one.counted,
    }
}

/// How a try ended, out of a request.
pub(crate) fn read_outcome(request: &RecordCallbackTryRequest) -> Result<Outcome> {
    let at = optional_instant(request.call_again_time.as_ref(), "call_again_time")?;
    match (request.result(), at) {
        (ResultMessage::CallAgain, Some(at)) => Ok(Outcome::CallAgain(at)),
        (ResultMessage::CallAgain, None) => Err(Error::invalid("call_again_time", "required")),
        (_, Some(_)) => Err(Error::invalid("call_again_time", "call_again_only")),
        (ResultMessage::NoAnswer, None) => Ok(Outcome::NoAnswer),
        (ResultMessage::Busy, None) => Ok(Outcome::Busy),
        (ResultMessage::WrongNumber, None) => Ok(Outcome::WrongNumber),
        (ResultMessage::Refused, None) => Ok(Outcome::Refused),
        (ResultMessage::Unspecified | ResultMessage::Done, None) => Err(Error::invalid("result", "enum.not_in")),
    }
}

pub(crate) fn agent(record: &CallbackAgent, open: u64) -> AgentMessage {
    AgentMessage {
        agent_id: record.id.clone(),
        etag: record.version.to_string(),
        org_unit_id: record.org_unit_id.clone(),
        available: record.available,
        open_callbacks: i32::try_from(open).unwrap_or(i32::MAX),
        create_time: Some(timestamp(record.created_at)),
        update_time: Some(timestamp(record.updated_at)),
    }
}

pub(crate) fn script(script: &Script) -> Vec<ScriptStep> {
    let case = |case| match case {
        Case::Always => ScriptCase::Unspecified,
        Case::Satisfied => ScriptCase::Satisfied,
        Case::Unsatisfied => ScriptCase::Unsatisfied,
        Case::Refused => ScriptCase::Refused,
    };
    let step = |step: &crate::domain::script::Step| ScriptStep {
        key: step.key.clone(),
        texts: texts(&step.texts),
        ask_questions: step.ask_questions,
        branches: step
            .branches
            .iter()
            .map(|branch| ScriptBranch { when: case(branch.when).into(), next_step: branch.next.clone() })
            .collect(),
    };
    script.steps.iter().map(step).collect()
}
