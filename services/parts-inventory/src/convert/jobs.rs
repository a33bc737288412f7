//! Reservations and transfers as messages.

use common::{convert::timestamp, record::Record as _};
use proto::aftercare::parts_inventory::v1 as message;

use super::{Mirror as _, instant, part_lines, used_part};
use crate::domain::{
    reservation::{Allocation, Reservation, ReservationState, Shortage},
    transfer::{Transfer, TransferState},
};

pub(crate) fn reservation(record: &Reservation) -> message::Reservation {
    let need = &record.need;
    let mut answer = message::Reservation {
        reservation_id: record.id.to_string(),
        etag: record.version.to_string(),
        create_time: Some(timestamp(record.created_at)),
        update_time: Some(timestamp(record.updated_at)),
        org_unit_id: need.org_unit_id.clone(),
        work_order_id: need.work_order_id.clone(),
        service_request_id: need.service_request_id.clone(),
        customer_id: need.customer_id.clone(),
        technician_id: need.technician_id.clone(),
        lines: part_lines(&need.lines),
        ..Default::default()
    };
    let state = match &record.state {
        ReservationState::Short { shortages } => {
            answer.shortages = shortages.iter().map(shortage).collect();
            message::ReservationState::Short
        }
        ReservationState::Reserved { allocations, expires_at } => {
            answer.allocations = allocations.iter().map(allocation).collect();
            answer.expire_time = Some(timestamp(*expires_at));
            message::ReservationState::Reserved
        }
        ReservationState::Released { reason } => {
            answer.reason.clone_from(reason);
            message::ReservationState::Released
        }
        ReservationState::Expired => message::ReservationState::Expired,
        ReservationState::Consumed { used, uncovered } => {
            answer.used = used.iter().map(used_part).collect();
            answer.uncovered = part_lines(uncovered);
            message::ReservationState::Consumed
        }
    };
    answer.state = state as i32;
    answer
}

fn allocation(allocation: &Allocation) -> message::Allocation {
    message::Allocation {
        sku: allocation.sku.clone(),
        quantity_milli: allocation.milli,
        balance_id: allocation.balance_id.clone(),
        location_id: allocation.location_id.clone(),
        tracking: allocation.tracking.clone(),
    }
}

fn shortage(line: &Shortage) -> message::Shortage {
    message::Shortage {
        sku: line.wanted.sku.clone(),
        wanted_milli: line.wanted.milli,
        available_milli: line.available,
        places: line
            .places
            .iter()
            .map(|place| message::StockPlace {
                location_id: place.location_id.clone(),
                available_milli: place.available,
                distance_km: place.metres.map_or(-1.0, |metres| metres / 1000.0),
            })
            .collect(),
        substitutes: line
            .substitutes
            .iter()
            .map(|part| message::SubstitutePart { sku: part.sku.clone(), available_milli: part.milli })
            .collect(),
        expected: line
            .expected
            .iter()
            .map(|more| message::ExpectedSupply {
                supplementary_order_id: more.order_id.clone(),
                number: more.number.clone(),
                quantity_milli: more.milli,
                expected_time: instant(more.at),
            })
            .collect(),
    }
}

pub(crate) fn transfer(record: &Transfer) -> message::Transfer {
    let (state, received_at, outcome, reason) = match &record.state {
        TransferState::Shipped => (message::TransferState::Shipped, None, None, ""),
        TransferState::Short { received_at } => (message::TransferState::Short, Some(*received_at), None, ""),
        TransferState::Closed { received_at, outcome, reason } => {
            (message::TransferState::Closed, Some(*received_at), *outcome, reason.as_str())
        }
    };
    message::Transfer {
        transfer_id: record.id.to_string(),
        etag: record.version().to_string(),
        create_time: Some(timestamp(record.created_at)),
        update_time: Some(timestamp(record.updated_at)),
        org_unit_id: record.org_unit_id.clone(),
        number: record.number.clone(),
        state: state as i32,
        from_location_id: record.from_location_id.clone(),
        to_location_id: record.to_location_id.clone(),
        condition: record.condition.number(),
        lines: record
            .lines
            .iter()
            .map(|sent| message::TransferLine {
                sku: sent.line.sku.clone(),
                tracking: sent.line.tracking.clone(),
                quantity_milli: sent.line.milli,
                received_milli: sent.received,
            })
            .collect(),
        carrier: record.carrier.clone(),
        ship_time: Some(timestamp(record.created_at)),
        receive_time: instant(received_at),
        shortage_outcome: outcome.map_or(0, |outcome| outcome.number()),
        reason: reason.to_owned(),
    }
}
