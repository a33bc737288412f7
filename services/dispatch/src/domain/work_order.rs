//! The work order: one visit of one request. Its states, what each allows, and how it is made.
//!
//! The actions stand in `assignment` (who goes, and when), `on_site` (what happens there) and `office` (what the office,
//! the request and the stock say).

mod assignment;
mod office;
mod on_site;
mod pieces;
mod planning;

use chrono::{DateTime, Utc};
use common::{
    convert::Window,
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

pub use assignment::{NewWindow, Offer, Policy};
pub use office::{Change, Patch};
pub use on_site::Mark;
pub use pieces::*;
pub use planning::Replan;

use super::{
    PartQuantity, WorkOrderId,
    job::{ChecklistItem, JobNeeds},
    site::{Charge, SiteRecord},
    technician::Skill,
};

/// Where a work order stands, with exactly what that state knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "data", rename_all = "snake_case")]
pub enum State {
    /// Nobody has it.
    Unassigned,
    /// Offered to a technician.
    Assigned(Assignment),
    /// The technician took it.
    Accepted(Assignment),
    /// On the way.
    EnRoute(Assignment),
    /// There.
    OnSite(Assignment),
    /// Work has begun.
    InProgress(Assignment),
    /// Work waits.
    Suspended {
        /// Who has it.
        assignment: Assignment,
        /// Why.
        cause: SuspendCause,
    },
    /// Done and signed.
    Completed {
        /// Who did it.
        assignment: Assignment,
        /// When.
        at: DateTime<Utc>,
        /// The one time it was sent back.
        bounce: Option<Bounce>,
    },
    /// Not solved.
    Failed {
        /// Who tried.
        assignment: Assignment,
        /// Why not.
        reason: FailReason,
        /// Parts for the next visit.
        next_parts: Vec<PartQuantity>,
        /// When.
        at: DateTime<Utc>,
    },
    /// Off.
    Cancelled {
        /// Who had it.
        assignment: Option<Assignment>,
        /// Why.
        reason: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// The office accepted the record.
    Verified {
        /// Who did it.
        assignment: Assignment,
        /// When it was done.
        completed_at: DateTime<Utc>,
        /// The one time it was sent back.
        bounce: Option<Bounce>,
        /// When it was accepted.
        at: DateTime<Utc>,
    },
}

impl State {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unassigned => "unassigned",
            Self::Assigned(_) => "assigned",
            Self::Accepted(_) => "accepted",
            Self::EnRoute(_) => "en_route",
            Self::OnSite(_) => "on_site",
            Self::InProgress(_) => "in_progress",
            Self::Suspended { .. } => "suspended",
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Verified { .. } => "verified",
        }
    }

    /// The actions that lead on from it.
    #[must_use]
    pub fn allowed(&self) -> &'static [&'static str] {
        match self {
            Self::Unassigned => &["update", "assign", "reschedule", "cancel"],
            Self::Assigned(_) => &["update", "accept", "refuse", "reschedule", "pin", "unpin", "replan", "cancel"],
            Self::Accepted(_) => &["update", "contact", "depart", "reschedule", "pin", "unpin", "replan", "cancel"],
            Self::EnRoute(_) => &["update", "arrive", "reschedule", "cancel"],
            Self::OnSite(_) => &["update", "start", "record", "fail", "reschedule", "cancel"],
            Self::InProgress(_) => &["record", "suspend", "return_item", "complete", "fail", "cancel"],
            Self::Suspended { .. } => &["record", "resume", "return_item", "cancel"],
            Self::Completed { bounce: None, .. } => &["verify", "bounce"],
            Self::Completed { bounce: Some(bounce), .. } if bounce.answered_at.is_none() => &["record"],
            Self::Completed { .. } => &["verify"],
            Self::Cancelled { .. } => &["return_item"],
            Self::Failed { .. } | Self::Verified { .. } => &[],
        }
    }

    /// The assignment, as far as there is one.
    #[must_use]
    pub fn assignment(&self) -> Option<&Assignment> {
        match self {
            Self::Unassigned => None,
            Self::Assigned(assignment)
            | Self::Accepted(assignment)
            | Self::EnRoute(assignment)
            | Self::OnSite(assignment)
            | Self::InProgress(assignment)
            | Self::Suspended { assignment, .. }
            | Self::Completed { assignment, .. }
            | Self::Failed { assignment, .. }
            | Self::Verified { assignment, .. } => Some(assignment),
            Self::Cancelled { assignment, .. } => assignment.as_ref(),
        }
    }

    /// Whether nothing more will happen on site.
    #[must_use]
    pub fn over(&self) -> bool {
        match self {
            Self::Unassigned
            | Self::Assigned(_)
            | Self::Accepted(_)
            | Self::EnRoute(_)
            | Self::OnSite(_)
            | Self::InProgress(_)
            | Self::Suspended { .. } => false,
            Self::Completed { .. } | Self::Failed { .. } | Self::Cancelled { .. } | Self::Verified { .. } => true,
        }
    }
}

/// Instants at which something happens by itself; `None` when nothing does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlines {
    /// The offer runs out.
    pub offer: Option<DateTime<Utc>>,
    /// The customer must have been reached.
    pub contact: Option<DateTime<Utc>>,
    /// The window ends.
    pub late: Option<DateTime<Utc>>,
    /// The next step of the escalation.
    pub escalation: Option<DateTime<Utc>>,
}

/// Records older than crews are of one technician.
fn one() -> i32 {
    1
}

