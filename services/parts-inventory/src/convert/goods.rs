//! Supplementary orders, returns and old-part debts as messages.

use common::convert::timestamp;
use proto::aftercare::parts_inventory::v1 as message;

use super::{Mirror as _, actor, attachments, instant, part_lines};
use crate::domain::{
    old_part::{OldPartDebt, OldPartDebtState},
    rma::{Return, Settlement},
    supplementary_order::SupplementaryOrder,
};

pub(crate) fn supplementary_order(order: &SupplementaryOrder) -> message::SupplementaryOrder {
    let approval = order.approval.as_ref();
    message::SupplementaryOrder {
        supplementary_order_id: order.id.to_string(),
        etag: order.version.to_string(),
        create_time: Some(timestamp(order.created_at)),
        update_time: Some(timestamp(order.updated_at)),
        org_unit_id: order.org_unit_id.clone(),
        number: order.number.clone(),
        state: order.state.number(),
        work_order_id: order.work_order_id.clone(),
        service_request_id: order.service_request_id.clone(),
        customer_id: order.customer_id.clone(),
        lines: part_lines(&order.lines),
        location_id: order.location_id.clone(),
        amount: order.amount.clone().map(Into::into),
        reason: order.reason.clone(),
        note: order.note.clone(),
        responsibility: order.responsibility.number(),
        photos: attachments(&order.photos),
        requested_by: Some(actor(&order.requested_by)),
        approved_by: approval.map(|approval| actor(&approval.by)),
        approval_signature_file_id: approval.map(|approval| approval.signature_file_id.clone()).unwrap_or_default(),
        factory_reference: order.factory_reference.clone(),
        expected_time: instant(order.expected_at),
        consignment: order.consignment.clone(),
        receive_time: instant(order.received_at),
        technician_id: order.technician_id.clone(),
        close_reason: order.close_reason.clone(),
    }
}

pub(crate) fn goods_return(record: &Return) -> message::Return {
    let mut answer = message::Return {
        return_id: record.id.to_string(),
        etag: record.version.to_string(),
        create_time: Some(timestamp(record.created_at)),
        update_time: Some(timestamp(record.updated_at)),
        org_unit_id: record.org_unit_id.clone(),
        number: record.number.clone(),
        state: record.state.number(),
        wish: record.wish.number(),
        service_request_id: record.service_request_id.clone(),
        customer_id: record.customer_id.clone(),
        product_id: record.product_id.clone(),
        sku: record.sku.clone(),
        serial: record.serial.clone(),
        reason: record.reason.clone(),
        purchase_time: instant(record.purchased_at),
        disposition: record.disposition.map_or(0, |disposition| disposition.number()),
        ..Default::default()
    };
    if let Some(decision) = &record.decision {
        answer.outside_window = decision.outside_window;
        answer.decided_by = Some(actor(&decision.by));
        answer.decision_reason.clone_from(&decision.reason);
    }
    if let Some(intake) = &record.intake {
        answer.location_id.clone_from(&intake.location_id);
        answer.receive_time = Some(timestamp(intake.at));
    }
    if let Some(inspection) = &record.inspection {
        answer.condition = inspection.condition.number();
        answer.cause_code.clone_from(&inspection.cause_code);
        answer.responsibility = inspection.responsibility.number();
        answer.responsible_unit.clone_from(&inspection.responsible_unit);
        answer.inspection_note.clone_from(&inspection.note);
        answer.photos = attachments(&inspection.photos);
    }
    match &record.settlement {
        Some(Settlement::Exchanged { line, .. }) => {
            answer.new_sku.clone_from(&line.sku);
            answer.new_serial.clone_from(&line.tracking);
        }
        Some(Settlement::Refunded { amount, reference }) => {
            answer.refund = Some(amount.clone().into());
            answer.settlement_reference.clone_from(reference);
        }
        Some(Settlement::Done { reference }) => answer.settlement_reference.clone_from(reference),
        None => {}
    }
    answer
}

pub(crate) fn old_part_debt(debt: &OldPartDebt) -> message::OldPartDebt {
    let mut answer = message::OldPartDebt {
        old_part_debt_id: debt.id.to_string(),
        etag: debt.version.to_string(),
        create_time: Some(timestamp(debt.created_at)),
        update_time: Some(timestamp(debt.updated_at)),
        org_unit_id: debt.org_unit_id.clone(),
        technician_id: debt.technician_id.clone(),
        work_order_id: debt.work_order_id.clone(),
        sku: debt.sku.clone(),
        quantity_milli: debt.milli,
        old_serial: debt.old_serial.clone(),
        taken_back: debt.taken_back,
        due_time: Some(timestamp(debt.due_at)),
        ..Default::default()
    };
    let state = match &debt.state {
        OldPartDebtState::Open => message::OldPartDebtState::Open,
        OldPartDebtState::Received { location_id, at, finding } => {
            answer.location_id.clone_from(location_id);
            answer.receive_time = Some(timestamp(*at));
            answer.finding.clone_from(finding);
            message::OldPartDebtState::Received
        }
        OldPartDebtState::Waived { reason } => {
            answer.reason.clone_from(reason);
            message::OldPartDebtState::Waived
        }
    };
    answer.state = state as i32;
    answer
}
