//! Asking a supervisor, and the answer: who may answer up to which amount.

use chrono::{DateTime, Utc};
use common::{
    convert::Money,
    error::{Error, Result, reason},
    record::{Actor, Changed, Role},
};

use super::{Action, Approval, Outcome, ServiceRequest, State};
use crate::{
    domain::{
        ApprovalId,
        sla::{Fact, Level},
        values::{Charge, Kind},
    },
    error::{APPROVAL_BEYOND_LIMIT, APPROVAL_UNCHANGED, APPROVER_IS_ASKER},
};

/// What needs a supervisor's approval, and how far a supervisor may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalRules {
    /// Kinds that always need it.
    pub kinds: Vec<Kind>,
    /// Minor units from which a quote needs it.
    pub quote_from_minor: i64,
    /// Minor units up to which a supervisor may approve; beyond it takes a manager.
    pub supervisor_limit_minor: i64,
}

impl ApprovalRules {
    /// Whether a release needs an approval.
    #[must_use]
    pub fn asks_for(&self, kind: Kind, charge: Option<Charge>) -> bool {
        self.kinds.contains(&kind) || charge == Some(Charge::Goodwill)
    }
}

impl ServiceRequest {
    /// Asks a supervisor.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `APPROVAL_UNCHANGED` when it was refused with the same reason and amount.
    pub fn ask_approval(
        mut self,
        id: ApprovalId,
        by: &Actor,
        reason: &str,
        amount: Option<Money>,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.check(Action::AskApproval, now)?;
        let refused = self.approvals.iter().any(|one| {
            one.round == self.reopen_count
                && one.outcome == Outcome::Rejected
                && one.reason == reason
                && one.amount == amount
        });
        if refused {
            return Err(Error::new(APPROVAL_UNCHANGED));
        }
        self.approvals.push(Approval {
            id: id.clone(),
            reason: reason.to_owned(),
            amount,
            asked_by: by.clone(),
            asked_at: now,
            outcome: Outcome::Open,
            answered_by: None,
            answered_at: None,
            answer: String::new(),
            round: self.reopen_count,
        });
        self.log(now, Fact::With(Level::HeadOffice));
        Ok(self.to(State::PendingApproval { approval_id: id }, Action::AskApproval, reason))
    }

    /// Agrees.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `NOT_ALLOWED` for other roles; `APPROVER_IS_ASKER`; `APPROVAL_BEYOND_LIMIT`.
    pub fn approve(self, by: &Actor, rules: &ApprovalRules, words: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Approve, now)?;
        let asked = self.approvals.last();
        if asked.is_some_and(|asked| asked.asked_by.id == by.id) {
            return Err(Error::new(APPROVER_IS_ASKER));
        }
        let amount = asked.and_then(|asked| asked.amount.as_ref()).map_or(0, |amount| amount.minor_units);
        match by.role {
            Role::Manager | Role::Admin => {}
            Role::Supervisor if amount <= rules.supervisor_limit_minor => {}
            Role::Supervisor => {
                return Err(Error::new(APPROVAL_BEYOND_LIMIT)
                    .with("amount", amount)
                    .with("limit", rules.supervisor_limit_minor));
            }
            _ => return Err(not_allowed(by, Action::Approve)),
        }
        Ok(self.answered(Outcome::Approved, by, words, Action::Approve, now))
    }

    /// Refuses.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `NOT_ALLOWED` for other roles.
    pub fn reject(self, by: &Actor, words: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Reject, now)?;
        match by.role {
            Role::Supervisor | Role::Manager | Role::Admin => {
                Ok(self.answered(Outcome::Rejected, by, words, Action::Reject, now))
            }
            _ => Err(not_allowed(by, Action::Reject)),
        }
    }

    fn answered(
        mut self,
        outcome: Outcome,
        by: &Actor,
        words: &str,
        action: Action,
        now: DateTime<Utc>,
    ) -> Changed<Self> {
        if let Some(asked) = self.approvals.last_mut() {
            asked.outcome = outcome;
            asked.answered_by = Some(by.clone());
            asked.answered_at = Some(now);
            words.clone_into(&mut asked.answer);
        }
        self.log(now, Fact::With(Level::Office));
        self.to(State::Triaged, action, words)
    }

    /// Askings and quotes that are open when the request ends end with it.
    pub(super) fn drop_open_papers(&mut self, now: DateTime<Utc>) {
        for asked in self.approvals.iter_mut().filter(|one| one.outcome == Outcome::Open) {
            asked.outcome = Outcome::Expired;
            asked.answered_at = Some(now);
        }
        for quote in self.quotes.iter_mut().filter(|one| one.outcome == Outcome::Open) {
            quote.outcome = Outcome::Expired;
            quote.answered_at = Some(now);
        }
    }
}

fn not_allowed(by: &Actor, action: Action) -> Error {
    Error::new(reason::NOT_ALLOWED).with("role", by.role.as_str()).with("action", action)
}
