//! What a work order is made of: values that its states and lists hold.

use chrono::{DateTime, Utc};
use common::convert::{Position, Window};
use serde::{Deserialize, Serialize};

use crate::domain::{PartQuantity, ServicePointId, TechnicianId, eligibility::Refusal, site::ConsentMethod};

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
    /// The other technicians of the crew.
    #[serde(default)]
    pub crew: Vec<TechnicianId>,
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

impl Assignment {
    /// Everybody who goes: the leading technician first.
    pub fn people(&self) -> impl Iterator<Item = &TechnicianId> {
        std::iter::once(&self.technician_id).chain(&self.crew)
    }
}

/// Where parts are collected before the visit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PickUp {
    /// Name of the place.
    pub name: String,
    /// Where it is.
    pub position: Position,
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
    /// A plan gave it to somebody else, or to nobody.
    Replanned,
}

impl Outcome {
    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::OfferExpired => "offer_expired",
            Self::Rescheduled => "rescheduled",
            Self::Replanned => "replanned",
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
