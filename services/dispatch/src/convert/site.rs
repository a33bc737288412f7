//! The on-site record to messages and back.

use chrono::{DateTime, Utc};
use common::{
    convert::timestamp,
    error::{Error, Result},
};
use proto::aftercare::{common::v1 as shared, dispatch::v1 as api};

use super::{attachment_messages, instant};
use crate::domain::site::{
    ChecklistEntry, Consent, ConsentMethod, Diagnosis, FunctionalTest, LabourLine, PartUse, Reading, Receipt,
    Signature, SiteRecord, Step,
};

/// How somebody agreed; `None` when it was not said.
pub(crate) fn method(method: i32) -> Option<ConsentMethod> {
    match api::ConsentMethod::try_from(method).ok()? {
        api::ConsentMethod::Unspecified => None,
        api::ConsentMethod::Verbal => Some(ConsentMethod::Verbal),
        api::ConsentMethod::Signature => Some(ConsentMethod::Signature),
        api::ConsentMethod::Phone => Some(ConsentMethod::Phone),
        api::ConsentMethod::Written => Some(ConsentMethod::Written),
    }
}

pub(crate) fn method_message(method: ConsentMethod) -> api::ConsentMethod {
    match method {
        ConsentMethod::Verbal => api::ConsentMethod::Verbal,
        ConsentMethod::Signature => api::ConsentMethod::Signature,
        ConsentMethod::Phone => api::ConsentMethod::Phone,
        ConsentMethod::Written => api::ConsentMethod::Written,
    }
}

pub(crate) fn checklist(entries: Vec<api::ChecklistEntry>) -> Vec<ChecklistEntry> {
    entries.into_iter().map(|entry| ChecklistEntry { item: entry.item, done: entry.done, note: entry.note }).collect()
}

pub(crate) fn diagnosis(diagnosis: api::Diagnosis) -> Diagnosis {
    Diagnosis { fault_code: diagnosis.fault_code, cause_code: diagnosis.cause_code, text: diagnosis.text }
}

/// A consent given now.
///
/// # Errors
///
/// `INVALID_FIELDS` when it does not say how.
pub(crate) fn consent(consent: api::Consent, now: DateTime<Utc>) -> Result<Consent> {
    Ok(Consent {
        method: method(consent.method).ok_or_else(|| Error::invalid("consent.method", "required"))?,
        proposal: consent.proposal,
        price: consent.price.map(Into::into),
        agreed: consent.agreed,
        at: now,
    })
}

pub(crate) fn labour(lines: Vec<api::LabourLine>) -> Vec<LabourLine> {
    lines.into_iter().map(|line| LabourLine { code: line.code, text: line.text, minutes: line.minutes }).collect()
}

/// Parts used.
///
/// # Errors
///
/// `INVALID_FIELDS` for a line without a part.
pub(crate) fn parts(lines: Vec<api::PartUse>) -> Result<Vec<PartUse>> {
    let read = |(index, line): (usize, api::PartUse)| {
        let part = line.part.ok_or_else(|| Error::invalid(format!("parts[{index}].part"), "required"))?;
        Ok(PartUse {
            sku: part.sku,
            used_milli: part.used_milli,
            returned_milli: part.returned_milli,
            new_serial: part.new_serial,
            old_serial: part.old_serial,
            old_part_taken_back: part.old_part_taken_back,
            van_reason: line.van_reason,
        })
    };
    lines.into_iter().enumerate().map(read).collect()
}

pub(crate) fn used_part(part: &PartUse) -> shared::UsedPart {
    shared::UsedPart {
        sku: part.sku.clone(),
        used_milli: part.used_milli,
        returned_milli: part.returned_milli,
        new_serial: part.new_serial.clone(),
        old_serial: part.old_serial.clone(),
        old_part_taken_back: part.old_part_taken_back,
    }
}

pub(crate) fn readings(readings: Vec<api::Reading>) -> Vec<Reading> {
    readings
        .into_iter()
        .map(|reading| Reading { name: reading.name, value: reading.value, unit: reading.unit })
        .collect()
}

pub(crate) fn test(test: api::FunctionalTest) -> FunctionalTest {
    FunctionalTest { passed: test.passed, note: test.note }
}

pub(crate) fn signature(signature: api::Signature) -> Signature {
    Signature { file_id: signature.file_id, vector: signature.vector, signed_as: signature.signed_as }
}

fn signature_message(signature: &Signature) -> api::Signature {
    api::Signature {
        file_id: signature.file_id.clone(),
        vector: signature.vector.clone(),
        signed_as: signature.signed_as.clone(),
    }
}

/// A receipt written now.
pub(crate) fn receipt(receipt: api::TakeAwayReceipt, now: DateTime<Utc>) -> Receipt {
    Receipt {
        number: receipt.receipt_number,
        item: receipt.item,
        serial_number: receipt.serial_number,
        signature: signature(receipt.signature.unwrap_or_default()),
        taken_at: now,
        returned_at: None,
        return_note: String::new(),
    }
}

fn receipt_message(receipt: &Receipt) -> api::TakeAwayReceipt {
    api::TakeAwayReceipt {
        receipt_number: receipt.number.clone(),
        item: receipt.item.clone(),
        serial_number: receipt.serial_number.clone(),
        signature: Some(signature_message(&receipt.signature)),
        taken_at: Some(timestamp(receipt.taken_at)),
        returned_at: instant(receipt.returned_at),
        return_note: receipt.return_note.clone(),
    }
}

fn step(step: &Step) -> api::SiteStep {
    api::SiteStep {
        action: step.action.clone(),
        at: Some(timestamp(step.at)),
        position: step.position.map(Into::into),
        actor_id: step.actor_id.clone(),
    }
}

/// The message of a record.
pub(crate) fn message(record: &SiteRecord) -> api::SiteRecord {
    api::SiteRecord {
        checklist: record
            .checklist
            .iter()
            .map(|entry| api::ChecklistEntry { item: entry.item.clone(), done: entry.done, note: entry.note.clone() })
            .collect(),
        diagnosis: record.diagnosis.as_ref().map(|found| api::Diagnosis {
            fault_code: found.fault_code.clone(),
            cause_code: found.cause_code.clone(),
            text: found.text.clone(),
        }),
        consent: record.consent.as_ref().map(|consent| api::Consent {
            proposal: consent.proposal.clone(),
            price: consent.price.clone().map(Into::into),
            agreed: consent.agreed,
            method: method_message(consent.method).into(),
            at: Some(timestamp(consent.at)),
        }),
        labour: record
            .labour
            .iter()
            .map(|line| api::LabourLine { code: line.code.clone(), text: line.text.clone(), minutes: line.minutes })
            .collect(),
        parts: record
            .parts
            .iter()
            .map(|line| api::PartUse { part: Some(used_part(line)), van_reason: line.van_reason.clone() })
            .collect(),
        readings: record
            .readings
            .iter()
            .map(|reading| api::Reading {
                name: reading.name.clone(),
                value: reading.value.clone(),
                unit: reading.unit.clone(),
            })
            .collect(),
        functional_test: record
            .functional_test
            .as_ref()
            .map(|test| api::FunctionalTest { passed: test.passed, note: test.note.clone() }),
        photos: attachment_messages(&record.photos),
        remarks: record.remarks.clone(),
        signature: record.signature.as_ref().map(signature_message),
        receipt: record.receipt.as_ref().map(receipt_message),
        steps: record.steps.iter().map(step).collect(),
        fee_collected: record.fee_collected.clone().map(Into::into),
    }
}
