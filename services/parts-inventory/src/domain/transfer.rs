//! Stock on its way. It leaves the source when it is sent and is nobody's until it arrives: what is on the way lies
//! in a location of its own and can be promised to no one.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{
    TransferId,
    location::{ADJUSTMENT, IN_TRANSIT},
    stock::{Line, Move, MovementReason, Place, StockCondition},
};
use crate::error;

named! {
    /// What became of what did not arrive.
    ShortageOutcome {
        /// It arrived after all.
        Found = "found",
        /// It never left, or went back.
        SentBack = "sent_back",
        /// It is lost.
        Lost = "lost",
    }
}

/// One line, with what of it arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferLine {
    /// What was sent.
    pub line: Line,
    /// Thousandths that arrived.
    pub received: i64,
}

/// Where a transfer stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TransferState {
    /// On the way.
    Shipped,
    /// Arrived, but not all of it.
    Short {
        /// When.
        received_at: DateTime<Utc>,
    },
    /// Everything is accounted for.
    Closed {
        /// When it arrived.
        received_at: DateTime<Utc>,
        /// What became of a shortage.
        outcome: Option<ShortageOutcome>,
        /// Why.
        reason: String,
    },
}

/// Stock on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Id.
    pub id: TransferId,
    /// Changes seen.
    pub version: i64,
    /// Human number.
    pub number: String,
    /// Owner.
    pub org_unit_id: String,
    /// Sent.
    pub created_at: DateTime<Utc>,
    /// Last changed.
    pub updated_at: DateTime<Utc>,
    /// Where from.
    pub from_location_id: String,
    /// Where to.
    pub to_location_id: String,
    /// Condition of the pieces.
    pub condition: StockCondition,
    /// What.
    pub lines: Vec<TransferLine>,
    /// Carrier and consignment number.
    pub carrier: String,
    /// Signatures of the hand-overs: sent, received.
    pub signatures: Vec<String>,
    /// Where it stands.
    pub state: TransferState,
}

impl Record for Transfer {
    const KIND: &'static str = "transfer";

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
            TransferState::Shipped => "shipped",
            TransferState::Short { .. } => "short",
            TransferState::Closed { .. } => "closed",
        }
    }
}

