//! Which event tells of a change.

use common::record::Record;
use proto::aftercare::{
    common::v1::RecordEvent,
    parts_inventory::v1::{
        ReservationEvent, ReservationFact, ReturnEvent, ReturnFact, SupplementaryOrderEvent, SupplementaryOrderFact,
    },
};

use super::part_lines;
use crate::{
    domain::{
        location::Location,
        old_part::OldPartDebt,
        part::Part,
        reservation::{Reservation, ReservationState},
        rma::{Disposition, Return, ReturnState, Settlement},
        stock::StockDocument,
        supplementary_order::{SupplementaryOrder, SupplementaryOrderState},
        transfer::Transfer,
    },
    store::Told,
};

macro_rules! told_plainly {
    ($($record:ty),+) => {$(
        impl Told for $record {
            type Event = RecordEvent;

            fn event(&self, action: &'static str) -> RecordEvent {
                RecordEvent {
                    record_id: self.id().to_owned(),
                    action: action.to_owned(),
                    state: self.state().to_owned(),
                }
            }
        }
    )+};
}

told_plainly!(Part, Location, StockDocument, Transfer, OldPartDebt);

impl Told for Reservation {
    type Event = ReservationEvent;

    fn event(&self, action: &'static str) -> ReservationEvent {
        let fact = match &self.state {
            ReservationState::Reserved { .. } if action == "extend" => ReservationFact::Extended,
            ReservationState::Reserved { .. } => ReservationFact::Reserved,
            ReservationState::Short { .. } => ReservationFact::Short,
            ReservationState::Released { .. } => ReservationFact::Released,
            ReservationState::Expired => ReservationFact::Expired,
            ReservationState::Consumed { .. } => ReservationFact::Consumed,
        };
        ReservationEvent {
            fact: fact as i32,
            reservation_id: self.id.to_string(),
            work_order_id: self.need.work_order_id.clone(),
            service_request_id: self.need.service_request_id.clone(),
            lines: part_lines(&self.need.lines),
            short_skus: self.short_skus().into_iter().map(str::to_owned).collect(),
        }
    }
}

impl Told for SupplementaryOrder {
    type Event = SupplementaryOrderEvent;

    fn event(&self, _action: &'static str) -> SupplementaryOrderEvent {
        let fact = match self.state {
            SupplementaryOrderState::Requested => SupplementaryOrderFact::Requested,
            SupplementaryOrderState::Approved => SupplementaryOrderFact::Approved,
            SupplementaryOrderState::Rejected => SupplementaryOrderFact::Rejected,
            SupplementaryOrderState::Ordered => SupplementaryOrderFact::Ordered,
            SupplementaryOrderState::Shipped => SupplementaryOrderFact::Shipped,
            SupplementaryOrderState::Received => SupplementaryOrderFact::Received,
            SupplementaryOrderState::HandedOn => SupplementaryOrderFact::HandedOn,
            SupplementaryOrderState::Cancelled => SupplementaryOrderFact::Cancelled,
        };
        SupplementaryOrderEvent {
            fact: fact as i32,
            supplementary_order_id: self.id.to_string(),
            number: self.number.clone(),
            work_order_id: self.work_order_id.clone(),
            service_request_id: self.service_request_id.clone(),
            lines: part_lines(&self.lines),
        }
    }
}

impl Told for Return {
    type Event = ReturnEvent;

    fn event(&self, _action: &'static str) -> ReturnEvent {
        let fact = match self.state {
            ReturnState::Opened => ReturnFact::Opened,
            ReturnState::Approved => ReturnFact::Approved,
            ReturnState::Rejected => ReturnFact::Rejected,
            ReturnState::Received => ReturnFact::Received,
            ReturnState::Inspected => ReturnFact::Inspected,
            ReturnState::Disposed => ReturnFact::Disposed,
            ReturnState::Settled => ReturnFact::Settled,
            ReturnState::Closed => ReturnFact::Closed,
            ReturnState::Cancelled => ReturnFact::Cancelled,
        };
        let new_serial = match &self.settlement {
            Some(Settlement::Exchanged { line, .. }) => line.tracking.clone(),
            Some(Settlement::Refunded { .. } | Settlement::Done { .. }) | None => String::new(),
        };
        ReturnEvent {
            fact: fact as i32,
            return_id: self.id.to_string(),
            number: self.number.clone(),
            service_request_id: self.service_request_id.clone(),
            customer_id: self.customer_id.clone(),
            product_id: self.product_id.clone(),
            disposition: self.disposition.map_or("", Disposition::as_str).to_owned(),
            new_serial,
            reason: self.reason.clone(),
        }
    }
}
