//! Solutions and how they are carried out: proposing, the customer's agreement, actions and the requests that do them.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Actor, Changed, Record as _},
};
use serde::{Deserialize, Serialize};

use super::{
    complaint::{Added, Complaint, State, action},
    policy::Policy,
    values::{ActionDecision, AgreementKind, Remedy},
};
use crate::error::{ACTION_NOT_OPEN, ACTION_UNKNOWN, ALREADY_AGREED};

/// One part of a solution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedRemedy {
    pub(crate) remedy: Remedy,
    pub(crate) description: String,
    /// Minor units of the house currency.
    pub(crate) cost: i64,
}

/// One solution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Solution {
    /// 1 for the first.
    pub(crate) no: i32,
    pub(crate) description: String,
    pub(crate) remedies: Vec<PlannedRemedy>,
    pub(crate) currency: String,
    pub(crate) by: Actor,
    pub(crate) at: DateTime<Utc>,
}

impl Solution {
    /// What all of it costs.
    pub(crate) fn cost(&self) -> i64 {
        self.remedies.iter().fold(0, |sum: i64, remedy| sum.saturating_add(remedy.cost))
    }

    /// What of it is compensation.
    pub(crate) fn compensation(&self) -> i64 {
        let paid = self.remedies.iter().filter(|planned| planned.remedy == Remedy::Compensation);
        paid.fold(0, |sum: i64, remedy| sum.saturating_add(remedy.cost))
    }
}

/// Where one action stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub(crate) enum ActionState {
    /// To be done.
    Open,
    /// A service request does it.
    InProgress,
    /// Done.
    Done { at: DateTime<Utc>, note: String },
    /// Its service request was cancelled.
    NeedsDecision { reason: String },
    /// Given up.
    Dropped { at: DateTime<Utc>, reason: String },
}

impl ActionState {
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::Done { .. } => "done",
            Self::NeedsDecision { .. } => "needs_decision",
            Self::Dropped { .. } => "dropped",
        }
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_ended(&self) -> bool {
        match self {
            Self::Done { .. } | Self::Dropped { .. } => true,
            Self::Open | Self::InProgress | Self::NeedsDecision { .. } => false,
        }
    }
}

/// One action of the approved solution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Action {
    /// 1 for the first.
    pub(crate) no: i32,
    pub(crate) remedy: Remedy,
    pub(crate) description: String,
    pub(crate) cost: i64,
    pub(crate) due_at: DateTime<Utc>,
    pub(crate) service_request_id: Option<String>,
    pub(crate) state: ActionState,
}

/// The customer's agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agreement {
    pub(crate) kind: AgreementKind,
    pub(crate) file_id: String,
    pub(crate) by: Actor,
    pub(crate) at: DateTime<Utc>,
}

/// The approved solution and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Implementation {
    pub(crate) solution: Solution,
    pub(crate) by: Actor,
    pub(crate) at: DateTime<Utc>,
    pub(crate) agreement: Option<Agreement>,
    pub(crate) actions: Vec<Action>,
}

impl Implementation {
    fn is_complete(&self) -> bool {
        self.agreement.is_some() && self.actions.iter().all(|action| action.state.is_ended())
    }

    fn action(&mut self, no: i32) -> Result<&mut Action> {
        self.actions
            .iter_mut()
            .find(|action| action.no == no)
            .ok_or_else(|| Error::new(ACTION_UNKNOWN).with("action_no", no))
    }

    /// The action that this request does, or the open one that a request of this kind can do.
    fn action_of(&mut self, request_id: &str, request_kind: &str) -> Option<&mut Action> {
        let linked = self.actions.iter().position(|action| action.service_request_id.as_deref() == Some(request_id));
        let fits = |action: &Action| action.state == ActionState::Open && action.remedy.is_done_by(request_kind);
        let place = linked.or_else(|| self.actions.iter().position(fits))?;
        self.actions.get_mut(place)
    }
}

impl Action {
    fn not_open(&self) -> Error {
        Error::new(ACTION_NOT_OPEN).with("action_no", self.no).with("state", self.state.as_str())
    }
}

impl Complaint {
    /// Proposes solutions: PROPOSING > PENDING_APPROVAL.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `INVALID_FIELDS` for a negative cost or a remedy twice in one solution.
    pub(crate) fn propose(mut self, solutions: Vec<Solution>, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit(action::PROPOSE)?;
        for solution in &solutions {
            let twice = |(place, planned): (usize, &PlannedRemedy)| {
                solution.remedies.iter().take(place).any(|before| before.remedy == planned.remedy)
            };
            if solution.remedies.is_empty() || solution.remedies.iter().enumerate().any(twice) {
                return Err(Error::invalid("solutions.remedies", "remedies.once_each"));
            }
            if solution.remedies.iter().any(|planned| planned.cost < 0) {
                return Err(Error::invalid("solutions.remedies.cost", "money.not_negative"));
            }
        }
        if solutions.is_empty() {
            return Err(Error::invalid("solutions", "repeated.min_items"));
        }
        let from = self.state();
        self.state = State::PendingApproval { solutions };
        Ok(self.changed(action::PROPOSE, from, "", now))
    }

    /// The customer agrees: IMPLEMENTING, and > FOLLOW_UP when all actions are done.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, `ALREADY_AGREED`.
    pub(crate) fn agree(self, agreement: Agreement, policy: &Policy, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let kind = agreement.kind.as_str();
        self.implement(action::AGREE, kind.to_owned(), policy, now, |work| {
            if work.agreement.is_some() {
                return Err(Error::new(ALREADY_AGREED));
            }
            work.agreement = Some(agreement);
            Ok(())
        })
    }

