//! Parts ordered because they are nowhere (补件单). Nothing is ordered or shipped that was not approved, because no
//! state leads there; and nobody approves a wish of their own.

use chrono::{DateTime, Utc};
use common::{
    convert::Money,
    error::{Error, Result},
    record::{Actor, Changed, Record, Role},
};
use serde::{Deserialize, Serialize};

use super::{Quantity, SupplementaryOrderId};
use crate::error;

named! {
    /// Who answers for a missing, damaged or returned piece.
    Responsibility {
        /// The factory.
        Production = "production",
        /// The carrier.
        Transport = "transport",
        /// Who installed it.
        Installation = "installation",
        /// Who sold it.
        Sales = "sales",
        /// The customer.
        Customer = "customer",
    }
}

named! {
    /// Where an order stands.
    SupplementaryOrderState {
        /// Asked for.
        Requested = "requested",
        /// Approved.
        Approved = "approved",
        /// Refused.
        Rejected = "rejected",
        /// Ordered from the factory.
        Ordered = "ordered",
        /// On the way.
        Shipped = "shipped",
        /// Arrived and booked.
        Received = "received",
        /// With the technician.
        HandedOn = "handed_on",
        /// Cancelled.
        Cancelled = "cancelled",
    }
}

/// Up to which amount a role approves, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalLimits {
    /// A supervisor.
    pub supervisor: i64,
    /// A manager.
    pub manager: i64,
}

impl ApprovalLimits {
    /// The limit of a role; `None` when it approves nothing.
    #[must_use]
    pub fn of(&self, role: Role) -> Option<i64> {
        match role {
            Role::Admin => Some(i64::MAX),
            Role::Manager => Some(self.manager),
            Role::Supervisor => Some(self.supervisor),
            Role::Agent
            | Role::Dispatcher
            | Role::Technician
            | Role::Warehouse
            | Role::Quality
            | Role::Finance
            | Role::Partner
            | Role::CustomerLink
            | Role::Service => None,
        }
    }
}

/// A file and what it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The file.
    pub file_id: String,
    /// What it shows.
    pub label: String,
}

/// The approving signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: DateTime<Utc>,
    /// The signature.
    pub signature_file_id: String,
}

/// Parts ordered because they are nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplementaryOrder {
    /// Id.
    pub id: SupplementaryOrderId,
    /// Changes seen.
    pub version: i64,
    /// Human number.
    pub number: String,
    /// Owner.
    pub org_unit_id: String,
    /// Made.
    pub created_at: DateTime<Utc>,
    /// Last changed.
    pub updated_at: DateTime<Utc>,
    /// The job; empty for stock.
    pub work_order_id: String,
    /// The case.
    pub service_request_id: String,
    /// The customer.
    pub customer_id: String,
    /// What, one line per part.
    pub lines: Vec<Quantity>,
    /// Where it is to arrive.
    pub location_id: String,
    /// Worth at list prices; `None` when no part of it has a price.
    pub amount: Option<Money>,
    /// Why, as a stable code.
    pub reason: String,
    /// Remarks.
    pub note: String,
    /// Who answers for it.
    pub responsibility: Responsibility,
    /// Photos.
    pub photos: Vec<Attachment>,
    /// Who asked.
    pub requested_by: Actor,
    /// Who approved.
    pub approval: Option<Approval>,
    /// The factory's order number.
    pub factory_reference: String,
    /// When it is expected.
    pub expected_at: Option<DateTime<Utc>>,
    /// Carrier and consignment number.
    pub consignment: String,
    /// When it arrived.
    pub received_at: Option<DateTime<Utc>>,
    /// Who got it.
    pub technician_id: String,
    /// Signature of the hand-over.
    pub hand_over_signature_file_id: String,
    /// Why it was refused or cancelled.
    pub close_reason: String,
    /// Where it stands.
    pub state: SupplementaryOrderState,
}

impl Record for SupplementaryOrder {
    const KIND: &'static str = "supplementary_order";

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
        self.state.as_str()
    }

    fn subject_id(&self) -> Option<&str> {
        Some(self.customer_id.as_str()).filter(|id| !id.is_empty())
    }

    fn case_id(&self) -> Option<&str> {
        Some(self.service_request_id.as_str()).filter(|id| !id.is_empty())
    }
}

