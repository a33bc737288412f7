//! Goods that a customer returns or exchanges (RMA). The machine itself holds the promise that a new product is only
//! given against the old one: settling follows receiving, inspecting and deciding, and there is no way around them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use common::{
    convert::Money,
    error::{Error, Result},
    record::{Actor, Changed, Record, Role},
};
use serde::{Deserialize, Serialize};

use super::{
    ReturnId,
    location::{CUSTOMER, SCRAP},
    stock::{Line, Move, MovementReason, Place, StockCondition},
    supplementary_order::{Attachment, Responsibility},
};
use crate::error;

named! {
    /// What the customer wants.
    ReturnWish {
        /// The money back.
        Return = "return",
        /// Another one.
        Exchange = "exchange",
    }
}

named! {
    /// How goods were found.
    GoodsCondition {
        /// As new.
        AsNew = "as_new",
        /// Used, whole.
        Used = "used",
        /// Damaged.
        Damaged = "damaged",
        /// Not working.
        Defective = "defective",
        /// Something is missing.
        Incomplete = "incomplete",
    }
}

named! {
    /// What becomes of goods.
    Disposition {
        /// The customer gets a new one.
        Exchange = "exchange",
        /// The customer gets the money.
        Refund = "refund",
        /// It is repaired for the customer.
        Repair = "repair",
        /// It is put in order for stock.
        Refurbish = "refurbish",
        /// It is thrown away.
        Scrap = "scrap",
    }
}

named! {
    /// Where a return stands.
    ReturnState {
        /// Asked for.
        Opened = "opened",
        /// Approved; the goods are awaited.
        Approved = "approved",
        /// Refused.
        Rejected = "rejected",
        /// The goods are here.
        Received = "received",
        /// Condition, cause and responsibility are known.
        Inspected = "inspected",
        /// It is decided what becomes of the goods.
        Disposed = "disposed",
        /// The customer has got what was decided.
        Settled = "settled",
        /// Closed.
        Closed = "closed",
        /// Cancelled.
        Cancelled = "cancelled",
    }
}

/// How long after the purchase goods are taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// For the money.
    pub refund: Duration,
    /// For another one.
    pub exchange: Duration,
}

impl Windows {
    /// Whether a wish made then is inside its window.
    #[must_use]
    pub fn holds(&self, wish: ReturnWish, bought: DateTime<Utc>, asked: DateTime<Utc>) -> bool {
        let window = match wish {
            ReturnWish::Return => self.refund,
            ReturnWish::Exchange => self.exchange,
        };
        let window = TimeDelta::from_std(window).unwrap_or(TimeDelta::MAX);
        asked.signed_duration_since(bought) <= window
    }
}

/// Who approved or refused, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// Approved although the window had passed.
    pub outside_window: bool,
}

/// Goods as they were taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// Where they are.
    pub location_id: String,
    /// When they came.
    pub at: DateTime<Utc>,
    /// What was booked.
    pub line: Line,
}

/// What the inspection found. All of it is mandatory, so there is no inspection without cause and responsible unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// How the goods were found.
    pub condition: GoodsCondition,
    /// Cause.
    pub cause_code: String,
    /// Kind of unit that answers for it.
    pub responsibility: Responsibility,
    /// The unit.
    pub responsible_unit: String,
    /// What was found.
    pub note: String,
    /// Photos.
    pub photos: Vec<Attachment>,
}

/// What the customer got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settlement {
    /// A new product.
    Exchanged {
        /// What was given.
        line: Line,
        /// From where.
        location_id: String,
    },
    /// The money.
    Refunded {
        /// How much.
        amount: Money,
        /// Number of the refund.
        reference: String,
    },
    /// Repaired, refurbished or scrapped.
    Done {
        /// Number of the repair or of the list.
        reference: String,
    },
}

/// Goods that a customer returns or exchanges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// Id.
    pub id: ReturnId,
    /// Changes seen.
    pub version: i64,
    /// Human number.
    pub number: String,
    /// Owner.
    pub org_unit_id: String,
    /// Made; the window is checked against this instant.
    pub created_at: DateTime<Utc>,
    /// Last changed.
    pub updated_at: DateTime<Utc>,
    /// What the customer wants.
    pub wish: ReturnWish,
    /// The case.
    pub service_request_id: String,
    /// The customer.
    pub customer_id: String,
    /// The registered product.
    pub product_id: String,
    /// Catalogue entry of the goods.
    pub sku: String,
    /// Serial number of the goods.
    pub serial: String,
    /// Why, as a stable code.
    pub reason: String,
    /// When it was bought.
    pub purchased_at: Option<DateTime<Utc>>,
    /// Who approved, refused or cancelled.
    pub decision: Option<Decision>,
    /// The goods.
    pub intake: Option<Intake>,
    /// What was found.
    pub inspection: Option<Inspection>,
    /// What becomes of them.
    pub disposition: Option<Disposition>,
    /// What the customer got.
    pub settlement: Option<Settlement>,
    /// Where it stands.
    pub state: ReturnState,
}