    /// One action is done: IMPLEMENTING, and > FOLLOW_UP when it was the last and the customer agreed.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, `ACTION_UNKNOWN`, `ACTION_NOT_OPEN`.
    pub(crate) fn complete_action(
        self,
        no: i32,
        note: String,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.implement(action::COMPLETE_ACTION, note.clone(), policy, now, |work| {
            let action = work.action(no)?;
            match action.state {
                ActionState::Open | ActionState::InProgress | ActionState::NeedsDecision { .. } => {
                    action.state = ActionState::Done { at: now, note };
                    Ok(())
                }
                ActionState::Done { .. } | ActionState::Dropped { .. } => Err(action.not_open()),
            }
        })
    }

    /// Decides about an action whose service request was cancelled.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, `CAUSED_BY_ACTOR`, `ACTION_UNKNOWN`, `ACTION_NOT_OPEN`.
    pub(crate) fn decide_action(
        self,
        no: i32,
        decision: ActionDecision,
        reason: String,
        actor: &Actor,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.permit(action::DECIDE_ACTION)?;
        self.refuse_culprit(actor)?;
        self.implement(action::DECIDE_ACTION, reason.clone(), policy, now, |work| {
            let action = work.action(no)?;
            match action.state {
                ActionState::NeedsDecision { .. } => {
                    action.service_request_id = None;
                    action.state = match decision {
                        ActionDecision::Retry => ActionState::Open,
                        ActionDecision::Drop => ActionState::Dropped { at: now, reason },
                    };
                    Ok(())
                }
                ActionState::Open
                | ActionState::InProgress
                | ActionState::Done { .. }
                | ActionState::Dropped { .. } => Err(action.not_open()),
            }
        })
    }

    /// A service request was made for this complaint: it does the action that it can do, or is only linked.
    /// `None` when nothing is new.
    pub(crate) fn request_created(mut self, request_id: &str, kind: &str, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let from = self.state();
        let taken = match &mut self.state {
            State::Implementing { work } => work
                .action_of(request_id, kind)
                .filter(|action| action.state == ActionState::Open)
                .map(|action| {
                    action.service_request_id = Some(request_id.to_owned());
                    action.state = ActionState::InProgress;
                })
                .is_some(),
            State::Received
            | State::Acknowledged
            | State::Investigating
            | State::Replied { .. }
            | State::Proposing { .. }
            | State::PendingApproval { .. }
            | State::FollowUp { .. }
            | State::Closed { .. } => false,
            State::Archived { .. } => return None,
        };
        let linked = self.add_request(request_id);
        let done = if taken { action::LINK_ACTION } else { action::LINK };
        (taken || linked == Added::Something).then(|| self.changed(done, from, request_id, now))
    }

    /// A service request of this complaint is resolved: its action is done. `None` when there is no such action, or
    /// it is done already.
    ///
    /// # Errors
    ///
    /// None in practice: a state that does not allow it gives `None`.
    pub(crate) fn request_resolved(
        mut self,
        request_id: &str,
        kind: &str,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Result<Option<Changed<Self>>> {
        let State::Implementing { work } = &mut self.state else { return Ok(None) };
        let found = work.action_of(request_id, kind).filter(|action| !action.state.is_ended());
        let Some(no) = found.map(|action| action.no) else { return Ok(None) };
        self.add_request(request_id);
        let changed = self.implement(action::COMPLETE_ACTION, request_id.to_owned(), policy, now, |work| {
            let action = work.action(no)?;
            action.service_request_id = Some(request_id.to_owned());
            action.state = ActionState::Done { at: now, note: request_id.to_owned() };
            Ok(())
        })?;
        Ok(Some(changed))
    }

    /// A service request of this complaint was cancelled: its action waits for a decision. `None` when no unfinished
    /// action was its.
    pub(crate) fn request_cancelled(
        mut self,
        request_id: &str,
        why: &str,
        now: DateTime<Utc>,
    ) -> Option<Changed<Self>> {
        let from = self.state();
        let State::Implementing { work } = &mut self.state else { return None };
        let mine = |action: &&mut Action| {
            action.service_request_id.as_deref() == Some(request_id) && action.state == ActionState::InProgress
        };
        let action = work.actions.iter_mut().find(mine)?;
        action.state = ActionState::NeedsDecision { reason: why.to_owned() };
        Some(self.changed(action::REOPEN_ACTION, from, request_id, now))
    }

    fn add_request(&mut self, id: &str) -> Added {
        let known = self.links.service_requests.iter().chain(&self.remedy_requests).any(|known| known == id);
        if known {
            return Added::Nothing;
        }
        self.remedy_requests.push(id.to_owned());
        Added::Something
    }

    /// Changes the work in IMPLEMENTING and moves on to FOLLOW_UP when nothing is left to do.
    fn implement(
        mut self,
        name: &'static str,
        reason: String,
        policy: &Policy,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut Implementation) -> Result<()>,
    ) -> Result<Changed<Self>> {
        let from = self.state();
        let State::Implementing { work } = &mut self.state else { return Err(self.illegal(name)) };
        change(work)?;
        if work.is_complete() {
            self.implementations.push(work.as_ref().clone());
            self.state = State::FollowUp { follow_up_due_at: now + policy.follow_up };
        }
        Ok(self.changed(name, from, reason, now))
    }
}
