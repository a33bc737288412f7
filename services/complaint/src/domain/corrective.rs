//! Corrective actions: containment, cause, correction, prevention, and a check of the effect that must pass.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Actor, Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{CorrectiveActionId, policy::Policy};
use crate::error::CHECK_TOO_EARLY;

/// Where a corrective action stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub(crate) enum CorrectiveState {
    /// Opened.
    Open,
    /// The harm no longer spreads.
    Contained,
    /// The root cause is known.
    Analysed,
    /// What was wrong is put right.
    Corrected,
    /// The effect waits for its check.
    AwaitingCheck {
        /// Never earlier.
        check_due_at: DateTime<Utc>,
        /// When the check was called for; `None` before it is due.
        called_at: Option<DateTime<Utc>>,
    },
    /// The check passed.
    Closed {
        /// When.
        at: DateTime<Utc>,
    },
}

/// What opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// Somebody.
    Manual,
    /// An investigation that found a product problem.
    ProductProblem,
    /// The same cause too often.
    RepeatedCause,
}

impl Origin {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::ProductProblem => "product_problem",
            Self::RepeatedCause => "repeated_cause",
        }
    }
}

/// What a check of the effect showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EffectResult {
    /// It works.
    Passed,
    /// It does not.
    Failed,
}

/// One check of the effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EffectCheck {
    pub(crate) result: EffectResult,
    pub(crate) evidence: String,
    pub(crate) by: Actor,
    pub(crate) at: DateTime<Utc>,
}

/// What is to be opened.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) cause_code: String,
    pub(crate) text: String,
    pub(crate) origin: Origin,
    pub(crate) complaint_ids: Vec<String>,
    pub(crate) org_unit_id: String,
    pub(crate) owner_id: String,
}

/// A corrective action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CorrectiveAction {
    pub(crate) id: CorrectiveActionId,
    pub(crate) version: i64,
    pub(crate) number: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) org_unit_id: String,
    pub(crate) state: CorrectiveState,
    pub(crate) cause_code: String,
    pub(crate) problem: String,
    pub(crate) origin: Origin,
    pub(crate) complaint_ids: Vec<String>,
    pub(crate) owner_id: String,
    pub(crate) containment: String,
    pub(crate) whys: Vec<String>,
    pub(crate) correction: String,
    pub(crate) prevention: String,
    pub(crate) checks: Vec<EffectCheck>,
}

impl Problem {
    /// Opens a corrective action: (nothing) > OPEN.
    pub(crate) fn open(self, id: CorrectiveActionId, number: String, now: DateTime<Utc>) -> CorrectiveAction {
        CorrectiveAction {
            id,
            version: 0,
            number,
            created_at: now,
            updated_at: now,
            org_unit_id: self.org_unit_id,
            state: CorrectiveState::Open,
            cause_code: self.cause_code,
            problem: self.text,
            origin: self.origin,
            complaint_ids: self.complaint_ids,
            owner_id: self.owner_id,
            containment: String::new(),
            whys: Vec::new(),
            correction: String::new(),
            prevention: String::new(),
            checks: Vec::new(),
        }
    }
}

