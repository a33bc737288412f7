//! Callbacks: three tries on different days and at different times, each recorded, then we give up.

use chrono::{DateTime, Duration, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{CallbackId, InvitationId, ResponseId, local::DAY, rest::RestHours};

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TryResult {
    /// Nobody picked up.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// The number belongs to somebody else.
    WrongNumber,
    /// The customer does not want to answer.
    Refused,
    /// The customer named another time.
    CallAgain,
    /// The customer answered.
    Done,
}

/// How a try without answers ended, with what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody picked up.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// The number belongs to somebody else.
    WrongNumber,
    /// The customer does not want to answer.
    Refused,
    /// The customer named this time.
    CallAgain(DateTime<Utc>),
}

/// One try to reach the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// When.
    pub at: DateTime<Utc>,
    /// Who called.
    pub agent_id: String,
    /// How it ended.
    pub result: TryResult,
    /// What was said.
    pub note: String,
    /// Whether it counts among the tries after which we give up.
    pub counted: bool,
}

/// After which tries we give up.
#[derive(Clone, Debug)]
pub struct TryPolicy {
    /// So many counted tries.
    pub count: usize,
    /// Counted tries are at least so far apart.
    pub gap: Duration,
    /// Counted tries are on different local days.
    pub different_days: bool,
    /// Counted tries are at least so far apart on the clock; zero for no matter.
    pub different_time: Duration,
}

/// Where a callback stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "name")]
pub enum State {
    /// To be called.
    Open {
        /// By whom, when somebody has it.
        agent_id: Option<String>,
        /// Not before this.
        next_try_at: DateTime<Utc>,
    },
    /// The customer answered on the phone.
    Done {
        /// When.
        at: DateTime<Utc>,
        /// By whom.
        agent_id: String,
        /// The answer.
        response_id: ResponseId,
    },
    /// The customer does not want to answer.
    Refused {
        /// When.
        at: DateTime<Utc>,
    },
    /// Nobody was reached in all tries.
    Unreachable {
        /// When.
        at: DateTime<Utc>,
    },
    /// The number belongs to somebody else.
    WrongNumber {
        /// When.
        at: DateTime<Utc>,
    },
    /// The customer answered by the link meanwhile.
    Settled {
        /// When.
        at: DateTime<Utc>,
    },
}

/// A call to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// Id.
    pub id: CallbackId,
    /// Version of this record.
    pub version: i64,
    /// The invitation it serves.
    pub invitation_id: InvitationId,
    /// The customer.
    pub customer_id: String,
    /// The service request it is about, if any.
    pub service_request_id: Option<String>,
    /// Organisation unit that owns it.
    pub org_unit_id: String,
    /// To be done by then.
    pub due_at: DateTime<Utc>,
    /// When it was found not done in time.
    pub overdue_at: Option<DateTime<Utc>>,
    /// The tries so far.
    pub tries: Vec<Try>,
    /// Where it stands.
    pub state: State,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

impl Record for Callback {
    const KIND: &'static str = "callback";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn state(&self) -> &'static str {
        match self.state {
            State::Open { .. } => "open",
            State::Done { .. } => "done",
            State::Refused { .. } => "refused",
            State::Unreachable { .. } => "unreachable",
            State::WrongNumber { .. } => "wrong_number",
            State::Settled { .. } => "settled",
        }
    }

    fn subject_id(&self) -> Option<&str> {
        Some(&self.customer_id)
    }

    fn case_id(&self) -> Option<&str> {
        self.service_request_id.as_deref()
    }
}

impl Callback {
    /// The agent who has it; `None` when nobody has it or it is over.
    #[must_use]
    pub fn agent_id(&self) -> Option<&str> {
        match &self.state {
            State::Open { agent_id, .. } => agent_id.as_deref(),
            State::Done { agent_id, .. } => Some(agent_id),
            State::Refused { .. } | State::Unreachable { .. } | State::WrongNumber { .. } | State::Settled { .. } => {
                None
            }
        }
    }

    /// When it ended; `None` while open.
    #[must_use]
    pub fn ended_at(&self) -> Option<DateTime<Utc>> {
        match &self.state {
            State::Open { .. } => None,
            State::Done { at, .. }
            | State::Refused { at }
            | State::Unreachable { at }
            | State::WrongNumber { at }
            | State::Settled { at } => Some(*at),
        }
    }

    /// Gives it to an agent.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is open.
    pub fn assign(mut self, agent: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match &mut self.state {
            State::Open { agent_id, .. } => *agent_id = Some(agent.to_owned()),
            State::Done { .. }
            | State::Refused { .. }
            | State::Unreachable { .. }
            | State::WrongNumber { .. }
            | State::Settled { .. } => return Err(self.refuse("assign")),
        }
        self.updated_at = now;
        Ok(Changed::new(self, "assign", "open", ""))
    }

