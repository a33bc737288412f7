//! Contacts with customers and what was promised in them.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{
    ContactId, CustomerId, ServiceRequestId,
    ladder::{self, Escalation, Ladder},
    names::names,
};

names! {
    /// Who contacted whom.
    pub enum Direction {
        /// The customer came to us.
        Inbound = "inbound",
        /// We went to the customer.
        Outbound = "outbound",
    }
}

names! {
    /// Whether a promise is kept.
    pub enum PromiseState {
        /// Open, its time has not come.
        Open = "open",
        /// Open past its time.
        Overdue = "overdue",
        /// Kept in time.
        Kept = "kept",
        /// Kept late.
        KeptLate = "kept_late",
    }
}

/// Something promised to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// What.
    pub text: String,
    /// By when.
    pub due_at: DateTime<Utc>,
    /// When it was kept.
    pub kept_at: Option<DateTime<Utc>>,
}

/// One contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Id.
    pub id: ContactId,
    /// Version.
    pub version: i64,
    /// When it was written down.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Organisation unit that owns it.
    pub org_unit_id: String,
    /// The customer.
    pub customer_id: CustomerId,
    /// The request it is about.
    pub service_request_id: Option<ServiceRequestId>,
    /// Who contacted whom.
    pub direction: Direction,
    /// Channel.
    pub channel: String,
    /// When it was.
    pub at: DateTime<Utc>,
    /// Our agent.
    pub agent_id: String,
    /// Who was spoken to.
    pub spoken_to: String,
    /// What was said.
    pub summary: String,
    /// Where the recording is.
    pub recording_link: String,
    /// What was promised.
    pub promise: Option<Promise>,
    /// Escalation steps of the promise.
    pub escalations: Vec<Escalation>,
}

/// The name under which promises escalate.
pub const PROMISE: &str = "promise";

impl Record for Contact {
    const KIND: &'static str = "contact";

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
        match &self.promise {
            None => "noted",
            Some(promise) if promise.kept_at.is_some() => "kept",
            Some(_) => "promised",
        }
    }

    fn subject_id(&self) -> Option<&str> {
        Some(self.customer_id.as_str())
    }

    fn case_id(&self) -> Option<&str> {
        self.service_request_id.as_ref().map(ServiceRequestId::as_str)
    }
}

impl Contact {
    /// Whether the promise is kept, as of now; `None` when nothing was promised.
    #[must_use]
    pub fn promise_state(&self, now: DateTime<Utc>) -> Option<PromiseState> {
        self.promise.as_ref().map(|promise| match promise.kept_at {
            None if now < promise.due_at => PromiseState::Open,
            None => PromiseState::Overdue,
            Some(kept_at) if kept_at <= promise.due_at => PromiseState::Kept,
            Some(_) => PromiseState::KeptLate,
        })
    }

    /// Says that what was promised has been done.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` when nothing is promised any more.
    pub fn keep(mut self, how: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.state();
        match self.promise.as_mut().filter(|promise| promise.kept_at.is_none()) {
            Some(promise) => promise.kept_at = Some(now),
            None => return Err(Error::illegal(Self::KIND, "keep_promise", from, &[])),
        }
        Ok(Changed::new(self, "keep_promise", from, how))
    }

    /// The next escalation step of an unkept promise and its instant.
    #[must_use]
    pub fn attention(&self, ladder: &Ladder) -> Option<(i32, DateTime<Utc>)> {
        let promise = self.promise.as_ref().filter(|promise| promise.kept_at.is_none())?;
        ladder.after_due(promise.due_at, self.escalations.iter().max_by_key(|one| one.step))
    }

    /// Takes an escalation step; the agent who promised is reminded first.
    #[must_use]
    pub fn escalate(mut self, step: i32, now: DateTime<Utc>) -> Changed<Self> {
        let from = self.state();
        self.escalations.extend(ladder::steps(PROMISE, step, &self.agent_id, &self.org_unit_id, now));
        Changed::new(self, "escalate", from, PROMISE)
    }

    /// Moves it to the file that was kept when its customer's file was merged.
    #[must_use]
    pub fn move_to(mut self, customer_id: CustomerId) -> Changed<Self> {
        let from = self.state();
        self.customer_id = customer_id;
        Changed::new(self, "move", from, "customer_merged")
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use common::{error::reason, id::Ids};

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::minutes(minutes)
    }

    fn contact() -> Contact {
        let ids = Ids::random();
        Contact {
            id: ids.make(at(0)),
            version: 1,
            created_at: at(0),
            updated_at: at(0),
            org_unit_id: "east".to_owned(),
            customer_id: ids.make(at(0)),
            service_request_id: None,
            direction: Direction::Outbound,
            channel: "phone".to_owned(),
            at: at(0),
            agent_id: "agent-1".to_owned(),
            spoken_to: String::new(),
            summary: "will call back".to_owned(),
            recording_link: String::new(),
            promise: Some(Promise { text: "call back".to_owned(), due_at: at(60), kept_at: None }),
            escalations: Vec::new(),
        }
    }

    #[test]
    fn a_promise_is_open_then_overdue_then_kept_late() {
        assert_eq!(contact().promise_state(at(59)), Some(PromiseState::Open));
        assert_eq!(contact().promise_state(at(60)), Some(PromiseState::Overdue));
        let in_time = contact().keep("called", at(60)).unwrap().record;
        assert_eq!(in_time.promise_state(at(90)), Some(PromiseState::Kept));
        let late = contact().keep("called", at(61)).unwrap().record;
        assert_eq!(late.promise_state(at(90)), Some(PromiseState::KeptLate));
        assert_eq!(late.keep("again", at(91)).unwrap_err().reason, reason::ILLEGAL_TRANSITION);
    }

    #[test]
    fn an_unkept_promise_escalates_step_by_step_and_a_kept_one_does_not() {
        let minutes = Duration::minutes;
        let ladder = Ladder {
            remind_every: minutes(10),
            to_supervisor: minutes(10),
            to_manager: minutes(10),
            to_head_office: minutes(10),
        };
        assert_eq!(contact().attention(&ladder), Some((1, at(60))));
        let told = contact().escalate(1, at(60)).record;
        assert_eq!(told.escalations[0].notified_id, "agent-1");
        assert_eq!(told.attention(&ladder), Some((2, at(70))));
        assert_eq!(told.keep("called", at(65)).unwrap().record.attention(&ladder), None);
        let nothing = Contact { promise: None, ..contact() };
        assert_eq!(nothing.attention(&ladder), None);
        assert_eq!(nothing.promise_state(at(0)), None);
    }
}
