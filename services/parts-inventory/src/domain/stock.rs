//! Movements: every one is a pair of places, and what it does to the balances follows from the pair.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Actor, Record},
};
use serde::{Deserialize, Serialize};

use super::{
    StockDocumentId,
    location::{ADJUSTMENT, CUSTOMER, SCRAP, SUPPLIER, keeps_balance},
};

named! {
    /// Condition of pieces; conditions never mix.
    StockCondition {
        /// Can be used; the only one that can be promised.
        Good = "good",
        /// Broken.
        Defective = "defective",
        /// Waits for inspection.
        Quarantine = "quarantine",
        /// To be given away.
        Gift = "gift",
    }
}

named! {
    /// Why stock moved.
    MovementReason {
        /// Came from a supplier.
        Receipt = "receipt",
        /// Given out for a job.
        Issue = "issue",
        /// Used on a job, out of a reservation.
        Consumption = "consumption",
        /// Came back unused.
        ReturnUnused = "return_unused",
        /// Left for another location.
        TransferOut = "transfer_out",
        /// Arrived from another location.
        TransferIn = "transfer_in",
        /// Lost on the way.
        TransferLoss = "transfer_loss",
        /// Corrected.
        Adjustment = "adjustment",
        /// Found to be of another condition.
        ConditionChange = "condition_change",
        /// Thrown away.
        Scrap = "scrap",
        /// Given to a customer against the old one.
        Exchange = "exchange",
        /// Came back from a customer.
        CustomerReturn = "customer_return",
        /// Old part that came in.
        OldPart = "old_part",
    }
}

named! {
    /// What a stock document books.
    StockDocumentKind {
        /// Supplier to location.
        Receipt = "receipt",
        /// Location to a job.
        Issue = "issue",
        /// From a job to location.
        Return = "return",
        /// Correction.
        Adjustment = "adjustment",
        /// Condition to condition.
        ConditionChange = "condition_change",
        /// Location to scrap.
        Scrap = "scrap",
    }
}

/// A quantity of one part with its batch or serial number; negative only in adjustments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The part.
    pub part_id: String,
    /// Its SKU.
    pub sku: String,
    /// Batch or serial number; empty for plain parts.
    pub tracking: String,
    /// Whether `tracking` names one single piece.
    pub serial: bool,
    /// Thousandths of the unit.
    pub milli: i64,
}

/// One side of a movement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The location.
    pub location_id: String,
    /// The condition there.
    pub condition: StockCondition,
}

impl Place {
    /// That location, in that condition.
    #[must_use]
    pub fn new(location_id: &str, condition: StockCondition) -> Self {
        Self { location_id: location_id.to_owned(), condition }
    }
}

/// One movement before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// What, and how much; always more than nothing.
    pub line: Line,
    /// Where from.
    pub from: Place,
    /// Where to.
    pub to: Place,
    /// Why.
    pub reason: MovementReason,
}

/// Id of the balance of a part in a place: the same pieces always have the same row.
#[must_use]
pub fn balance_id(part_id: &str, place: &Place, tracking: &str) -> String {
    format!("{part_id}|{}|{}|{tracking}", place.location_id, place.condition.as_str())
}

/// What is done to one balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The part.
    pub part_id: String,
    /// Its SKU.
    pub sku: String,
    /// Batch or serial number.
    pub tracking: String,
    /// Whether `tracking` names one single piece.
    pub serial: bool,
    /// The place.
    pub place: Place,
    /// Change of what lies there.
    pub on_hand: i64,
    /// Change of what is promised of it.
    pub reserved: i64,
}

/// Changes of balances by balance id. The order of the map is the order in which rows are locked, everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touches(pub BTreeMap<String, Touch>);

impl Touches {
    /// What the movements do.
    #[must_use]
    pub fn of(moves: &[Move]) -> Self {
        let mut touches = Self::default();
        for movement in moves {
            touches.add(&movement.line, &movement.from, -movement.line.milli, 0);
            touches.add(&movement.line, &movement.to, movement.line.milli, 0);
        }
        touches
    }

    /// Adds a change; far sides keep no balance.
    pub fn add(&mut self, line: &Line, place: &Place, on_hand: i64, reserved: i64) {
        if !keeps_balance(&place.location_id) {
            return;
        }
        let id = balance_id(&line.part_id, place, &line.tracking);
        let touch = self.0.entry(id).or_insert_with(|| Touch {
            part_id: line.part_id.clone(),
            sku: line.sku.clone(),
            tracking: line.tracking.clone(),
            serial: line.serial,
            place: place.clone(),
            on_hand: 0,
            reserved: 0,
        });
        touch.on_hand += on_hand;
        touch.reserved += reserved;
    }
}

/// A booking of stock that stands for itself: made once, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockDocument {
    /// Id.
    pub id: StockDocumentId,
    /// Changes seen.
    pub version: i64,
    /// Owner.
    pub org_unit_id: String,
    /// Booked.
    pub created_at: DateTime<Utc>,
    /// What it books.
    pub kind: StockDocumentKind,
    /// The place.
    pub location_id: String,
    /// What it moved; negative out of the place.
    pub lines: Vec<Line>,
    /// Condition before.
    pub from_condition: StockCondition,
    /// Condition after.
    pub to_condition: StockCondition,
    /// The job.
    pub work_order_id: String,
    /// Who got or brought it.
    pub technician_id: String,
    /// Why.
    pub reason: String,
    /// Remarks.
    pub note: String,
    /// The paper's number.
    pub reference: String,
    /// Signature or scan of the hand-over.
    pub signature_file_id: String,
    /// Who booked it.
    pub actor: Actor,
}