impl CorrectiveAction {
    /// The actions that the present state allows.
    pub(crate) fn allowed(&self) -> &'static [&'static str] {
        match self.state {
            CorrectiveState::Open => &["contain", "join"],
            CorrectiveState::Contained => &["analyse", "join"],
            CorrectiveState::Analysed => &["correct", "join"],
            CorrectiveState::Corrected => &["prevent", "join"],
            CorrectiveState::AwaitingCheck { .. } => &["check", "join"],
            CorrectiveState::Closed { .. } => &[],
        }
    }

    /// Whether the check has not passed yet.
    pub(crate) fn is_unfinished(&self) -> bool {
        !self.allowed().is_empty()
    }

    fn permit(&self, action: &'static str) -> Result<()> {
        if self.allowed().contains(&action) {
            return Ok(());
        }
        Err(Error::illegal(Self::KIND, action, self.state(), self.allowed()))
    }

    fn moved(
        mut self,
        action: &'static str,
        to: CorrectiveState,
        reason: impl Into<String>,
        now: DateTime<Utc>,
    ) -> Changed<Self> {
        let from = self.state();
        self.state = to;
        self.updated_at = now;
        Changed::new(self, action, from, reason)
    }

    /// Another complaint of the same cause. `None` when it is known.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` when it is closed.
    pub(crate) fn join(mut self, complaint_id: &str, now: DateTime<Utc>) -> Result<Option<Changed<Self>>> {
        self.permit("join")?;
        if self.complaint_ids.iter().any(|known| known == complaint_id) {
            return Ok(None);
        }
        self.complaint_ids.push(complaint_id.to_owned());
        let state = self.state.clone();
        Ok(Some(self.moved("join", state, complaint_id, now)))
    }

    /// The harm no longer spreads: OPEN > CONTAINED.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub(crate) fn contain(mut self, how: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("contain")?;
        self.containment = how;
        Ok(self.moved("contain", CorrectiveState::Contained, "", now))
    }

    /// The root cause is known: CONTAINED > ANALYSED.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `INVALID_FIELDS` without any why.
    pub(crate) fn analyse(mut self, whys: Vec<String>, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("analyse")?;
        let Some(root) = whys.last().cloned() else { return Err(Error::invalid("whys", "repeated.min_items")) };
        self.whys = whys;
        Ok(self.moved("analyse", CorrectiveState::Analysed, root, now))
    }

    /// What was wrong is put right: ANALYSED > CORRECTED.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub(crate) fn correct(mut self, how: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("correct")?;
        self.correction = how;
        Ok(self.moved("correct", CorrectiveState::Corrected, "", now))
    }

    /// It is kept from happening again: CORRECTED > AWAITING_CHECK.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub(crate) fn prevent(mut self, how: String, policy: &Policy, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("prevent")?;
        self.prevention = how;
        let state = CorrectiveState::AwaitingCheck { check_due_at: now + policy.effect_check, called_at: None };
        Ok(self.moved("prevent", state, "", now))
    }

    /// Calls for the check once it is due. `None` when it is not, or was called for.
    pub(crate) fn call_check(self, now: DateTime<Utc>) -> Option<Changed<Self>> {
        match self.state {
            CorrectiveState::AwaitingCheck { check_due_at, called_at: None } if check_due_at <= now => {
                let state = CorrectiveState::AwaitingCheck { check_due_at, called_at: Some(now) };
                Some(self.moved("call_check", state, "check_due", now))
            }
            CorrectiveState::AwaitingCheck { .. }
            | CorrectiveState::Open
            | CorrectiveState::Contained
            | CorrectiveState::Analysed
            | CorrectiveState::Corrected
            | CorrectiveState::Closed { .. } => None,
        }
    }

    /// When the check is due; `None` while it does not wait for one.
    pub(crate) fn check_due_at(&self) -> Option<DateTime<Utc>> {
        match self.state {
            CorrectiveState::AwaitingCheck { check_due_at, .. } => Some(check_due_at),
            CorrectiveState::Open
            | CorrectiveState::Contained
            | CorrectiveState::Analysed
            | CorrectiveState::Corrected
            | CorrectiveState::Closed { .. } => None,
        }
    }

    /// The effect was checked: AWAITING_CHECK > CLOSED (passed) or CONTAINED (failed: the cause was not the root).
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, `CHECK_TOO_EARLY`.
    pub(crate) fn check(mut self, check: EffectCheck, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("check")?;
        if let Some(due) = self.check_due_at().filter(|due| *due > now) {
            return Err(Error::new(CHECK_TOO_EARLY).with("check_due_at", due.to_rfc3339()));
        }
        let (state, reason) = match check.result {
            EffectResult::Passed => (CorrectiveState::Closed { at: now }, "passed"),
            EffectResult::Failed => (CorrectiveState::Contained, "failed"),
        };
        self.checks.push(check);
        Ok(self.moved("check", state, reason, now))
    }
}

impl Record for CorrectiveAction {
    const KIND: &'static str = "corrective_action";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn number(&self) -> &str {
        &self.number
    }

    fn state(&self) -> &'static str {
        match self.state {
            CorrectiveState::Open => "open",
            CorrectiveState::Contained => "contained",
            CorrectiveState::Analysed => "analysed",
            CorrectiveState::Corrected => "corrected",
            CorrectiveState::AwaitingCheck { .. } => "awaiting_check",
            CorrectiveState::Closed { .. } => "closed",
        }
    }
}
