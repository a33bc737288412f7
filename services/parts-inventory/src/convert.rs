//! Between records and messages.

use chrono::{DateTime, Utc};
use common::{
    convert::timestamp,
    error::{Error, Result},
    record::Actor,
};
use prost_types::Timestamp;
use proto::aftercare::{common::v1 as shared, parts_inventory::v1 as message};

use crate::domain::{
    Quantity,
    location::{Location, LocationKind},
    part::{Part, PartKind, PartPayer, PartTracking},
    reservation::Used,
    rma::{Disposition, GoodsCondition, ReturnState, ReturnWish},
    stock::{MovementReason, StockCondition, StockDocument, StockDocumentKind},
    supplementary_order::{Attachment, Responsibility, SupplementaryOrderState},
    transfer::ShortageOutcome,
};

mod events;
mod goods;
mod jobs;

pub(crate) use goods::{goods_return, old_part_debt, supplementary_order};
pub(crate) use jobs::{reservation, transfer};

/// A value with the same name on both sides.
pub(crate) trait Mirror: Sized + Copy {
    /// Out of a message; nothing when it was not said or is not known.
    fn read(number: i32) -> Option<Self>;

    /// Into a message.
    fn number(self) -> i32;
}

macro_rules! mirror {
    ($($ours:ty => $theirs:ty { $($value:ident),+ $(,)? })+) => {$(
        impl Mirror for $ours {
            fn read(number: i32) -> Option<Self> {
                type Theirs = $theirs;
                match Theirs::try_from(number) {
                    Ok(Theirs::Unspecified) | Err(_) => None,
                    $(Ok(Theirs::$value) => Some(Self::$value),)+
                }
            }

            fn number(self) -> i32 {
                type Theirs = $theirs;
                match self {
                    $(Self::$value => Theirs::$value as i32,)+
                }
            }
        }
    )+};
}

mirror! {
    PartKind => message::PartKind { Spare, Supplementary, Consumable, Gift, Product }
    PartTracking => message::PartTracking { Plain, Batch, Serial }
    PartPayer => message::PartPayer { Factory, ServicePoint, Customer, Goodwill }
    LocationKind => message::LocationKind {
        Central, Regional, ServicePoint, Van, Supplier, Customer, InTransit, Scrap, Adjustment,
    }
    StockCondition => message::StockCondition { Good, Defective, Quarantine, Gift }
    StockDocumentKind => message::StockDocumentKind { Receipt, Issue, Return, Adjustment, ConditionChange, Scrap }
    MovementReason => message::MovementReason {
        Receipt, Issue, Consumption, ReturnUnused, TransferOut, TransferIn, TransferLoss, Adjustment, ConditionChange,
        Scrap, Exchange, CustomerReturn, OldPart,
    }
    ShortageOutcome => message::ShortageOutcome { Found, SentBack, Lost }
    Responsibility => message::Responsibility { Production, Transport, Installation, Sales, Customer }
    SupplementaryOrderState => message::SupplementaryOrderState {
        Requested, Approved, Rejected, Ordered, Shipped, Received, HandedOn, Cancelled,
    }
    ReturnWish => message::ReturnWish { Return, Exchange }
    GoodsCondition => message::GoodsCondition { AsNew, Used, Damaged, Defective, Incomplete }
    Disposition => message::Disposition { Exchange, Refund, Repair, Refurbish, Scrap }
    ReturnState => message::ReturnState {
        Opened, Approved, Rejected, Received, Inspected, Disposed, Settled, Closed, Cancelled,
    }
}

/// A value that must be said.
pub(crate) fn needed<M: Mirror>(number: i32, field: &str) -> Result<M> {
    M::read(number).ok_or_else(|| Error::invalid(field, "enum.defined_only"))
}

/// The value of that stable name, out of a row.
pub(crate) fn named<M: Copy>(all: &'static [M], name: &str, as_str: fn(M) -> &'static str) -> Option<M> {
    all.iter().copied().find(|value| as_str(*value) == name)
}

pub(crate) fn instant(at: Option<DateTime<Utc>>) -> Option<Timestamp> {
    at.map(timestamp)
}

pub(crate) fn actor(actor: &Actor) -> shared::Actor {
    shared::Actor { id: actor.id.clone(), role: actor.role.as_str().to_owned(), org_unit_id: actor.org_unit_id.clone() }
}

pub(crate) fn part_line(line: &Quantity) -> shared::PartLine {
    shared::PartLine { sku: line.sku.clone(), quantity_milli: line.milli }
}

pub(crate) fn part_lines(lines: &[Quantity]) -> Vec<shared::PartLine> {
    lines.iter().map(part_line).collect()
}

pub(crate) fn attachments(files: &[Attachment]) -> Vec<shared::Attachment> {
    files.iter().map(|file| shared::Attachment { file_id: file.file_id.clone(), label: file.label.clone() }).collect()
}

pub(crate) fn read_attachments(files: Vec<shared::Attachment>) -> Vec<Attachment> {
    files.into_iter().map(|file| Attachment { file_id: file.file_id, label: file.label }).collect()
}

pub(crate) fn used_part(used: &Used) -> shared::UsedPart {
    shared::UsedPart {
        sku: used.sku.clone(),
        used_milli: used.used,
        returned_milli: used.returned,
        new_serial: used.new_serial.clone(),
        old_serial: used.old_serial.clone(),
        old_part_taken_back: used.old_part_taken_back,
    }
}

