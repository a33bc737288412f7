//! Parts promised to a work order: all lines, or none. The record says what is promised from which balance; the
//! balances' own `reserved` columns say the same, and `check-ledger` proves it.

use chrono::{DateTime, Utc};
use common::{
    convert::Position,
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{
    Quantity, ReservationId,
    location::CUSTOMER,
    stock::{Line, Move, MovementReason, Place, StockCondition, Touches},
};
use crate::error;

/// One line as it is promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// The part.
    pub part_id: String,
    /// Its SKU.
    pub sku: String,
    /// The balance it is promised from.
    pub balance_id: String,
    /// The place of that balance.
    pub location_id: String,
    /// Batch or serial number.
    pub tracking: String,
    /// Whether `tracking` names one piece.
    pub serial: bool,
    /// Thousandths of the unit.
    pub milli: i64,
}

impl Allocation {
    fn line(&self, milli: i64) -> Line {
        Line {
            part_id: self.part_id.clone(),
            sku: self.sku.clone(),
            tracking: self.tracking.clone(),
            serial: self.serial,
            milli,
        }
    }

    fn place(&self) -> Place {
        Place::new(&self.location_id, StockCondition::Good)
    }

    fn leaving(&self, milli: i64) -> Move {
        Move {
            line: self.line(milli),
            from: self.place(),
            to: Place::new(CUSTOMER, StockCondition::Good),
            reason: MovementReason::Consumption,
        }
    }
}

/// What promising these allocations does to the balances.
#[must_use]
pub fn promise(allocations: &[Allocation]) -> Touches {
    let mut touches = Touches::default();
    for allocation in allocations {
        touches.add(&allocation.line(0), &allocation.place(), 0, allocation.milli);
    }
    touches
}

/// What letting these allocations go does to the balances.
#[must_use]
pub fn free(allocations: &[Allocation]) -> Touches {
    let mut touches = Touches::default();
    for allocation in allocations {
        touches.add(&allocation.line(0), &allocation.place(), 0, -allocation.milli);
    }
    touches
}

/// A place where a short part is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaceOfPart {
    /// The place.
    pub location_id: String,
    /// Free there.
    pub available: i64,
    /// Metres from the job, when known.
    pub metres: Option<f64>,
}

/// More of a short part is on order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// The supplementary order.
    pub order_id: String,
    /// Its number.
    pub number: String,
    /// How much of the part.
    pub milli: i64,
    /// When, when known.
    pub at: Option<DateTime<Utc>>,
}

/// What is known of a short line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shortage {
    /// What is wanted.
    pub wanted: Quantity,
    /// Free in all places together.
    pub available: i64,
    /// Where some of it is, nearest first.
    pub places: Vec<PlaceOfPart>,
    /// What could stand in, with what is free of it.
    pub substitutes: Vec<Quantity>,
    /// When more comes.
    pub expected: Vec<Expected>,
}

/// A part as a job used it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// The part.
    pub sku: String,
    /// Used.
    pub used: i64,
    /// Brought back.
    pub returned: i64,
    /// Serial number put in.
    pub new_serial: String,
    /// Serial number taken out.
    pub old_serial: String,
    /// Whether the technician took the old part from the customer.
    pub old_part_taken_back: bool,
}

/// A job's wish for parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// The job.
    pub work_order_id: String,
    /// The case.
    pub service_request_id: String,
    /// The customer.
    pub customer_id: String,
    /// The technician, when known.
    pub technician_id: String,
    /// Owner.
    pub org_unit_id: String,
    /// What, one line per part.
    pub lines: Vec<Quantity>,
    /// The location to be near to.
    pub near_location_id: String,
    /// Where the job is.
    pub position: Option<Position>,
}

/// How a try to reserve ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All lines are promised until then.
    Reserved(Vec<Allocation>, DateTime<Utc>),
    /// These lines are short, and nothing is promised.
    Short(Vec<Shortage>),
}

/// Where a reservation stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ReservationState {
    /// Something is nowhere: it waits.
    Short {
        /// What is known.
        shortages: Vec<Shortage>,
    },
    /// All lines are promised.
    Reserved {
        /// From where.
        allocations: Vec<Allocation>,
        /// Until when.
        expires_at: DateTime<Utc>,
    },
    /// Let go.
    Released {
        /// Why.
        reason: String,
    },
    /// Its time ran out.
    Expired,
    /// The job is done.
    Consumed {
        /// What it used.
        used: Vec<Used>,
        /// What of it no stock covered.
        uncovered: Vec<Quantity>,
    },
}