impl Transfer {
    /// The actions that the present state allows.
    #[must_use]
    pub fn allowed(&self) -> &'static [&'static str] {
        match self.state {
            TransferState::Shipped => &["receive"],
            TransferState::Short { .. } => &["settle_shortage"],
            TransferState::Closed { .. } => &[],
        }
    }

    fn illegal(&self, action: &str) -> Error {
        Error::illegal(Self::KIND, action, self.state(), self.allowed())
    }

    /// The movements of sending it.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` when it would end where it starts, or names a line twice.
    pub fn shipment(&self) -> Result<Vec<Move>> {
        if self.from_location_id == self.to_location_id {
            return Err(Error::invalid("to_location_id", "differs from from_location_id"));
        }
        let mut seen = std::collections::BTreeSet::new();
        if !self.lines.iter().all(|sent| seen.insert((&sent.line.sku, &sent.line.tracking))) {
            return Err(Error::invalid("lines", "one line per part and batch or serial number"));
        }
        let from = Place::new(&self.from_location_id, self.condition);
        Ok(self
            .lines
            .iter()
            .map(|sent| self.step(sent.line.clone(), &from, IN_TRANSIT, MovementReason::TransferOut))
            .collect())
    }

    fn step(&self, line: Line, from: &Place, to: &str, reason: MovementReason) -> Move {
        Move { line, from: from.clone(), to: Place::new(to, self.condition), reason }
    }

    /// Books what arrived; `None` when all of it did. The rest stays on the way until it is settled.
    ///
    /// # Errors
    ///
    /// `RECEIPT_DIFFERS` when something arrived that was not sent; `ILLEGAL_TRANSITION`.
    pub fn receive(
        mut self,
        arrived: Option<&[Line]>,
        signature: &str,
        now: DateTime<Utc>,
    ) -> Result<(Changed<Self>, Vec<Move>)> {
        match self.state {
            TransferState::Shipped => {}
            TransferState::Short { .. } | TransferState::Closed { .. } => return Err(self.illegal("receive")),
        }
        match arrived {
            None => self.lines.iter_mut().for_each(|sent| sent.received = sent.line.milli),
            Some(arrived) => {
                for line in arrived {
                    let sent = self
                        .lines
                        .iter_mut()
                        .find(|sent| sent.line.sku == line.sku && sent.line.tracking == line.tracking)
                        .filter(|sent| sent.received + line.milli <= sent.line.milli)
                        .ok_or_else(|| Error::new(error::RECEIPT_DIFFERS).with("sku", &line.sku))?;
                    sent.received += line.milli;
                }
            }
        }
        let on_the_way = Place::new(IN_TRANSIT, self.condition);
        let moves = self
            .lines
            .iter()
            .filter(|sent| sent.received > 0)
            .map(|sent| {
                let line = Line { milli: sent.received, ..sent.line.clone() };
                self.step(line, &on_the_way, &self.to_location_id, MovementReason::TransferIn)
            })
            .collect();
        let complete = self.lines.iter().all(|sent| sent.received == sent.line.milli);
        let from = self.state();
        self.state = if complete {
            TransferState::Closed { received_at: now, outcome: None, reason: String::new() }
        } else {
            TransferState::Short { received_at: now }
        };
        self.signatures.push(signature.to_owned());
        self.updated_at = now;
        Ok((Changed::new(self, "receive", from, ""), moves))
    }

    /// Says what became of what did not arrive.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn settle_shortage(
        mut self,
        outcome: ShortageOutcome,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(Changed<Self>, Vec<Move>)> {
        let received_at = match self.state {
            TransferState::Short { received_at } => received_at,
            TransferState::Shipped | TransferState::Closed { .. } => return Err(self.illegal("settle_shortage")),
        };
        let (to, why) = match outcome {
            ShortageOutcome::Found => (self.to_location_id.as_str(), MovementReason::TransferIn),
            ShortageOutcome::SentBack => (self.from_location_id.as_str(), MovementReason::TransferIn),
            ShortageOutcome::Lost => (ADJUSTMENT, MovementReason::TransferLoss),
        };
        let on_the_way = Place::new(IN_TRANSIT, self.condition);
        let moves = self
            .lines
            .iter()
            .filter(|sent| sent.received < sent.line.milli)
            .map(|sent| {
                let line = Line { milli: sent.line.milli - sent.received, ..sent.line.clone() };
                self.step(line, &on_the_way, to, why)
            })
            .collect();
        let from = self.state();
        self.state = TransferState::Closed { received_at, outcome: Some(outcome), reason: reason.to_owned() };
        self.updated_at = now;
        Ok((Changed::new(self, "settle_shortage", from, reason), moves))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::stock::Touches;
    use common::{error::reason, id::Id as _};

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn line(sku: &str, milli: i64) -> Line {
        Line { part_id: format!("pt_{sku}"), sku: sku.into(), tracking: String::new(), serial: false, milli }
    }

    fn transfer() -> Transfer {
        let sent = |sku, milli| TransferLine { line: line(sku, milli), received: 0 };
        Transfer {
            id: TransferId::wrap("tr_1".into()),
            version: 1,
            number: "TR-1".into(),
            org_unit_id: String::new(),
            created_at: NOW,
            updated_at: NOW,
            from_location_id: "loc_a".into(),
            to_location_id: "loc_b".into(),
            condition: StockCondition::Good,
            lines: vec![sent("A", 5000), sent("B", 2000)],
            carrier: String::new(),
            signatures: Vec::new(),
            state: TransferState::Shipped,
        }
    }

    /// What all movements together did to a place.
    fn net(moves: &[Move], place: &str) -> i64 {
        Touches::of(moves).0.values().filter(|touch| touch.place.location_id == place).map(|t| t.on_hand).sum()
    }

    #[test]
    fn sending_leaves_the_source_at_once_and_arrives_nowhere_yet() {
        let moves = transfer().shipment().unwrap();
        assert_eq!((net(&moves, "loc_a"), net(&moves, IN_TRANSIT), net(&moves, "loc_b")), (-7000, 7000, 0));
    }

    #[test]
    fn a_complete_arrival_closes_and_a_short_one_waits_for_its_outcome() {
        let (closed, moves) = transfer().receive(None, "sig", NOW).unwrap();
        assert_eq!(closed.record.state(), "closed");
        assert_eq!(net(&moves, IN_TRANSIT), -7000);
        for (outcome, place) in [
            (ShortageOutcome::Found, "loc_b"),
            (ShortageOutcome::SentBack, "loc_a"),
            (ShortageOutcome::Lost, ADJUSTMENT),
        ] {
            let (short, first) = transfer().receive(Some(&[line("A", 4000), line("B", 2000)]), "sig", NOW).unwrap();
            assert_eq!(short.record.state(), "short");
            assert_eq!(net(&first, "loc_b"), 6000);
            let (closed, second) = short.record.settle_shortage(outcome, "counted again", NOW).unwrap();
            assert_eq!(closed.record.state(), "closed");
            assert_eq!(net(&second, IN_TRANSIT), -1000);
            assert_eq!(second[0].to.location_id, place);
        }
    }

    #[test]
    fn more_than_was_sent_does_not_arrive() {
        for arrived in [vec![line("A", 6000)], vec![line("C", 1000)], vec![line("A", 3000), line("A", 3000)]] {
            assert_eq!(transfer().receive(Some(&arrived), "", NOW).unwrap_err().reason, error::RECEIPT_DIFFERS);
        }
    }

    #[test]
    fn every_other_edge_is_refused_with_the_allowed_actions() {
        let shipped = transfer();
        let short = shipped.clone().receive(Some(&[]), "", NOW).unwrap().0.record;
        let closed = shipped.clone().receive(None, "", NOW).unwrap().0.record;
        for state in [shipped, short, closed] {
            let allowed = state.allowed();
            let results = [
                ("receive", state.clone().receive(None, "", NOW).map(|_| ())),
                ("settle_shortage", state.clone().settle_shortage(ShortageOutcome::Lost, "r", NOW).map(|_| ())),
            ];
            for (action, result) in results {
                match result {
                    Ok(()) => assert!(allowed.contains(&action), "{action} in {}", state.state()),
                    Err(refused) => {
                        assert_eq!(refused.reason, reason::ILLEGAL_TRANSITION);
                        assert!(!allowed.contains(&action), "{action} in {}", state.state());
                        assert_eq!(refused.facts["allowed"], allowed.join(", "));
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_sent_to_where_it_is() {
        let mut circle = transfer();
        circle.to_location_id = circle.from_location_id.clone();
        assert!(circle.shipment().is_err());
    }
}
