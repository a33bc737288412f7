//! The state machine as a table: which action leads out of which stage. Everything else is refused.

use chrono::{DateTime, Duration, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record as _},
};

use super::{Outcome, ServiceRequest, State};
use crate::domain::names::names;

names! {
    /// A state without what belongs to it.
    pub enum Stage {
        /// Registered.
        New = "new",
        /// Sorted.
        Triaged = "triaged",
        /// A supervisor was asked.
        PendingApproval = "pending_approval",
        /// The customer has a quote.
        PendingQuote = "pending_quote",
        /// Ready for a visit.
        Ready = "ready",
        /// There is a work order.
        Scheduled = "scheduled",
        /// The technician works.
        InService = "in_service",
        /// Solved.
        Resolved = "resolved",
        /// Closed.
        Closed = "closed",
        /// Cancelled.
        Cancelled = "cancelled",
        /// Merged into another request.
        Merged = "merged",
    }
}

names! {
    /// What can be done to a request.
    pub enum Action {
        /// Sort it.
        Triage = "triage",
        /// Answer it without a visit.
        Answer = "answer",
        /// Ask a supervisor.
        AskApproval = "ask_approval",
        /// Agree.
        Approve = "approve",
        /// Refuse.
        Reject = "reject",
        /// Make a quote.
        Quote = "quote",
        /// The customer takes the quote.
        AcceptQuote = "accept_quote",
        /// The customer does not take the quote.
        DeclineQuote = "decline_quote",
        /// The quote runs out.
        ExpireQuote = "expire_quote",
        /// Free it for a visit.
        Release = "release",
        /// Tell dispatch of an accepted quote's visit.
        ReleaseVisit = "release_visit",
        /// Dispatch made the work order.
        Schedule = "schedule",
        /// The technician started.
        Start = "start",
        /// The visit solved it.
        CompleteVisit = "complete_visit",
        /// The visit did not solve it, or dispatch gave it up.
        NeedVisit = "need_visit",
        /// Goods were taken back or exchanged, or the complaint was closed.
        Settle = "settle",
        /// Let it wait.
        Hold = "hold",
        /// End the wait.
        Resume = "resume",
        /// Change its details.
        Update = "update",
        /// Note how far the visit is, or a contact.
        Track = "track",
        /// Take an escalation step.
        Escalate = "escalate",
        /// Cancel it.
        Cancel = "cancel",
        /// Close it.
        Close = "close",
        /// Open it again.
        Reopen = "reopen",
        /// Merge it into another one.
        Merge = "merge",
    }
}

impl Stage {
    /// Whether it is neither solved nor ended.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::New
            | Self::Triaged
            | Self::PendingApproval
            | Self::PendingQuote
            | Self::Ready
            | Self::Scheduled
            | Self::InService => true,
            Self::Resolved | Self::Closed | Self::Cancelled | Self::Merged => false,
        }
    }

    /// Whether the table has an edge for the action out of this stage.
    #[must_use]
    pub fn allows(self, action: Action) -> bool {
        match action {
            Action::Triage => self == Self::New,
            Action::Answer | Action::Merge => matches!(self, Self::New | Self::Triaged),
            Action::AskApproval | Action::Quote | Action::Release => self == Self::Triaged,
            Action::Approve | Action::Reject => self == Self::PendingApproval,
            Action::AcceptQuote | Action::DeclineQuote | Action::ExpireQuote => self == Self::PendingQuote,
            Action::ReleaseVisit | Action::Schedule => self == Self::Ready,
            Action::Start => self == Self::Scheduled,
            Action::CompleteVisit | Action::NeedVisit => matches!(self, Self::Scheduled | Self::InService),
            Action::Settle
            | Action::Hold
            | Action::Resume
            | Action::Update
            | Action::Track
            | Action::Escalate
            | Action::Cancel => self.is_open(),
            Action::Close => self == Self::Resolved,
            Action::Reopen => matches!(self, Self::Resolved | Self::Closed),
        }
    }
}