/// One visit of one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkOrder {
    /// Id.
    pub id: WorkOrderId,
    /// Version.
    pub version: i64,
    /// Human number.
    pub number: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// The request.
    pub request: RequestFacts,
    /// Which visit of the request: 1 for the first.
    pub visit_number: i32,
    /// Skills needed.
    pub required_skills: Vec<Skill>,
    /// Certificates needed.
    pub required_certificates: Vec<String>,
    /// How long the work takes.
    pub duration_minutes: i32,
    /// How long the catalogue says it takes; 0 in records older than this field.
    #[serde(default)]
    pub standard_minutes: i32,
    /// How many technicians it takes.
    #[serde(default = "one")]
    pub crew_size: i32,
    /// Whether no plan may move it.
    #[serde(default)]
    pub pinned: bool,
    /// Where parts are collected on the way.
    #[serde(default)]
    pub pick_up: Option<PickUp>,
    /// Required items of the checklist.
    pub checklist: Vec<ChecklistItem>,
    /// Parts.
    pub parts: Parts,
    /// Technicians who should have it.
    pub preferred: Vec<String>,
    /// Technicians who must not have it.
    pub excluded: Vec<String>,
    /// The window confirmed with the customer.
    pub promised: Option<Window>,
    /// Offers that came to nothing.
    pub past_offers: Vec<PastOffer>,
    /// How often it was refused or ignored.
    pub refusals: i32,
    /// Tries to reach the customer.
    pub contacts: Vec<Contact>,
    /// Moves of the window.
    pub reschedules: Vec<Reschedule>,
    /// Escalations.
    pub escalations: Vec<Escalation>,
    /// Step of the escalation that is open; 0 when nobody must look.
    pub attention: i32,
    /// When the next step comes.
    pub next_escalation_at: Option<DateTime<Utc>>,
    /// What is written down on site.
    pub record: SiteRecord,
    /// State.
    pub state: State,
    /// The deadlines that are set; kept by the store.
    pub timers: Deadlines,
}

impl Record for WorkOrder {
    const KIND: &'static str = "work_order";

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
        self.state.name()
    }

    fn subject_id(&self) -> Option<&str> {
        Some(&self.request.customer_id)
    }

    fn case_id(&self) -> Option<&str> {
        Some(&self.request.id)
    }
}

impl WorkOrder {
    /// Makes the work order of one visit.
    #[must_use]
    pub fn create(
        id: WorkOrderId,
        number: String,
        request: RequestFacts,
        visit_number: i32,
        needs: JobNeeds,
        wanted: Vec<PartQuantity>,
        now: DateTime<Utc>,
    ) -> Self {
        let state = if wanted.is_empty() { PartsState::None } else { PartsState::Pending };
        Self {
            id,
            version: 0,
            number,
            created_at: now,
            updated_at: now,
            request,
            visit_number,
            required_skills: needs.skills,
            required_certificates: needs.certificates,
            duration_minutes: needs.minutes,
            standard_minutes: needs.standard_minutes,
            crew_size: 1,
            pinned: false,
            pick_up: None,
            checklist: needs.checklist,
            parts: Parts { wanted, reserved: Vec::new(), state, short_skus: Vec::new() },
            preferred: Vec::new(),
            excluded: Vec::new(),
            promised: None,
            past_offers: Vec::new(),
            refusals: 0,
            contacts: Vec::new(),
            reschedules: Vec::new(),
            escalations: Vec::new(),
            attention: 0,
            next_escalation_at: None,
            record: SiteRecord::default(),
            state: State::Unassigned,
            timers: Deadlines::default(),
        }
    }

    /// Who pays.
    #[must_use]
    pub fn charge(&self) -> Charge {
        if self.request.charge_kind == "charged" { Charge::Customer } else { Charge::Ours }
    }

    /// Technicians who refused it or let the offer run out.
    #[must_use]
    pub fn refused_by(&self) -> Vec<String> {
        self.past_offers
            .iter()
            .filter(|offer| match offer.outcome {
                Outcome::Refused | Outcome::OfferExpired => true,
                Outcome::Rescheduled | Outcome::Replanned => false,
            })
            .map(|offer| offer.technician_id.to_string())
            .collect()
    }

    /// What happens by itself, and when.
    #[must_use]
    pub fn deadlines(&self) -> Deadlines {
        let late = |at: &Assignment| (!at.lateness_told).then_some(at.window.end);
        let contact = |at: &Assignment| {
            (at.contacted_at.is_none() && !at.contact_miss_told).then_some(at.contact_due_at).flatten()
        };
        match &self.state {
            State::Unassigned => Deadlines { escalation: self.next_escalation_at, ..Deadlines::default() },
            State::Assigned(at) => {
                Deadlines { offer: Some(at.offer_expires_at), late: late(at), ..Deadlines::default() }
            }
            State::Accepted(at) => Deadlines { contact: contact(at), late: late(at), ..Deadlines::default() },
            State::EnRoute(at) => Deadlines { late: late(at), ..Deadlines::default() },
            State::OnSite(_)
            | State::InProgress(_)
            | State::Suspended { .. }
            | State::Completed { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Verified { .. } => Deadlines::default(),
        }
    }

    fn illegal(&self, action: &str) -> Error {
        Error::illegal(Self::KIND, action, self.state.name(), self.state.allowed())
    }

    /// Refuses an action that the state does not allow.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn permit(&self, action: &str) -> Result<()> {
        if self.state.allowed().contains(&action) { Ok(()) } else { Err(self.illegal(action)) }
    }

    /// Nobody must look at it any more.
    fn calm(&mut self) {
        self.attention = 0;
        self.next_escalation_at = None;
    }

    fn changed(
        mut self,
        action: &'static str,
        from: &'static str,
        why: impl Into<String>,
        now: DateTime<Utc>,
    ) -> Changed<Self> {
        self.updated_at = now;
        Changed::new(self, action, from, why)
    }
}

#[cfg(test)]
mod tests;