impl Record for StockDocument {
    const KIND: &'static str = "stock_document";

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
        self.kind.as_str()
    }
}

impl StockDocument {
    /// The movements it makes.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` for a line of nothing, a negative line outside an adjustment, or a change of condition into
    /// the same one.
    pub fn moves(&self) -> Result<Vec<Move>> {
        let here = Place::new(&self.location_id, self.from_condition);
        let there = Place::new(&self.location_id, self.to_condition);
        let far = |location: &str| Place::new(location, self.from_condition);
        if (self.kind == StockDocumentKind::ConditionChange) != (self.from_condition != self.to_condition) {
            return Err(Error::invalid("to_condition", "differs from from_condition"));
        }
        self.lines
            .iter()
            .map(|line| {
                let adjusting = self.kind == StockDocumentKind::Adjustment;
                if line.milli == 0 || (line.milli < 0 && !adjusting) {
                    return Err(Error::invalid("lines", "not_zero"));
                }
                let (from, to, reason) = match self.kind {
                    StockDocumentKind::Receipt => (far(SUPPLIER), there.clone(), MovementReason::Receipt),
                    StockDocumentKind::Issue => (here.clone(), far(CUSTOMER), MovementReason::Issue),
                    StockDocumentKind::Return => (far(CUSTOMER), there.clone(), MovementReason::ReturnUnused),
                    StockDocumentKind::Adjustment if line.milli > 0 => {
                        (far(ADJUSTMENT), there.clone(), MovementReason::Adjustment)
                    }
                    StockDocumentKind::Adjustment => (here.clone(), far(ADJUSTMENT), MovementReason::Adjustment),
                    StockDocumentKind::ConditionChange => {
                        (here.clone(), there.clone(), MovementReason::ConditionChange)
                    }
                    StockDocumentKind::Scrap => (here.clone(), far(SCRAP), MovementReason::Scrap),
                };
                let line = Line { milli: line.milli.abs(), ..line.clone() };
                Ok(Move { line, from, to, reason })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::id::Id as _;
    use proptest::prelude::*;

    fn line(milli: i64) -> Line {
        Line { part_id: "pt_1".into(), sku: "A".into(), tracking: String::new(), serial: false, milli }
    }

    fn document(kind: StockDocumentKind, milli: i64, to: StockCondition) -> StockDocument {
        StockDocument {
            id: StockDocumentId::wrap("sd_1".into()),
            version: 0,
            org_unit_id: String::new(),
            created_at: DateTime::UNIX_EPOCH,
            kind,
            location_id: "loc_a".into(),
            lines: vec![line(milli)],
            from_condition: StockCondition::Good,
            to_condition: to,
            work_order_id: String::new(),
            technician_id: String::new(),
            reason: String::new(),
            note: String::new(),
            reference: String::new(),
            signature_file_id: String::new(),
            actor: Actor::service("test"),
        }
    }

    #[test]
    fn every_kind_moves_between_its_two_places() {
        use StockDocumentKind as K;
        for (kind, milli, from, to, delta) in [
            (K::Receipt, 1000, SUPPLIER, "loc_a", 1000),
            (K::Issue, 1000, "loc_a", CUSTOMER, -1000),
            (K::Return, 1000, CUSTOMER, "loc_a", 1000),
            (K::Adjustment, 1000, ADJUSTMENT, "loc_a", 1000),
            (K::Adjustment, -1000, "loc_a", ADJUSTMENT, -1000),
            (K::Scrap, 1000, "loc_a", SCRAP, -1000),
        ] {
            let moves = document(kind, milli, StockCondition::Good).moves().unwrap();
            assert_eq!((moves[0].from.location_id.as_str(), moves[0].to.location_id.as_str()), (from, to), "{kind:?}");
            assert_eq!(moves[0].line.milli, 1000);
            let touches = Touches::of(&moves).0;
            assert_eq!(touches.values().map(|touch| touch.on_hand).collect::<Vec<_>>(), [delta], "{kind:?}");
        }
    }

    #[test]
    fn a_change_of_condition_stays_in_its_place_and_needs_two_conditions() {
        let moves = document(StockDocumentKind::ConditionChange, 1000, StockCondition::Defective).moves().unwrap();
        let touches = Touches::of(&moves).0;
        assert_eq!(touches["pt_1|loc_a|good|"].on_hand, -1000);
        assert_eq!(touches["pt_1|loc_a|defective|"].on_hand, 1000);
        assert!(document(StockDocumentKind::ConditionChange, 1000, StockCondition::Good).moves().is_err());
        assert!(document(StockDocumentKind::Scrap, 1000, StockCondition::Defective).moves().is_err());
    }

    #[test]
    fn nothing_and_less_than_nothing_do_not_move() {
        assert!(document(StockDocumentKind::Adjustment, 0, StockCondition::Good).moves().is_err());
        assert!(document(StockDocumentKind::Issue, -1000, StockCondition::Good).moves().is_err());
    }

    proptest! {
        #[test]
        fn what_leaves_one_kept_place_arrives_in_another(
            hops in proptest::collection::vec((0..4_usize, 0..4_usize, 1..9_i64), 1..20),
        ) {
            let places = ["loc_a", "loc_b", "loc_c", "loc_d"];
            let moves: Vec<_> = hops.iter().map(|&(from, to, pieces)| Move {
                line: line(pieces * 1000),
                from: Place::new(places[from], StockCondition::Good),
                to: Place::new(places[to], StockCondition::Good),
                reason: MovementReason::TransferIn,
            }).collect();
            prop_assert_eq!(Touches::of(&moves).0.values().map(|touch| touch.on_hand).sum::<i64>(), 0);
        }
    }
}
