//! A regulator's case (12315): the authority's clocks run in working days; how many stands in the configuration, and
//! the caller computes the instants with the calendar.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::RegulatorCaseId;

/// How a mediation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MediationResult {
    /// The parties agree.
    Agreed,
    /// They do not.
    Terminated,
    /// The complaint was taken back.
    Withdrawn,
}

impl MediationResult {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Terminated => "terminated",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Where the case stands; an open state knows until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub(crate) enum CaseState {
    /// Whether the authority takes it is open.
    Registered,
    /// The authority mediates.
    Accepted,
    /// The notice is missing.
    MediationEnded,
    /// The parties have the notice.
    Closed,
    /// The authority does not take it.
    Declined,
}

/// One clock that ran out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Overrun {
    pub(crate) due_at: DateTime<Utc>,
    pub(crate) at: DateTime<Utc>,
}

/// A regulator's case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegulatorCase {
    pub(crate) id: RegulatorCaseId,
    pub(crate) version: i64,
    pub(crate) number: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) org_unit_id: String,
    pub(crate) state: CaseState,
    pub(crate) complaint_id: String,
    pub(crate) customer_id: String,
    pub(crate) service_request_id: Option<String>,
    pub(crate) authority: String,
    pub(crate) external_number: String,
    pub(crate) registered_at: DateTime<Utc>,
    pub(crate) accept_due_at: DateTime<Utc>,
    pub(crate) accepted_at: Option<DateTime<Utc>>,
    pub(crate) mediation_due_at: Option<DateTime<Utc>>,
    pub(crate) mediation_ended_at: Option<DateTime<Utc>>,
    pub(crate) notice_due_at: Option<DateTime<Utc>>,
    pub(crate) notified_at: Option<DateTime<Utc>>,
    pub(crate) result: Option<MediationResult>,
    pub(crate) note: String,
    pub(crate) overruns: Vec<Overrun>,
    pub(crate) calendar_version: String,
}

impl RegulatorCase {
    /// The actions that the present state allows.
    pub(crate) fn allowed(&self) -> &'static [&'static str] {
        match self.state {
            CaseState::Registered => &["accept", "decline"],
            CaseState::Accepted => &["end_mediation"],
            CaseState::MediationEnded => &["notify"],
            CaseState::Closed | CaseState::Declined => &[],
        }
    }

    fn permit(&self, action: &'static str) -> Result<()> {
        if self.allowed().contains(&action) {
            return Ok(());
        }
        Err(Error::illegal(Self::KIND, action, self.state(), self.allowed()))
    }

    /// The clock that runs now.
    pub(crate) fn next_due_at(&self) -> Option<DateTime<Utc>> {
        match self.state {
            CaseState::Registered => Some(self.accept_due_at),
            CaseState::Accepted => self.mediation_due_at,
            CaseState::MediationEnded => self.notice_due_at,
            CaseState::Closed | CaseState::Declined => None,
        }
    }

    /// The clock that runs now and was not told of yet.
    pub(crate) fn wake_at(&self) -> Option<DateTime<Utc>> {
        self.next_due_at().filter(|due| self.overruns.iter().all(|past| past.due_at != *due))
    }

    fn moved(
        mut self,
        action: &'static str,
        to: CaseState,
        reason: impl Into<String>,
        now: DateTime<Utc>,
    ) -> Changed<Self> {
        let from = self.state();
        self.state = to;
        self.updated_at = now;
        Changed::new(self, action, from, reason)
    }

    /// A step happens after the one before and not in the future.
    fn check_time(field: &'static str, at: DateTime<Utc>, after: DateTime<Utc>, now: DateTime<Utc>) -> Result<()> {
        if at > now {
            return Err(Error::invalid(field, "timestamp.not_in_future"));
        }
        if at < after { Err(Error::invalid(field, "timestamp.in_order")) } else { Ok(()) }
    }

    /// The authority takes the case: REGISTERED > ACCEPTED.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `INVALID_FIELDS` for a time out of order.
    pub(crate) fn accept(
        mut self,
        at: DateTime<Utc>,
        mediation_due_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.permit("accept")?;
        Self::check_time("accepted_at", at, self.registered_at, now)?;
        self.accepted_at = Some(at);
        self.mediation_due_at = Some(mediation_due_at);
        Ok(self.moved("accept", CaseState::Accepted, "", now))
    }

    /// The authority does not take the case: REGISTERED > DECLINED.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub(crate) fn decline(mut self, reason: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("decline")?;
        self.note.clone_from(&reason);
        Ok(self.moved("decline", CaseState::Declined, reason, now))
    }

    /// Mediation is over: ACCEPTED > MEDIATION_ENDED.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `INVALID_FIELDS` for a time out of order.
    pub(crate) fn end_mediation(
        mut self,
        result: MediationResult,
        note: String,
        at: DateTime<Utc>,
        notice_due_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.permit("end_mediation")?;
        Self::check_time("ended_at", at, self.accepted_at.unwrap_or(self.registered_at), now)?;
        self.mediation_ended_at = Some(at);
        self.notice_due_at = Some(notice_due_at);
        self.result = Some(result);
        self.note = note;
        Ok(self.moved("end_mediation", CaseState::MediationEnded, result.as_str(), now))
    }

    /// The parties have the notice: MEDIATION_ENDED > CLOSED.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `INVALID_FIELDS` for a time out of order.
    pub(crate) fn notify(mut self, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("notify")?;
        Self::check_time("notified_at", at, self.mediation_ended_at.unwrap_or(self.registered_at), now)?;
        self.notified_at = Some(at);
        Ok(self.moved("notify", CaseState::Closed, "", now))
    }

    /// The open clock ran out. `None` when it did not, or was told of.
    pub(crate) fn overrun(mut self, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let due_at = self.wake_at().filter(|due| *due <= now)?;
        self.overruns.push(Overrun { due_at, at: now });
        let state = self.state.clone();
        Some(self.moved("overrun", state, "clock_ran_out", now))
    }
}

impl Record for RegulatorCase {
    const KIND: &'static str = "regulator_case";

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
            CaseState::Registered => "registered",
            CaseState::Accepted => "accepted",
            CaseState::MediationEnded => "mediation_ended",
            CaseState::Closed => "closed",
            CaseState::Declined => "declined",
        }
    }

    fn subject_id(&self) -> Option<&str> {
        Some(&self.customer_id)
    }

    fn case_id(&self) -> Option<&str> {
        self.service_request_id.as_deref()
    }
}