impl Record for Return {
    const KIND: &'static str = "return";

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

use ReturnState as State;

impl Return {
    /// The actions that the present state allows.
    #[must_use]
    pub fn allowed(&self) -> &'static [&'static str] {
        match self.state {
            State::Opened => &["approve", "reject", "cancel"],
            State::Approved => &["receive", "cancel"],
            State::Received => &["inspect"],
            State::Inspected => &["dispose"],
            State::Disposed => &["settle"],
            State::Settled => &["close"],
            State::Rejected | State::Closed | State::Cancelled => &[],
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

    /// Approves after a check against the windows. Outside them only a supervisor or manager may, and says why.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` when it is not known when the goods were bought, `OUTSIDE_WINDOW`, `ILLEGAL_TRANSITION`.
    pub fn approve(
        mut self,
        by: &Actor,
        purchased_at: Option<DateTime<Utc>>,
        reason: &str,
        windows: Windows,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.check("approve")?;
        self.purchased_at = purchased_at.or(self.purchased_at);
        let bought = self
            .purchased_at
            .filter(|bought| *bought <= now)
            .ok_or_else(|| Error::invalid("purchase_time", "needed, and not in the future"))?;
        let outside_window = !windows.holds(self.wish, bought, self.created_at);
        let may_except = matches!(by.role, Role::Admin | Role::Manager | Role::Supervisor);
        if outside_window && (!may_except || reason.trim().is_empty()) {
            return Err(Error::new(error::OUTSIDE_WINDOW)
                .with("wish", self.wish.as_str())
                .with("purchase_time", bought.to_rfc3339()));
        }
        self.decision = Some(Decision { by: by.clone(), reason: reason.to_owned(), outside_window });
        self.to("approve", State::Approved, reason, now)
    }

    /// Refuses.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn reject(mut self, by: &Actor, reason: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.decision = Some(Decision { by: by.clone(), reason: reason.to_owned(), outside_window: false });
        self.to("reject", State::Rejected, reason, now)
    }

    /// Takes the goods in, into quarantine.
    ///
    /// # Errors
    ///
    /// `SERIAL_DIFFERS` when another serial number is on record, `ILLEGAL_TRANSITION`.
    pub fn receive(mut self, line: Line, location_id: &str, now: DateTime<Utc>) -> Result<(Changed<Self>, Move)> {
        self.check("receive")?;
        if !self.serial.is_empty() && !line.tracking.is_empty() && self.serial != line.tracking {
            return Err(Error::new(error::SERIAL_DIFFERS).with("expected", &self.serial).with("given", &line.tracking));
        }
        let movement = Move {
            line: line.clone(),
            from: Place::new(CUSTOMER, StockCondition::Quarantine),
            to: Place::new(location_id, StockCondition::Quarantine),
            reason: MovementReason::CustomerReturn,
        };
        self.sku = line.sku.clone();
        if self.serial.is_empty() {
            self.serial = line.tracking.clone();
        }
        self.intake = Some(Intake { location_id: location_id.to_owned(), at: now, line });
        Ok((self.to("receive", State::Received, "", now)?, movement))
    }

    /// Keeps what the inspection found.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn inspect(mut self, inspection: Inspection, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let cause = inspection.cause_code.clone();
        self.inspection = Some(inspection);
        self.to("inspect", State::Inspected, &cause, now)
    }

    /// Decides what becomes of the goods, which leave quarantine: scrap leaves stock, the rest waits for repair.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn dispose(mut self, disposition: Disposition, now: DateTime<Utc>) -> Result<(Changed<Self>, Vec<Move>)> {
        self.check("dispose")?;
        let moves = self
            .intake
            .iter()
            .map(|intake| {
                let (to, reason) = match disposition {
                    Disposition::Scrap => (Place::new(SCRAP, StockCondition::Quarantine), MovementReason::Scrap),
                    Disposition::Exchange | Disposition::Refund | Disposition::Repair | Disposition::Refurbish => {
                        (Place::new(&intake.location_id, StockCondition::Defective), MovementReason::ConditionChange)
                    }
                };
                let from = Place::new(&intake.location_id, StockCondition::Quarantine);
                Move { line: intake.line.clone(), from, to, reason }
            })
            .collect();
        self.disposition = Some(disposition);
        Ok((self.to("dispose", State::Disposed, disposition.as_str(), now)?, moves))
    }

    /// Gives the customer what was decided; the new product of an exchange leaves stock.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` when the settlement is not the one that was decided, `ILLEGAL_TRANSITION`.
    pub fn settle(mut self, settlement: Settlement, now: DateTime<Utc>) -> Result<(Changed<Self>, Option<Move>)> {
        self.check("settle")?;
        let fits = match (&settlement, self.disposition) {
            (Settlement::Exchanged { .. }, Some(Disposition::Exchange)) => true,
            (Settlement::Refunded { amount, .. }, Some(Disposition::Refund)) => amount.minor_units > 0,
            (Settlement::Done { .. }, Some(Disposition::Repair | Disposition::Refurbish | Disposition::Scrap)) => true,
            (Settlement::Exchanged { .. } | Settlement::Refunded { .. } | Settlement::Done { .. }, _) => false,
        };
        if !fits {
            let decided = self.disposition.map_or("", Disposition::as_str);
            return Err(Error::invalid("refund, new_sku", format!("as decided: {decided}")));
        }
        let movement = match &settlement {
            Settlement::Exchanged { line, location_id } => Some(Move {
                line: line.clone(),
                from: Place::new(location_id, StockCondition::Good),
                to: Place::new(CUSTOMER, StockCondition::Good),
                reason: MovementReason::Exchange,
            }),
            Settlement::Refunded { .. } | Settlement::Done { .. } => None,
        };
        self.settlement = Some(settlement);
        Ok((self.to("settle", State::Settled, "", now)?, movement))
    }

    /// Closes.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn close(self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.to("close", State::Closed, "", now)
    }

    /// Cancels; once the goods are here there is something to settle, and it cannot be cancelled any more.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn cancel(mut self, by: &Actor, reason: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.decision = Some(Decision { by: by.clone(), reason: reason.to_owned(), outside_window: false });
        self.to("cancel", State::Cancelled, reason, now)
    }
}

#[cfg(test)]
#[path = "rma_tests.rs"]
mod tests;