pub(crate) fn read_used(used: Vec<shared::UsedPart>) -> Vec<Used> {
    used.into_iter()
        .map(|line| Used {
            sku: line.sku,
            used: line.used_milli,
            returned: line.returned_milli,
            new_serial: line.new_serial,
            old_serial: line.old_serial,
            old_part_taken_back: line.old_part_taken_back,
        })
        .collect()
}

pub(crate) fn part(part: &Part) -> message::Part {
    let card = &part.card;
    message::Part {
        part_id: part.id.to_string(),
        etag: part.version.to_string(),
        create_time: Some(timestamp(part.created_at)),
        update_time: Some(timestamp(part.updated_at)),
        org_unit_id: part.org_unit_id.clone(),
        sku: part.sku.clone(),
        name: card.name.clone(),
        unit: card.unit.clone(),
        decimals: i32::try_from(card.decimals).unwrap_or_default(),
        kind: part.kind.number(),
        tracking: part.tracking.number(),
        models: card.models.clone(),
        substitutes: card.substitutes.clone(),
        price: card.price.clone().map(Into::into),
        weight_grams: card.weight_grams,
        shelf_life_days: card.shelf_life_days,
        return_old_part: card.return_old_part,
        warranty_months: card.warranty_months,
        end_of_production_time: instant(card.end_of_production),
        last_supply_time: instant(card.last_supply),
        payer: card.payer.number(),
        barcode: card.barcode.clone(),
    }
}

pub(crate) fn location(location: &Location) -> message::Location {
    message::Location {
        location_id: location.id.to_string(),
        etag: location.version.to_string(),
        create_time: Some(timestamp(location.created_at)),
        update_time: Some(timestamp(location.updated_at)),
        org_unit_id: location.org_unit_id.clone(),
        code: location.code.clone(),
        name: location.name.clone(),
        kind: location.kind.number(),
        parent_id: location.parent_id().to_owned(),
        technician_id: location.technician_id.clone(),
        service_point_id: location.service_point_id.clone(),
        position: location.position.map(Into::into),
        closed: location.closed,
    }
}

pub(crate) fn stock_document(document: &StockDocument) -> message::StockDocument {
    let line = |line: &crate::domain::stock::Line| message::AdjustmentLine {
        sku: line.sku.clone(),
        delta_milli: match document.kind {
            StockDocumentKind::Issue | StockDocumentKind::Scrap => -line.milli,
            StockDocumentKind::Receipt
            | StockDocumentKind::Return
            | StockDocumentKind::Adjustment
            | StockDocumentKind::ConditionChange => line.milli,
        },
        tracking: line.tracking.clone(),
    };
    message::StockDocument {
        stock_document_id: document.id.to_string(),
        etag: document.version.to_string(),
        create_time: Some(timestamp(document.created_at)),
        update_time: Some(timestamp(document.created_at)),
        org_unit_id: document.org_unit_id.clone(),
        kind: document.kind.number(),
        location_id: document.location_id.clone(),
        lines: document.lines.iter().map(line).collect(),
        from_condition: document.from_condition.number(),
        to_condition: document.to_condition.number(),
        work_order_id: document.work_order_id.clone(),
        technician_id: document.technician_id.clone(),
        reason: document.reason.clone(),
        note: document.note.clone(),
        reference: document.reference.clone(),
        signature_file_id: document.signature_file_id.clone(),
        actor: Some(actor(&document.actor)),
    }
}

pub(crate) fn stock_balance(row: crate::store::balance::Model) -> message::StockBalance {
    message::StockBalance {
        available_milli: row.available(),
        condition: named(StockCondition::ALL, &row.condition, StockCondition::as_str).map_or(0, Mirror::number),
        balance_id: row.id,
        part_id: row.part_id,
        sku: row.sku,
        location_id: row.location_id,
        tracking: row.tracking,
        on_hand_milli: row.on_hand,
        reserved_milli: row.reserved,
        received_time: Some(timestamp(row.since)),
        update_time: Some(timestamp(row.updated_at)),
    }
}

pub(crate) fn stock_movement(row: crate::store::ledger::movement::Model) -> message::StockMovement {
    let condition = |name: &str| named(StockCondition::ALL, name, StockCondition::as_str).map_or(0, Mirror::number);
    message::StockMovement {
        from_condition: condition(&row.from_condition),
        to_condition: condition(&row.to_condition),
        reason: named(MovementReason::ALL, &row.reason, MovementReason::as_str).map_or(0, Mirror::number),
        movement_id: row.id,
        part_id: row.part_id,
        sku: row.sku,
        tracking: row.tracking,
        quantity_milli: row.milli,
        from_location_id: row.from_location_id,
        to_location_id: row.to_location_id,
        document_kind: row.document_kind,
        document_id: row.document_id,
        actor: Some(shared::Actor { id: row.actor_id, role: row.actor_role, org_unit_id: row.actor_org_unit_id }),
        move_time: Some(timestamp(row.at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_and_the_unsaid_is_nothing() {
        fn check<M: Mirror + PartialEq + std::fmt::Debug>(all: &[M]) {
            assert!(M::read(0).is_none() && M::read(99).is_none());
            for value in all {
                assert_eq!(M::read(value.number()), Some(*value));
            }
        }
        check(PartKind::ALL);
        check(PartTracking::ALL);
        check(PartPayer::ALL);
        check(LocationKind::ALL);
        check(StockCondition::ALL);
        check(MovementReason::ALL);
        check(ReturnState::ALL);
        check(SupplementaryOrderState::ALL);
        check(Disposition::ALL);
    }
}