use SupplementaryOrderState as State;

impl SupplementaryOrder {
    /// The actions that the present state allows.
    #[must_use]
    pub fn allowed(&self) -> &'static [&'static str] {
        match self.state {
            State::Requested => &["approve", "reject", "cancel"],
            State::Approved => &["place", "cancel"],
            State::Ordered => &["ship", "cancel"],
            State::Shipped => &["receive"],
            State::Received => &["hand_on"],
            State::Rejected | State::HandedOn | State::Cancelled => &[],
        }
    }

    /// Refuses an action that the present state does not allow.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn check(&self, action: &'static str) -> Result<()> {
        if self.allowed().contains(&action) {
            return Ok(());
        }
        Err(Error::illegal(Self::KIND, action, self.state(), self.allowed()))
    }

    fn to(mut self, action: &'static str, state: State, why: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(action)?;
        let from = self.state();
        self.state = state;
        self.updated_at = now;
        Ok(Changed::new(self, action, from, why))
    }

    /// Approves, within the limit of the role and by somebody else than who asked.
    ///
    /// # Errors
    ///
    /// `OWN_REQUEST`, `APPROVAL_LIMIT`, `ILLEGAL_TRANSITION`.
    pub fn approve(
        mut self,
        by: &Actor,
        signature_file_id: &str,
        limits: ApprovalLimits,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.check("approve")?;
        if by.id == self.requested_by.id {
            return Err(Error::new(error::OWN_REQUEST).with("number", &self.number));
        }
        let amount = self.amount.as_ref().map_or(0, |amount| amount.minor_units);
        let limit = limits.of(by.role);
        if limit.is_none_or(|limit| amount > limit) {
            return Err(Error::new(error::APPROVAL_LIMIT)
                .with("role", by.role.as_str())
                .with("limit", limit.unwrap_or_default())
                .with("amount", amount));
        }
        self.approval = Some(Approval { by: by.clone(), at: now, signature_file_id: signature_file_id.to_owned() });
        self.to("approve", State::Approved, "", now)
    }

    /// Refuses.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn reject(mut self, reason: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.close_reason = reason.to_owned();
        self.to("reject", State::Rejected, reason, now)
    }

    /// Orders from the factory.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn place(
        mut self,
        reference: &str,
        expected_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.factory_reference = reference.to_owned();
        self.expected_at = expected_at;
        self.to("place", State::Ordered, "", now)
    }

    /// The factory sent it, complete.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn ship(
        mut self,
        consignment: &str,
        expected_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.consignment = consignment.to_owned();
        self.expected_at = expected_at.or(self.expected_at);
        self.to("ship", State::Shipped, "", now)
    }

    /// It arrived. `arrived` is what was counted: an order arrives complete or not at all.
    ///
    /// # Errors
    ///
    /// `RECEIPT_DIFFERS`, `ILLEGAL_TRANSITION`.
    pub fn receive(mut self, arrived: &[Quantity], now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check("receive")?;
        let (expected, counted) = (Quantity::merged(&self.lines), Quantity::merged(arrived));
        if expected != counted {
            let differs = expected.iter().find(|line| !counted.contains(line)).or(counted.first());
            let sku = differs.map_or("", |line| line.sku.as_str());
            return Err(Error::new(error::RECEIPT_DIFFERS).with("sku", sku));
        }
        self.received_at = Some(now);
        self.to("receive", State::Received, "", now)
    }

    /// Gives it to the technician.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn hand_on(
        mut self,
        technician_id: &str,
        signature_file_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.technician_id = technician_id.to_owned();
        self.hand_over_signature_file_id = signature_file_id.to_owned();
        self.to("hand_on", State::HandedOn, "", now)
    }

    /// Cancels.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn cancel(mut self, reason: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.close_reason = reason.to_owned();
        self.to("cancel", State::Cancelled, reason, now)
    }
}

#[cfg(test)]
#[path = "supplementary_order_tests.rs"]
mod tests;