/// Parts promised to one work order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reservation {
    /// Id.
    pub id: ReservationId,
    /// Changes seen.
    pub version: i64,
    /// Made.
    pub created_at: DateTime<Utc>,
    /// Last changed.
    pub updated_at: DateTime<Utc>,
    /// For whom and what.
    pub need: Need,
    /// Where it stands.
    pub state: ReservationState,
}

impl Record for Reservation {
    const KIND: &'static str = "reservation";

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
            ReservationState::Short { .. } => "short",
            ReservationState::Reserved { .. } => "reserved",
            ReservationState::Released { .. } => "released",
            ReservationState::Expired => "expired",
            ReservationState::Consumed { .. } => "consumed",
        }
    }

    fn subject_id(&self) -> Option<&str> {
        Some(self.need.customer_id.as_str()).filter(|id| !id.is_empty())
    }

    fn case_id(&self) -> Option<&str> {
        Some(self.need.service_request_id.as_str()).filter(|id| !id.is_empty())
    }
}

impl From<Outcome> for ReservationState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Reserved(allocations, expires_at) => Self::Reserved { allocations, expires_at },
            Outcome::Short(shortages) => Self::Short { shortages },
        }
    }
}

impl Reservation {
    /// A new one, as its first try ended.
    #[must_use]
    pub fn new(id: ReservationId, need: Need, outcome: Outcome, now: DateTime<Utc>) -> Self {
        Self { id, version: 0, created_at: now, updated_at: now, need, state: outcome.into() }
    }

    /// One for a job that used parts without having reserved any.
    #[must_use]
    pub fn direct(
        id: ReservationId,
        need: Need,
        used: Vec<Used>,
        uncovered: Vec<Quantity>,
        now: DateTime<Utc>,
    ) -> Self {
        let state = ReservationState::Consumed { used, uncovered };
        Self { id, version: 0, created_at: now, updated_at: now, need, state }
    }

    /// The actions that the present state allows.
    #[must_use]
    pub fn allowed(&self) -> &'static [&'static str] {
        match self.state {
            ReservationState::Short { .. } => &["retry", "release", "consume"],
            ReservationState::Reserved { .. } => &["extend", "release", "expire", "consume"],
            ReservationState::Released { .. } => &["reserve", "consume"],
            ReservationState::Expired => &["reserve", "retry", "consume"],
            ReservationState::Consumed { .. } => &[],
        }
    }

    /// Refuses an action that the present state does not allow, before work is done for it.
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

    /// What is promised now.
    #[must_use]
    pub fn allocations(&self) -> &[Allocation] {
        match &self.state {
            ReservationState::Reserved { allocations, .. } => allocations,
            ReservationState::Short { .. }
            | ReservationState::Released { .. }
            | ReservationState::Expired
            | ReservationState::Consumed { .. } => &[],
        }
    }

    /// When it lets go by itself.
    #[must_use]
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        match self.state {
            ReservationState::Reserved { expires_at, .. } => Some(expires_at),
            ReservationState::Short { .. }
            | ReservationState::Released { .. }
            | ReservationState::Expired
            | ReservationState::Consumed { .. } => None,
        }
    }

    /// SKUs that are short.
    #[must_use]
    pub fn short_skus(&self) -> Vec<&str> {
        match &self.state {
            ReservationState::Short { shortages } => shortages.iter().map(|line| line.wanted.sku.as_str()).collect(),
            ReservationState::Reserved { .. }
            | ReservationState::Released { .. }
            | ReservationState::Expired
            | ReservationState::Consumed { .. } => Vec::new(),
        }
    }

    /// Whether a repeated wish is answered by this one as it stands: the same lines, and still alive.
    ///
    /// # Errors
    ///
    /// `RESERVATION_DIFFERS` when it is alive with other lines, `ILLEGAL_TRANSITION` when the job is done.
    pub fn answers(&self, need: &Need) -> Result<bool> {
        match self.state {
            ReservationState::Short { .. } | ReservationState::Reserved { .. } => {
                if Quantity::merged(&self.need.lines) == Quantity::merged(&need.lines) {
                    return Ok(true);
                }
                Err(Error::new(error::RESERVATION_DIFFERS)
                    .with("work_order_id", &need.work_order_id)
                    .with("reservation_id", &self.id))
            }
            ReservationState::Released { .. } | ReservationState::Expired => Ok(false),
            ReservationState::Consumed { .. } => {
                Err(Error::illegal(Self::KIND, "reserve", self.state(), self.allowed()))
            }
        }
    }

    fn to(
        mut self,
        action: &'static str,
        state: ReservationState,
        why: &str,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.check(action)?;
        let from = self.state();
        self.state = state;
        self.updated_at = now;
        Ok(Changed::new(self, action, from, why))
    }

    /// Reserves again after it was let go, maybe other lines.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn reserve(mut self, need: Need, outcome: Outcome, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check("reserve")?;
        self.need = need;
        self.to("reserve", outcome.into(), "", now)
    }

    /// Keeps how another try for the same lines ended.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn retry(self, outcome: Outcome, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.to("retry", outcome.into(), "", now)
    }

    /// Lasts longer.
    ///
    /// # Errors
    ///
    /// `EXPIRY_NOT_LATER`, `ILLEGAL_TRANSITION`.
    pub fn extend(self, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check("extend")?;
        if until <= now || self.expires_at().is_some_and(|expires_at| until <= expires_at) {
            return Err(Error::new(error::EXPIRY_NOT_LATER).field("expire_time", "later"));
        }
        let allocations = self.allocations().to_vec();
        self.to("extend", ReservationState::Reserved { allocations, expires_at: until }, "", now)
    }

    /// Lets go; the allocations are to be freed.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn release(self, reason: &str, now: DateTime<Utc>) -> Result<(Changed<Self>, Vec<Allocation>)> {
        let freed = self.allocations().to_vec();
        Ok((self.to("release", ReservationState::Released { reason: reason.to_owned() }, reason, now)?, freed))
    }

    /// Its time has run out; the allocations are to be freed.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn expire(self, now: DateTime<Utc>) -> Result<(Changed<Self>, Vec<Allocation>)> {
        let freed = self.allocations().to_vec();
        Ok((self.to("expire", ReservationState::Expired, "", now)?, freed))
    }

    /// The job is done; `uncovered` is what [`settle`] left over and no other stock covered either.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn consume(self, used: Vec<Used>, uncovered: Vec<Quantity>, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.to("consume", ReservationState::Consumed { used, uncovered }, "", now)
    }
}

