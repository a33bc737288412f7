//! Service points: from the application over inspection, approval and contract to active work and its end.

use chrono::{DateTime, NaiveDate, Utc};
use common::{
    convert::{Money, Position},
    error::{Error, Result},
    record::{Actor, Changed, Record, Role},
};
use serde::{Deserialize, Serialize};

use super::{Attachment, ServicePointId};
use crate::error::reason;

/// Where a service point stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It asked to join.
    Applied,
    /// It was inspected and passed.
    Inspected,
    /// It was approved.
    Approved,
    /// A contract is signed.
    Contracted,
    /// It gets work.
    Active,
    /// It gets no new work for the time being.
    Suspended,
    /// It is over.
    Terminated,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Applied,
        Self::Inspected,
        Self::Approved,
        Self::Contracted,
        Self::Active,
        Self::Suspended,
        Self::Terminated,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Inspected => "inspected",
            Self::Approved => "approved",
            Self::Contracted => "contracted",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Terminated => "terminated",
        }
    }

    /// What may be done in it.
    #[must_use]
    pub fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Applied => &["update", "inspect", "terminate"],
            Self::Inspected => &["update", "approve", "terminate"],
            Self::Approved => &["update", "contract", "terminate"],
            Self::Contracted => &["update", "contract", "activate", "terminate"],
            Self::Active => &["update", "contract", "suspend", "terminate"],
            Self::Suspended => &["update", "contract", "activate", "terminate"],
            Self::Terminated => &[],
        }
    }
}

/// One line of the price list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLine {
    /// Kind of the job.
    pub kind: String,
    /// Holds up to this distance, in kilometres; 0 for any.
    pub up_to_km: i32,
    /// Fee of one job.
    pub fee: Money,
    /// Surcharge at night, in percent.
    pub night_percent: i32,
    /// Surcharge on holidays, in percent.
    pub holiday_percent: i32,
    /// Share of the price of parts, in percent.
    pub parts_percent: i32,
}

/// What was agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Number on the paper.
    pub number: String,
    /// Beginnings of the division codes served.
    pub territories: Vec<String>,
    /// Beginnings of the category codes served; none means all.
    pub categories: Vec<String>,
    /// Jobs in one day; 0 for no limit.
    pub capacity_per_day: i32,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
    /// The price list.
    pub rates: Vec<RateLine>,
    /// Signed papers.
    pub documents: Vec<Attachment>,
}

impl Contract {
    /// Whether a division is served.
    #[must_use]
    pub fn serves_division(&self, code: &str) -> bool {
        self.territories.iter().any(|prefix| code.starts_with(prefix.as_str()))
    }

    /// Whether a category is served. Codes are compared without regard to case.
    #[must_use]
    pub fn serves_category(&self, code: &str) -> bool {
        let code = code.to_ascii_lowercase();
        self.categories.is_empty()
            || self.categories.iter().any(|prefix| code.starts_with(&prefix.to_ascii_lowercase()))
    }

    /// Whether it holds on that day.
    #[must_use]
    pub fn holds_on(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && day <= self.valid_until
    }
}

/// One line of an inspection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InspectionItem {
    /// What was looked at.
    pub item: String,
    /// Whether it is in order.
    pub passed: bool,
    /// What was seen.
    pub note: String,
}

/// Where a service point is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// Province.
    pub province: String,
    /// City.
    pub city: String,
    /// District.
    pub district: String,
    /// Street and number.
    pub line: String,
    /// Division code.
    pub division_code: String,
    /// Point on the map.
    pub position: Option<Position>,
}

/// What a step leaves behind beside its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Papers {
    /// Why, or what was remarked.
    pub note: String,
    /// Lines of an inspection.
    pub checklist: Vec<InspectionItem>,
    /// Papers.
    pub documents: Vec<Attachment>,
}

/// One step, kept for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The named action.
    pub action: String,
    /// State since then.
    pub state: State,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: Actor,
    /// What it left behind.
    pub papers: Papers,
}

/// A workshop that serves customers in our name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServicePoint {
    /// Id.
    pub id: ServicePointId,
    /// Version.
    pub version: i64,
    /// Human number.
    pub number: String,
    /// When it applied.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// Regional office.
    pub org_unit_id: String,
    /// Name of the firm.
    pub name: String,
    /// Person to talk to.
    pub contact_name: String,
    /// Phone, E.164.
    pub contact_phone: String,
    /// Where it is.
    pub address: Address,
    /// Time zone.
    pub time_zone: String,
    /// State.
    pub state: State,
    /// The contract in force.
    pub contract: Option<Contract>,
    /// All steps, oldest first.
    pub steps: Vec<Step>,
}

impl Record for ServicePoint {
    const KIND: &'static str = "service_point";

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
}

