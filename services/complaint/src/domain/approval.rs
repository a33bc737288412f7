//! Choosing and approving a solution: limits by role, and nobody approves in a matter of their own.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result, reason},
    record::{Actor, Changed, Record as _},
};

use super::{
    complaint::{Complaint, SentBack, State, action},
    implementation::{Action, ActionState, Implementation},
    policy::Policy,
};
use crate::error::{APPROVAL_LIMIT, COMPENSATION_LIMIT, SOLUTION_UNKNOWN};

/// A decision for one solution.
#[derive(Clone, Debug)]
pub(crate) struct Approval {
    /// The chosen solution.
    pub(crate) solution_no: i32,
    /// By when all of it must be done; `None` for the usual time.
    pub(crate) due_at: Option<DateTime<Utc>>,
    /// Why this one.
    pub(crate) reason: String,
    /// Who decides.
    pub(crate) by: Actor,
}

impl Complaint {
    /// Approves one solution: PENDING_APPROVAL > IMPLEMENTING.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, `CAUSED_BY_ACTOR`, `LEVEL_TOO_LOW`, `NOT_ALLOWED`, `SOLUTION_UNKNOWN`, `APPROVAL_LIMIT`,
    /// `COMPENSATION_LIMIT`, `INVALID_FIELDS` for a due time that has passed.
    pub(crate) fn approve(mut self, approval: Approval, policy: &Policy, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let State::PendingApproval { solutions } = &self.state else { return Err(self.illegal(action::APPROVE)) };
        let by = approval.by;
        self.refuse_culprit(&by)?;
        self.refuse_low_level(&by)?;
        let role = by.role.as_str();
        let refused = || Error::new(reason::NOT_ALLOWED).with("role", role);
        let limit = policy.approval.of(by.role).ok_or_else(refused)?;
        let most = policy.compensation.of(by.role).ok_or_else(refused)?;
        let solution = solutions.iter().find(|solution| solution.no == approval.solution_no).cloned();
        let solution =
            solution.ok_or_else(|| Error::new(SOLUTION_UNKNOWN).with("solution_no", approval.solution_no))?;
        for (reason, cost, limit) in
            [(APPROVAL_LIMIT, solution.cost(), limit), (COMPENSATION_LIMIT, solution.compensation(), most)]
        {
            if cost > limit {
                return Err(Error::new(reason).with("cost", cost).with("role", role).with("limit", limit));
            }
        }
        if approval.due_at.is_some_and(|due| due <= now) {
            return Err(Error::invalid("due_at", "timestamp.in_future"));
        }
        let from = self.state();
        let due_at = approval.due_at.unwrap_or(now + policy.implementation);
        let actions = (1..).zip(&solution.remedies).map(|(no, planned)| Action {
            no,
            remedy: planned.remedy,
            description: planned.description.clone(),
            cost: planned.cost,
            due_at,
            service_request_id: None,
            state: ActionState::Open,
        });
        let actions = actions.collect();
        let work = Implementation { solution, by, at: now, agreement: None, actions };
        self.state = State::Implementing { work: Box::new(work) };
        Ok(self.changed(action::APPROVE, from, approval.reason, now))
    }

    /// Sends the solutions back: PENDING_APPROVAL > PROPOSING.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, `CAUSED_BY_ACTOR`, `LEVEL_TOO_LOW`.
    pub(crate) fn send_back(mut self, reason: String, actor: &Actor, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let State::PendingApproval { solutions } = &self.state else { return Err(self.illegal(action::SEND_BACK)) };
        self.refuse_culprit(actor)?;
        self.refuse_low_level(actor)?;
        let from = self.state();
        let sent_back = SentBack { reason: reason.clone(), solutions: solutions.clone() };
        self.state = State::Proposing { sent_back: Some(sent_back) };
        Ok(self.changed(action::SEND_BACK, from, reason, now))
    }
}
