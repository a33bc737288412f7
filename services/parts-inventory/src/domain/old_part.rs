//! Old parts that technicians owe. Whoever uses a part whose old one must come back owes the old one, whether the
//! customer handed it over or not.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result, reason},
    record::{Actor, Changed, Record, Role},
};
use serde::{Deserialize, Serialize};

use super::{
    OldPartDebtId,
    location::CUSTOMER,
    stock::{Line, Move, MovementReason, Place, StockCondition},
};
use crate::error;

/// Where a debt stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum OldPartDebtState {
    /// The old part is owed.
    Open,
    /// It came back.
    Received {
        /// Where it was put.
        location_id: String,
        /// When.
        at: DateTime<Utc>,
        /// What was found.
        finding: String,
    },
    /// It is no longer asked for.
    Waived {
        /// Why.
        reason: String,
    },
}

/// An old part that a technician owes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldPartDebt {
    /// Id.
    pub id: OldPartDebtId,
    /// Changes seen.
    pub version: i64,
    /// Owner.
    pub org_unit_id: String,
    /// Made.
    pub created_at: DateTime<Utc>,
    /// Last changed.
    pub updated_at: DateTime<Utc>,
    /// Who owes it.
    pub technician_id: String,
    /// The job.
    pub work_order_id: String,
    /// The case.
    pub service_request_id: String,
    /// The part.
    pub part_id: String,
    /// Its SKU.
    pub sku: String,
    /// Whether single pieces have numbers.
    pub serial: bool,
    /// How much, in thousandths of the unit.
    pub milli: i64,
    /// Number of the old piece, when known.
    pub old_serial: String,
    /// Whether the technician took it from the customer.
    pub taken_back: bool,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// Where it stands.
    pub state: OldPartDebtState,
}

impl Record for OldPartDebt {
    const KIND: &'static str = "old_part_debt";

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
            OldPartDebtState::Open => "open",
            OldPartDebtState::Received { .. } => "received",
            OldPartDebtState::Waived { .. } => "waived",
        }
    }

    fn case_id(&self) -> Option<&str> {
        Some(self.service_request_id.as_str()).filter(|id| !id.is_empty())
    }
}

impl OldPartDebt {
    /// The actions that the present state allows.
    #[must_use]
    pub fn allowed(&self) -> &'static [&'static str] {
        match self.state {
            OldPartDebtState::Open => &["receive", "waive"],
            OldPartDebtState::Received { .. } | OldPartDebtState::Waived { .. } => &[],
        }
    }

    fn to(
        mut self,
        action: &'static str,
        state: OldPartDebtState,
        why: &str,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        if !self.allowed().contains(&action) {
            return Err(Error::illegal(Self::KIND, action, self.state(), self.allowed()));
        }
        let from = self.state();
        self.state = state;
        self.updated_at = now;
        Ok(Changed::new(self, action, from, why))
    }

    /// Takes the old part in, as defective stock.
    ///
    /// # Errors
    ///
    /// `SERIAL_DIFFERS`, `INVALID_FIELDS` when a piece with a number comes without it, `ILLEGAL_TRANSITION`.
    pub fn receive(
        self,
        location_id: &str,
        serial: &str,
        finding: &str,
        now: DateTime<Utc>,
    ) -> Result<(Changed<Self>, Move)> {
        if !self.old_serial.is_empty() && !serial.is_empty() && serial != self.old_serial {
            return Err(Error::new(error::SERIAL_DIFFERS).with("expected", &self.old_serial).with("given", serial));
        }
        let known = if serial.is_empty() { self.old_serial.as_str() } else { serial };
        // Of plain parts the old piece lies with the others, whatever number is on it.
        let tracking = if self.serial { known.to_owned() } else { String::new() };
        if self.serial && tracking.is_empty() {
            return Err(Error::invalid("serial", "needed for a part with serial numbers"));
        }
        let line = Line {
            part_id: self.part_id.clone(),
            sku: self.sku.clone(),
            tracking,
            serial: self.serial,
            milli: self.milli,
        };
        let movement = Move {
            line,
            from: Place::new(CUSTOMER, StockCondition::Defective),
            to: Place::new(location_id, StockCondition::Defective),
            reason: MovementReason::OldPart,
        };
        let state =
            OldPartDebtState::Received { location_id: location_id.to_owned(), at: now, finding: finding.to_owned() };
        Ok((self.to("receive", state, finding, now)?, movement))
    }

    /// Asks for it no longer; a supervisor or manager may, and never for a debt of their own.
    ///
    /// # Errors
    ///
    /// `NOT_ALLOWED`, `ILLEGAL_TRANSITION`.
    pub fn waive(self, by: &Actor, why: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        if !matches!(by.role, Role::Admin | Role::Manager | Role::Supervisor) || by.id == self.technician_id {
            return Err(Error::new(reason::NOT_ALLOWED).with("action", "waive").with("role", by.role.as_str()));
        }
        self.to("waive", OldPartDebtState::Waived { reason: why.to_owned() }, why, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::id::Id as _;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn debt() -> OldPartDebt {
        OldPartDebt {
            id: OldPartDebtId::wrap("opd_1".into()),
            version: 1,
            org_unit_id: String::new(),
            created_at: NOW,
            updated_at: NOW,
            technician_id: "te_1".into(),
            work_order_id: "wo_1".into(),
            service_request_id: String::new(),
            part_id: "pt_1".into(),
            sku: "A".into(),
            serial: true,
            milli: 1000,
            old_serial: "OLD".into(),
            taken_back: true,
            due_at: NOW,
            state: OldPartDebtState::Open,
        }
    }

    fn actor(id: &str, role: Role) -> Actor {
        Actor::new(id, role, "")
    }

    #[test]
    fn an_old_part_comes_in_as_defective_stock() {
        let (changed, movement) = debt().receive("loc_a", "", "burnt", NOW).unwrap();
        assert_eq!(changed.record.state(), "received");
        assert_eq!(movement.to, Place::new("loc_a", StockCondition::Defective));
        assert_eq!(movement.line.tracking, "OLD");
        let plain = OldPartDebt { serial: false, ..debt() };
        assert_eq!(plain.receive("loc_a", "OLD", "burnt", NOW).unwrap().1.line.tracking, "");
    }

    #[test]
    fn another_piece_does_not_pay_the_debt() {
        assert_eq!(debt().receive("loc_a", "X", "f", NOW).unwrap_err().reason, error::SERIAL_DIFFERS);
        let unknown = OldPartDebt { old_serial: String::new(), ..debt() };
        assert_eq!(unknown.receive("loc_a", "", "f", NOW).unwrap_err().reason, reason::INVALID_FIELDS);
    }

    #[test]
    fn a_paid_debt_is_over() {
        let supervisor = actor("su_1", Role::Supervisor);
        let received = debt().receive("loc_a", "", "f", NOW).unwrap().0.record;
        let waived = debt().waive(&supervisor, "lost by the customer", NOW).unwrap().record;
        for over in [received, waived] {
            assert_eq!(over.clone().receive("loc_a", "", "f", NOW).unwrap_err().reason, reason::ILLEGAL_TRANSITION);
            assert_eq!(over.waive(&supervisor, "r", NOW).unwrap_err().reason, reason::ILLEGAL_TRANSITION);
        }
    }

    #[test]
    fn only_a_superior_waives() {
        for actor in [actor("te_1", Role::Technician), actor("te_1", Role::Manager), actor("wa_1", Role::Warehouse)] {
            assert_eq!(debt().waive(&actor, "r", NOW).unwrap_err().reason, reason::NOT_ALLOWED);
        }
    }
}
