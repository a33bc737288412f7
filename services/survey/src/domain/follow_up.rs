//! Follow-ups: a low answer stays open until somebody has closed it.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{FollowUpId, ResponseId, response::Route};
use crate::error::COMPLAINT_DEALS_WITH_IT;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The customer is content now.
    Satisfied,
    /// Explained or apologised; nothing more can be done.
    Explained,
    /// More work is under way in another record.
    PassedOn,
    /// The customer could not be reached.
    Unreachable,
}

impl Outcome {
    /// The name used in histories.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Satisfied => "satisfied",
            Self::Explained => "explained",
            Self::PassedOn => "passed_on",
            Self::Unreachable => "unreachable",
        }
    }
}

/// Where a follow-up stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "name")]
pub enum State {
    /// Nobody has closed it.
    Open,
    /// It is closed.
    Closed {
        /// When.
        at: DateTime<Utc>,
        /// By whom.
        by: String,
        /// What came of it.
        outcome: Outcome,
        /// What was done.
        note: String,
    },
}

/// What a low answer opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// Id.
    pub id: FollowUpId,
    /// Version of this record.
    pub version: i64,
    /// Who deals with it.
    pub route: Route,
    /// The answer that opened it.
    pub response_id: ResponseId,
    /// The customer.
    pub customer_id: String,
    /// The service request it is about, if any.
    pub service_request_id: Option<String>,
    /// Organisation unit that owns it.
    pub org_unit_id: String,
    /// The complaint that deals with it, once there is one.
    pub complaint_id: Option<String>,
    /// To be closed by then.
    pub due_at: DateTime<Utc>,
    /// When it was found not closed in time.
    pub overdue_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub state: State,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

impl Record for FollowUp {
    const KIND: &'static str = "follow_up";

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
            State::Open => "open",
            State::Closed { .. } => "closed",
        }
    }

    fn subject_id(&self) -> Option<&str> {
        Some(&self.customer_id)
    }

    fn case_id(&self) -> Option<&str> {
        self.service_request_id.as_deref()
    }
}

impl FollowUp {
    /// Closes one that the supervisor deals with. One whose complaint never came is closed here, too.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is open; `COMPLAINT_DEALS_WITH_IT` when a complaint closes it.
    pub fn close(self, outcome: Outcome, note: &str, by: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        if let (State::Open, Some(complaint)) = (&self.state, &self.complaint_id) {
            return Err(Error::new(COMPLAINT_DEALS_WITH_IT).with("complaint_id", complaint));
        }
        self.end("close", outcome, note, by, now)
    }

    /// The complaint that deals with it is closed.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is open.
    pub fn close_with_complaint(self, outcome: Outcome, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.end("close_with_complaint", outcome, "", "complaint", now)
    }

    /// A complaint deals with it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is open and none does.
    pub fn link_complaint(mut self, complaint_id: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state {
            State::Open if self.complaint_id.is_none() => {}
            State::Open | State::Closed { .. } => return Err(self.refuse("link_complaint")),
        }
        (self.complaint_id, self.updated_at) = (Some(complaint_id.to_owned()), now);
        Ok(Changed::new(self, "link_complaint", "open", ""))
    }

    /// It was not closed in time.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is open and not overdue yet.
    pub fn mark_overdue(mut self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state {
            State::Open if self.overdue_at.is_none() => {}
            State::Open | State::Closed { .. } => return Err(self.refuse("mark_overdue")),
        }
        (self.overdue_at, self.updated_at) = (Some(now), now);
        Ok(Changed::new(self, "mark_overdue", "open", "overdue"))
    }

    /// When it was closed.
    #[must_use]
    pub fn closed_at(&self) -> Option<DateTime<Utc>> {
        match &self.state {
            State::Open => None,
            State::Closed { at, .. } => Some(*at),
        }
    }

    /// The actions its state allows.
    #[must_use]
    pub fn allowed(&self) -> Vec<&'static str> {
        match &self.state {
            State::Closed { .. } => vec![],
            State::Open => {
                let mut actions = match self.complaint_id {
                    None => vec!["close", "link_complaint"],
                    Some(_) => vec!["close_with_complaint"],
                };
                if self.overdue_at.is_none() {
                    actions.push("mark_overdue");
                }
                actions
            }
        }
    }

    fn end(
        mut self,
        action: &'static str,
        outcome: Outcome,
        note: &str,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        match self.state {
            State::Open => {}
            State::Closed { .. } => return Err(self.refuse(action)),
        }
        self.state = State::Closed { at: now, by: by.to_owned(), outcome, note: note.to_owned() };
        self.updated_at = now;
        Ok(Changed::new(self, action, "open", outcome.as_str()))
    }

    fn refuse(&self, action: &str) -> Error {
        Error::illegal(Self::KIND, action, self.state(), &self.allowed())
    }
}

#[cfg(test)]
mod tests {
    use common::{error::reason, id::Ids};

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn open() -> FollowUp {
        FollowUp {
            id: Ids::seeded(1).make(now()),
            version: 1,
            route: Route::Supervisor,
            response_id: Ids::seeded(1).make(now()),
            customer_id: "cu_1".to_owned(),
            service_request_id: None,
            org_unit_id: "ou_1".to_owned(),
            complaint_id: None,
            due_at: now(),
            overdue_at: None,
            state: State::Open,
            created_at: now(),
            updated_at: now(),
        }
    }

    fn act(follow_up: FollowUp, action: &str) -> Result<Changed<FollowUp>> {
        match action {
            "close" => follow_up.close(Outcome::Satisfied, "called", "su_1", now()),
            "link_complaint" => follow_up.link_complaint("cp_1", now()),
            "close_with_complaint" => follow_up.close_with_complaint(Outcome::Explained, now()),
            _ => follow_up.mark_overdue(now()),
        }
    }

    #[test]
    fn every_edge_of_the_table_and_no_other() {
        let linked = act(open(), "link_complaint").unwrap().record;
        let overdue = act(open(), "mark_overdue").unwrap().record;
        let closed = act(open(), "close").unwrap().record;
        for (record, legal) in [
            (open(), vec!["close", "link_complaint", "mark_overdue"]),
            (linked, vec!["close_with_complaint", "mark_overdue"]),
            (overdue, vec!["close", "link_complaint"]),
            (closed, vec![]),
        ] {
            assert_eq!(record.allowed(), legal);
            for action in ["close", "link_complaint", "mark_overdue"] {
                match act(record.clone(), action) {
                    Ok(changed) => assert!(legal.contains(&action), "{action}: {changed:?}"),
                    Err(error) if error.reason == COMPLAINT_DEALS_WITH_IT => {
                        assert_eq!((action, error.facts["complaint_id"].as_str()), ("close", "cp_1"));
                    }
                    Err(error) => {
                        assert!(!legal.contains(&action), "{action}");
                        assert_eq!(error.reason, reason::ILLEGAL_TRANSITION);
                        assert_eq!(error.facts["allowed"], legal.join(", "));
                    }
                }
            }
        }
        let linked = act(open(), "link_complaint").unwrap().record;
        let closed = act(linked, "close_with_complaint").unwrap().record;
        assert_eq!(act(closed, "close_with_complaint").unwrap_err().reason, reason::ILLEGAL_TRANSITION);
    }
}
