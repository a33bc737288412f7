//! Deadlines of a complaint and the ladder that is climbed when they pass. What is due follows from the record alone,
//! so one timer per complaint is enough, and a timer that comes late or twice changes nothing.

use chrono::{DateTime, Utc};
use common::record::{Changed, Record as _};
use serde::{Deserialize, Serialize};

use super::{
    complaint::{Complaint, State, action},
    policy::Policy,
};

/// Steps of the ladder: 1 supervisor, 2 manager, 3 head office.
pub(crate) const LAST_STEP: u32 = 3;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// The customer must know that we have it.
    Acknowledge,
    /// It must be solved.
    Resolution,
    /// Media or an authority wait.
    Outside,
    /// An action must be done.
    Action(i32),
    /// The customer must have been asked.
    FollowUp,
    /// A promise must be kept.
    Promise(i32),
}

impl Target {
    fn overdue(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge_overdue",
            Self::Resolution => "resolution_overdue",
            Self::Outside => "outside_overdue",
            Self::Action(_) => "action_overdue",
            Self::FollowUp => "follow_up_overdue",
            Self::Promise(_) => "promise_overdue",
        }
    }
}

/// An open deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    /// What for.
    pub(crate) target: Target,
    /// Until when.
    pub(crate) due_at: DateTime<Utc>,
}

/// One step that was climbed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Escalation {
    pub(crate) target: Target,
    /// The deadline that passed; another one of the same target starts at the bottom again.
    pub(crate) due_at: DateTime<Utc>,
    pub(crate) step: u32,
    pub(crate) at: DateTime<Utc>,
}

impl Complaint {
    /// The deadlines that are open in the present state.
    pub(crate) fn deadlines(&self) -> Vec<Deadline> {
        let mut open = Vec::new();
        let mut push = |target, due_at| open.push(Deadline { target, due_at });
        match &self.state {
            State::Received => {
                push(Target::Acknowledge, self.acknowledge_due_at);
                push(Target::Resolution, self.resolution_due_at);
            }
            State::Acknowledged | State::Investigating | State::Proposing { .. } | State::PendingApproval { .. } => {
                push(Target::Resolution, self.resolution_due_at)
            }
            State::Implementing { work } => {
                push(Target::Resolution, self.resolution_due_at);
                for action in work.actions.iter().filter(|action| !action.state.is_ended()) {
                    push(Target::Action(action.no), action.due_at);
                }
            }
            State::Replied { follow_up_due_at } | State::FollowUp { follow_up_due_at } => {
                push(Target::FollowUp, *follow_up_due_at);
            }
            State::Closed { .. } => {}
            State::Archived { .. } => return open,
        }
        if let Some(outside) = self.outside_due_at.filter(|_| self.is_open()) {
            push(Target::Outside, outside);
        }
        for promise in self.open_promises() {
            push(Target::Promise(promise.no), promise.due_at);
        }
        open
    }

    /// The nearest open deadline.
    pub(crate) fn next_due_at(&self) -> Option<DateTime<Utc>> {
        self.deadlines().into_iter().map(|deadline| deadline.due_at).min()
    }

    /// The next step of the ladder: which deadline, which step, when.
    fn next_step(&self, policy: &Policy) -> Option<(Deadline, u32, DateTime<Utc>)> {
        let step = |deadline: Deadline| {
            let climbed = self.escalations.iter();
            let climbed = climbed.filter(|past| past.target == deadline.target && past.due_at == deadline.due_at);
            let step = climbed.map(|past| past.step).max().unwrap_or(0) + 1;
            let waits = i32::try_from(step - 1).unwrap_or(i32::MAX);
            (step <= LAST_STEP).then(|| (deadline, step, deadline.due_at + policy.escalation_interval * waits))
        };
        self.deadlines().into_iter().filter_map(step).min_by_key(|(_, _, at)| *at)
    }

    /// When the timer must ring; `None` when nothing is left to escalate.
    pub(crate) fn wake_at(&self, policy: &Policy) -> Option<DateTime<Utc>> {
        self.next_step(policy).map(|(_, _, at)| at)
    }

    /// Climbs the one step that is due; `None` when none is.
    pub(crate) fn escalate(mut self, policy: &Policy, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let (deadline, step, _) = self.next_step(policy).filter(|(_, _, at)| *at <= now)?;
        let from = self.state();
        self.escalations.push(Escalation { target: deadline.target, due_at: deadline.due_at, step, at: now });
        Some(self.changed(action::ESCALATE, from, deadline.target.overdue(), now))
    }
}