/// A used quantity that the reservation does not cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// What.
    pub quantity: Quantity,
    /// The serial number that was put in; empty when it has none.
    pub tracking: String,
}

/// How the allocations of a done job are settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// What leaves stock.
    pub moves: Vec<Move>,
    /// What the balances see of it: all promises end, used pieces leave.
    pub touches: Touches,
    /// Used beyond what was promised.
    pub extra: Vec<Extra>,
}

/// Settles allocations against what was used. A serial number put in is taken from the allocation of that very piece.
#[must_use]
pub fn settle(allocations: &[Allocation], used: &[Used]) -> Settlement {
    let mut left: Vec<i64> = allocations.iter().map(|allocation| allocation.milli).collect();
    let mut moves = Vec::new();
    let mut extra = Vec::new();
    // Pieces with a known number first, so that a line without one cannot take them away.
    let mut order: Vec<&Used> = used.iter().filter(|line| line.used > 0).collect();
    order.sort_by_key(|line| line.new_serial.is_empty());
    for line in order {
        let mut missing = line.used;
        for (allocation, left) in allocations.iter().zip(&mut left) {
            let same_piece = !allocation.serial || line.new_serial.is_empty() || allocation.tracking == line.new_serial;
            let milli = if allocation.sku == line.sku && same_piece { missing.min(*left) } else { 0 };
            if milli > 0 {
                *left -= milli;
                missing -= milli;
                moves.push(allocation.leaving(milli));
            }
        }
        if missing > 0 {
            extra.push(Extra { quantity: Quantity::new(&line.sku, missing), tracking: line.new_serial.clone() });
        }
    }
    let mut touches = free(allocations);
    for movement in &moves {
        touches.add(&movement.line, &movement.from, -movement.line.milli, 0);
    }
    Settlement { moves, touches, extra }
}

/// The movements of used pieces that were not promised, out of the stock that covers them.
#[must_use]
pub fn leave(allocations: &[Allocation]) -> Vec<Move> {
    allocations.iter().map(|allocation| allocation.leaving(allocation.milli)).collect()
}

#[cfg(test)]
#[path = "reservation_tests.rs"]
mod tests;