    /// Records a try that brought no answers, and decides whether and when to try again.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is open; `INVALID_FIELDS` when the time named is not ahead.
    pub fn record_try(
        mut self,
        outcome: Outcome,
        agent: &str,
        note: &str,
        policy: &TryPolicy,
        rest: &RestHours,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        let State::Open { agent_id, .. } = self.state.clone() else { return Err(self.refuse("record_try")) };
        if let Outcome::CallAgain(at) = outcome
            && at <= now
        {
            return Err(Error::invalid("call_again_time", "timestamp.ahead"));
        }
        let again = |next_try_at| State::Open { agent_id: agent_id.clone(), next_try_at };
        let (result, state, reason) = match outcome {
            Outcome::Refused => (TryResult::Refused, State::Refused { at: now }, "refused"),
            Outcome::WrongNumber => (TryResult::WrongNumber, State::WrongNumber { at: now }, "wrong_number"),
            // The customer's own wish: kept as it is, in rest hours, too.
            Outcome::CallAgain(at) => (TryResult::CallAgain, again(at), "call_again"),
            Outcome::NoAnswer | Outcome::Busy => {
                let busy = outcome == Outcome::Busy;
                let (result, reason) =
                    if busy { (TryResult::Busy, "busy") } else { (TryResult::NoAnswer, "no_answer") };
                let counted = self.counts(now, policy, rest);
                let so_far = self.tries.iter().filter(|one| one.counted).count() + usize::from(counted);
                if so_far >= policy.count {
                    (result, State::Unreachable { at: now }, reason)
                } else {
                    // The gap, and as much again as makes it another time of the day.
                    (result, again(rest.next_allowed(now + policy.gap + policy.different_time)), reason)
                }
            }
        };
        let counted = matches!(result, TryResult::NoAnswer | TryResult::Busy) && self.counts(now, policy, rest);
        self.tries.push(Try { at: now, agent_id: agent.to_owned(), result, note: note.to_owned(), counted });
        (self.state, self.updated_at) = (state, now);
        Ok(Changed::new(self, "record_try", "open", reason))
    }

    /// Records the try that brought the answers.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is open.
    pub fn complete(
        mut self,
        response_id: ResponseId,
        agent: &str,
        note: &str,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        match &self.state {
            State::Open { .. } => {}
            State::Done { .. }
            | State::Refused { .. }
            | State::Unreachable { .. }
            | State::WrongNumber { .. }
            | State::Settled { .. } => return Err(self.refuse("complete")),
        }
        let result = TryResult::Done;
        self.tries.push(Try { at: now, agent_id: agent.to_owned(), result, note: note.to_owned(), counted: false });
        (self.state, self.updated_at) = (State::Done { at: now, agent_id: agent.to_owned(), response_id }, now);
        Ok(Changed::new(self, "complete", "open", ""))
    }

    /// The customer answered by the link.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is open.
    pub fn settle(mut self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match &self.state {
            State::Open { .. } => {}
            State::Done { .. }
            | State::Refused { .. }
            | State::Unreachable { .. }
            | State::WrongNumber { .. }
            | State::Settled { .. } => return Err(self.refuse("settle")),
        }
        (self.state, self.updated_at) = (State::Settled { at: now }, now);
        Ok(Changed::new(self, "settle", "open", "answered_by_link"))
    }

    /// It was not done in time.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is open and not overdue yet.
    pub fn mark_overdue(mut self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match &self.state {
            State::Open { .. } if self.overdue_at.is_none() => {}
            State::Open { .. }
            | State::Done { .. }
            | State::Refused { .. }
            | State::Unreachable { .. }
            | State::WrongNumber { .. }
            | State::Settled { .. } => return Err(self.refuse("mark_overdue")),
        }
        (self.overdue_at, self.updated_at) = (Some(now), now);
        Ok(Changed::new(self, "mark_overdue", "open", "overdue"))
    }

    /// The actions its state allows.
    #[must_use]
    pub fn allowed(&self) -> &'static [&'static str] {
        match self.state {
            State::Open { .. } if self.overdue_at.is_none() => {
                &["assign", "record_try", "complete", "settle", "mark_overdue"]
            }
            State::Open { .. } => &["assign", "record_try", "complete", "settle"],
            State::Done { .. }
            | State::Refused { .. }
            | State::Unreachable { .. }
            | State::WrongNumber { .. }
            | State::Settled { .. } => &[],
        }
    }

    /// Whether a try at `now` is on another day and at another time than those that count already.
    fn counts(&self, now: DateTime<Utc>, policy: &TryPolicy, rest: &RestHours) -> bool {
        let wall = rest.zone().wall(now);
        self.tries.iter().filter(|one| one.counted).all(|one| {
            let other = rest.zone().wall(one.at);
            let apart = i64::from((wall.second - other.second).abs());
            let apart = apart.min(i64::from(DAY) - apart);
            now - one.at >= policy.gap
                && !(policy.different_days && wall.date == other.date)
                && apart >= policy.different_time.num_seconds()
        })
    }

    /// The refusal of an action that its state does not allow.
    #[must_use]
    pub fn refuse(&self, action: &str) -> Error {
        Error::illegal(Self::KIND, action, self.state(), self.allowed())
    }
}

#[cfg(test)]
#[path = "callback_tests.rs"]
mod tests;