impl Action {
    /// Whether a person asks for it; the others come from events and timers.
    #[must_use]
    pub fn is_asked_for(self) -> bool {
        !matches!(
            self,
            Self::ExpireQuote
                | Self::ReleaseVisit
                | Self::Schedule
                | Self::Start
                | Self::CompleteVisit
                | Self::NeedVisit
                | Self::Settle
                | Self::Track
                | Self::Escalate
        )
    }
}

/// How long after closing a request can be opened again.
pub(super) const REOPEN_DAYS: i64 = 30;

impl ServiceRequest {
    /// Its state without what belongs to it.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self.state {
            State::New => Stage::New,
            State::Triaged => Stage::Triaged,
            State::PendingApproval { .. } => Stage::PendingApproval,
            State::PendingQuote { .. } => Stage::PendingQuote,
            State::Ready { .. } => Stage::Ready,
            State::Scheduled { .. } => Stage::Scheduled,
            State::InService { .. } => Stage::InService,
            State::Resolved { .. } => Stage::Resolved,
            State::Closed { .. } => Stage::Closed,
            State::Cancelled { .. } => Stage::Cancelled,
            State::Merged { .. } => Stage::Merged,
        }
    }

    /// How the supervisor's last answer reads, if it still holds: an answer holds until the request is opened again.
    #[must_use]
    pub fn approval_mark(&self) -> Option<Outcome> {
        self.approvals.iter().rev().find(|one| one.round == self.reopen_count).map(|one| one.outcome)
    }

    /// Whether the action is possible now, as far as state, wait and time go.
    #[must_use]
    pub fn can(&self, action: Action, now: DateTime<Utc>) -> bool {
        let rejected = self.stage() == Stage::Triaged && self.approval_mark() == Some(Outcome::Rejected);
        self.stage().allows(action)
            && match action {
                Action::Hold => self.hold.is_none(),
                Action::Resume => self.hold.is_some(),
                Action::Reopen => match &self.state {
                    State::Closed { at, .. } => now <= *at + Duration::days(REOPEN_DAYS),
                    _ => true,
                },
                // A rejected request is cancelled, asked about again with changes, or closed as a consultation.
                Action::Quote | Action::Release | Action::Merge => !rejected,
                Action::Triage
                | Action::Answer
                | Action::AskApproval
                | Action::Approve
                | Action::Reject
                | Action::AcceptQuote
                | Action::DeclineQuote
                | Action::ExpireQuote
                | Action::ReleaseVisit
                | Action::Schedule
                | Action::Start
                | Action::CompleteVisit
                | Action::NeedVisit
                | Action::Settle
                | Action::Update
                | Action::Track
                | Action::Escalate
                | Action::Cancel
                | Action::Close => true,
            }
    }

    /// The actions that people may ask for now.
    #[must_use]
    pub fn allowed(&self, now: DateTime<Utc>) -> Vec<&'static str> {
        Action::ALL
            .iter()
            .copied()
            .filter(|action| action.is_asked_for() && self.can(*action, now))
            .map(Action::as_str)
            .collect()
    }

    /// Refuses an action that is not possible now.
    pub(super) fn check(&self, action: Action, now: DateTime<Utc>) -> Result<()> {
        if self.can(action, now) {
            return Ok(());
        }
        Err(Error::illegal(Self::KIND, action.as_str(), self.state(), &self.allowed(now)))
    }

    /// The change that leads to `state`.
    pub(super) fn to(mut self, state: State, action: Action, reason: &str) -> Changed<Self> {
        let from = self.state();
        self.state = state;
        reason.clone_into(&mut self.state_reason);
        Changed::new(self, action.as_str(), from, reason)
    }

    /// A change that leaves the state.
    pub(super) fn stay(self, action: Action, reason: &str) -> Changed<Self> {
        let from = self.state();
        Changed::new(self, action.as_str(), from, reason)
    }
}