/// Fields of a service point that may be changed; `None` leaves one alone.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// Name of the firm.
    pub name: Option<String>,
    /// Person to talk to.
    pub contact_name: Option<String>,
    /// Phone.
    pub contact_phone: Option<String>,
    /// Where it is.
    pub address: Option<Address>,
    /// Time zone.
    pub time_zone: Option<String>,
    /// Regional office.
    pub org_unit_id: Option<String>,
}

impl ServicePoint {
    /// Records the application: `point` as it was handed in, without steps.
    #[must_use]
    pub fn apply(mut point: Self, actor: &Actor, papers: Papers) -> Self {
        point.state = State::Applied;
        point.contract = None;
        point.steps = vec![Step {
            action: "apply".to_owned(),
            state: State::Applied,
            at: point.created_at,
            actor: actor.clone(),
            papers,
        }];
        point
    }

    fn illegal(&self, action: &str) -> Error {
        Error::illegal(Self::KIND, action, self.state.name(), self.state.allowed())
    }

    fn permit(&self, action: &str) -> Result<()> {
        if self.state.allowed().contains(&action) { Ok(()) } else { Err(self.illegal(action)) }
    }

    fn step(
        mut self,
        action: &'static str,
        to: State,
        actor: &Actor,
        papers: Papers,
        now: DateTime<Utc>,
    ) -> Changed<Self> {
        let from = self.state.name();
        let note = papers.note.clone();
        self.state = to;
        self.updated_at = now;
        self.steps.push(Step { action: action.to_owned(), state: to, at: now, actor: actor.clone(), papers });
        Changed::new(self, action, from, note)
    }

    /// Changes what is known of it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` once it is terminated; `INVALID_FIELDS` for an empty name.
    pub fn update(mut self, patch: Patch, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("update")?;
        let from = self.state.name();
        if patch.name.as_ref().is_some_and(String::is_empty) {
            return Err(Error::invalid("name", "string.min_len"));
        }
        self.name = patch.name.unwrap_or(self.name);
        self.contact_name = patch.contact_name.unwrap_or(self.contact_name);
        self.contact_phone = patch.contact_phone.unwrap_or(self.contact_phone);
        self.address = patch.address.unwrap_or(self.address);
        self.time_zone = patch.time_zone.unwrap_or(self.time_zone);
        self.org_unit_id = patch.org_unit_id.unwrap_or(self.org_unit_id);
        self.updated_at = now;
        Ok(Changed::new(self, "update", from, ""))
    }

    /// Records an inspection. One failed line keeps it where it is.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn inspect(self, actor: &Actor, papers: Papers, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("inspect")?;
        let passed = papers.checklist.iter().all(|line| line.passed);
        let to = if passed { State::Inspected } else { State::Applied };
        Ok(self.step("inspect", to, actor, papers, now))
    }

    /// Approves it. Four eyes: who inspected it does not approve it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `NOT_ALLOWED` for a role that does not approve; `APPROVER_INSPECTED`.
    pub fn approve(self, actor: &Actor, papers: Papers, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("approve")?;
        match actor.role {
            Role::Admin | Role::Manager | Role::Supervisor => {}
            Role::Agent
            | Role::Dispatcher
            | Role::Technician
            | Role::Warehouse
            | Role::Quality
            | Role::Finance
            | Role::Partner
            | Role::CustomerLink
            | Role::Service => {
                return Err(Error::new(common::error::reason::NOT_ALLOWED)
                    .with("action", "approve")
                    .with("role", actor.role.as_str()));
            }
        }
        let inspected = self.steps.iter().any(|step| step.action == "inspect" && step.actor.id == actor.id);
        if inspected {
            return Err(Error::new(reason::APPROVER_INSPECTED).with("actor", &actor.id));
        }
        Ok(self.step("approve", State::Approved, actor, papers, now))
    }

    /// Records the contract, or a new one in its place.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `INVALID_FIELDS` when it ends before it begins.
    pub fn sign(
        mut self,
        contract: Contract,
        actor: &Actor,
        note: String,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.permit("contract")?;
        if contract.valid_until < contract.valid_from {
            return Err(Error::invalid("contract.valid_until", "date.after_valid_from"));
        }
        let to = if self.state == State::Approved { State::Contracted } else { self.state };
        let documents = contract.documents.clone();
        self.contract = Some(contract);
        Ok(self.step("contract", to, actor, Papers { note, documents, ..Papers::default() }, now))
    }

    /// Gives work to it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn activate(self, actor: &Actor, note: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("activate")?;
        Ok(self.step("activate", State::Active, actor, Papers { note, ..Papers::default() }, now))
    }

    /// Gives no new work to it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn suspend(self, actor: &Actor, note: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("suspend")?;
        Ok(self.step("suspend", State::Suspended, actor, Papers { note, ..Papers::default() }, now))
    }

    /// Ends the work with it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn terminate(self, actor: &Actor, papers: Papers, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("terminate")?;
        Ok(self.step("terminate", State::Terminated, actor, papers, now))
    }
}

#[cfg(test)]
#[path = "service_point_tests.rs"]
mod tests;
