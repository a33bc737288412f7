//! The work order: one visit of one request. Its states, what each allows, and how it is made.
//!
//! The actions stand in `assignment` (who goes, and when), `on_site` (what happens there) and `office` (what the office,
//! the request and the stock say).

mod assignment;
mod office;
mod on_site;

use chrono::{DateTime, Utc};
use common::{
    convert::{Position, Window},
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

pub use assignment::{NewWindow, Offer, Policy};
pub use office::{Change, Patch};
pub use on_site::Mark;

use super::{
    PartQuantity, ServicePointId, TechnicianId, WorkOrderId,
    eligibility::Refusal,
    job::{ChecklistItem, JobNeeds},
    site::{Charge, ConsentMethod, SiteRecord},
    technician::Skill,
};

/// What the work order knows of its request. No personal data: the place is a division code and a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestFacts {
    /// The request.
    pub id: String,
    /// Its human number.
    pub number: String,
    /// The customer.
    pub customer_id: String,
    /// Kind of the job, lower case.
    pub kind: String,
    /// "normal", "urgent" or "emergency".
    pub urgency: String,
    /// Category of the product.
    pub category_code: String,
    /// Fault as reported.
    pub fault_code: String,
    /// "`in_warranty`", "charged" or "goodwill".
    pub charge_kind: String,
    /// Language of the customer.
    pub language: String,
    /// Organisation unit that owns it.
    pub org_unit_id: String,
    /// Division of the place.
    pub division_code: String,
    /// The place.
    pub position: Option<Position>,
    /// Windows the customer accepts.
    pub windows: Vec<Window>,
    /// When the customer must have been contacted.
    pub contact_due_at: Option<DateTime<Utc>>,
    /// When somebody must be on site.
    pub on_site_due_at: Option<DateTime<Utc>>,
    /// When it must be solved.
    pub resolution_due_at: Option<DateTime<Utc>>,
}

/// Whether the parts are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartsState {
    /// None are needed.
    None,
    /// Asked for, not answered.
    Pending,
    /// Reserved.
    Ready,
    /// At least one is short.
    Short,
}

/// The parts of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Wanted.
    pub wanted: Vec<PartQuantity>,
    /// Reserved.
    pub reserved: Vec<PartQuantity>,
    /// Whether they are there.
    pub state: PartsState,
    /// SKUs that are short.
    pub short_skus: Vec<String>,
}

/// What an assignment fixes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The technician.
    pub technician_id: TechnicianId,
    /// The service point.
    pub service_point_id: ServicePointId,
    /// The window told to the customer.
    pub window: Window,
    /// The planned work inside it.
    pub planned: Window,
    /// When it was offered.
    pub offered_at: DateTime<Utc>,
    /// When the offer runs out.
    pub offer_expires_at: DateTime<Utc>,
    /// When it was taken.
    pub accepted_at: Option<DateTime<Utc>>,
    /// By when the customer must have been reached.
    pub contact_due_at: Option<DateTime<Utc>>,
    /// When the customer was reached.
    pub contacted_at: Option<DateTime<Utc>>,
    /// Whether the missed contact was told.
    pub contact_miss_told: bool,
    /// Whether the lateness was told.
    pub lateness_told: bool,
    /// When the technician expects to arrive.
    pub expected_arrival_at: Option<DateTime<Utc>>,
    /// Rules overridden.
    pub overridden: Vec<Refusal>,
    /// Why.
    pub override_reason: String,
}

/// What came of trying to reach the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactResult {
    /// Spoken to.
    Reached,
    /// Spoken to, and the window is confirmed.
    WindowConfirmed,
    /// Nobody answered.
    NoAnswer,
    /// The number is wrong.
    WrongNumber,
}

/// One try to reach the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// What came of it.
    pub result: ContactResult,
    /// When.
    pub at: DateTime<Utc>,
    /// Remark.
    pub note: String,
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The technician refused.
    Refused,
    /// Nobody answered in time.
    OfferExpired,
    /// The visit was moved.
    Rescheduled,
}

impl Outcome {
    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::OfferExpired => "offer_expired",
            Self::Rescheduled => "rescheduled",
        }
    }
}

/// An offer that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastOffer {
    /// The technician.
    pub technician_id: TechnicianId,
    /// What became of it.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Who asked for another window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asker {
    /// The customer.
    Customer,
    /// The technician.
    Technician,
    /// The office.
    Office,
}

/// One move of the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reschedule {
    /// Who asked.
    pub asked_by: Asker,
    /// Why.
    pub reason: String,
    /// Before.
    pub from: Option<Window>,
    /// Since.
    pub to: Window,
    /// How the customer agreed.
    pub consent: Option<ConsentMethod>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why somebody must look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Refused.
    Refused,
    /// Ignored.
    OfferExpired,
    /// The customer was not reached in time.
    ContactMissed,
    /// Nobody was there in time, or will be.
    Late,
    /// Still unassigned since the step before.
    StillUnassigned,
}

impl Cause {
    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::OfferExpired => "offer_expired",
            Self::ContactMissed => "contact_missed",
            Self::Late => "late",
            Self::StillUnassigned => "still_unassigned",
        }
    }
}

/// One step of an escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// 1 dispatcher, 2 supervisor, 3 manager.
    pub step: i32,
    /// Why.
    pub cause: Cause,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why work waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuspendCause {
    /// A part is missing.
    Parts,
    /// Somebody must agree.
    Approval,
    /// The item is taken away.
    TakeAway,
}

impl SuspendCause {
    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Parts => "parts",
            Self::Approval => "approval",
            Self::TakeAway => "take_away",
        }
    }
}

/// Why a visit did not solve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailReason {
    /// Nobody was at home.
    CustomerAbsent,
    /// The customer did not want it done.
    CustomerRefused,
    /// It cannot be repaired.
    NotRepairable,
    /// It would be dangerous.
    Unsafe,
    /// A part is missing.
    PartsMissing,
}

impl FailReason {
    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::CustomerAbsent => "customer_absent",
            Self::CustomerRefused => "customer_refused",
            Self::NotRepairable => "not_repairable",
            Self::Unsafe => "unsafe",
            Self::PartsMissing => "parts_missing",
        }
    }
}

/// The one time the office sent the record back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounce {
    /// Why.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
    /// When it was answered.
    pub answered_at: Option<DateTime<Utc>>,
}

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
            Self::Assigned(_) => &["update", "accept", "refuse", "reschedule", "cancel"],
            Self::Accepted(_) => &["update", "contact", "depart", "reschedule", "cancel"],
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
                Outcome::Rescheduled => false,
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
