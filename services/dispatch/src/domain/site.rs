//! What is written down on site, and what is still missing before work may begin or end.

use chrono::{DateTime, Utc};
use common::{
    convert::{Money, Position},
    error::Error,
};
use serde::{Deserialize, Serialize};

use super::{
    Attachment, PartQuantity,
    job::{ChecklistItem, Phase},
};
use crate::error::reason;

/// How somebody agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMethod {
    /// By word of mouth.
    Verbal,
    /// With a signature.
    Signature,
    /// On the phone.
    Phone,
    /// In writing.
    Written,
}

/// One line of the checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecklistEntry {
    /// Code of the item.
    pub item: String,
    /// Whether it is done.
    pub done: bool,
    /// Remark.
    pub note: String,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Fault code.
    pub fault_code: String,
    /// Cause code.
    pub cause_code: String,
    /// In words.
    pub text: String,
}

/// What is proposed, and the customer's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// What will be done.
    pub proposal: String,
    /// Its price.
    pub price: Option<Money>,
    /// Whether the customer agreed.
    pub agreed: bool,
    /// How.
    pub method: ConsentMethod,
    /// When.
    pub at: DateTime<Utc>,
}

/// Work done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabourLine {
    /// Code of the operation.
    pub code: String,
    /// In words.
    pub text: String,
    /// Minutes it took.
    pub minutes: i32,
}

/// A part used or brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartUse {
    /// Stock keeping unit.
    pub sku: String,
    /// Used, in thousandths.
    pub used_milli: i64,
    /// Brought back, in thousandths.
    pub returned_milli: i64,
    /// Serial number of the new part.
    pub new_serial: String,
    /// Serial number of the old part.
    pub old_serial: String,
    /// Whether the old part was taken back.
    pub old_part_taken_back: bool,
    /// Where it came from when it was not reserved.
    pub van_reason: String,
}

/// A value measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What.
    pub name: String,
    /// The value.
    pub value: String,
    /// Unit.
    pub unit: String,
}

/// The test together with the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionalTest {
    /// Whether it works.
    pub passed: bool,
    /// What was tried.
    pub note: String,
}

/// A signature: a file or strokes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The file.
    pub file_id: String,
    /// The strokes.
    pub vector: String,
    /// Who signed.
    pub signed_as: String,
}

impl Signature {
    /// Whether anything was signed.
    #[must_use]
    pub fn present(&self) -> bool {
        !self.file_id.is_empty() || !self.vector.is_empty()
    }
}

/// A receipt for an item that is taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Number on the receipt.
    pub number: String,
    /// What is taken away.
    pub item: String,
    /// Its serial number.
    pub serial_number: String,
    /// Signature of the customer.
    pub signature: Signature,
    /// When it was taken.
    pub taken_at: DateTime<Utc>,
    /// When it was brought back.
    pub returned_at: Option<DateTime<Utc>>,
    /// Whether the paper was taken back.
    pub return_note: String,
}

/// Time and place of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The named action.
    pub action: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Where.
    pub position: Option<Position>,
    /// By whom.
    pub actor_id: String,
}

/// Everything written down on site.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SiteRecord {
    /// Checklist.
    pub checklist: Vec<ChecklistEntry>,
    /// What was found.
    pub diagnosis: Option<Diagnosis>,
    /// Proposal and consent.
    pub consent: Option<Consent>,
    /// Work done.
    pub labour: Vec<LabourLine>,
    /// Parts.
    pub parts: Vec<PartUse>,
    /// Values measured.
    pub readings: Vec<Reading>,
    /// The test.
    pub functional_test: Option<FunctionalTest>,
    /// Photos.
    pub photos: Vec<Attachment>,
    /// What the customer remarked.
    pub remarks: String,
    /// The customer's signature.
    pub signature: Option<Signature>,
    /// Receipt of a take-away repair.
    pub receipt: Option<Receipt>,
    /// Steps.
    pub steps: Vec<Step>,
    /// Fee collected.
    pub fee_collected: Option<Money>,
}

/// What one action adds to the record; what is empty leaves the record as it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Additions {
    /// Lines replace those of the same item.
    pub checklist: Vec<ChecklistEntry>,
    /// Replaces.
    pub diagnosis: Option<Diagnosis>,
    /// Replaces.
    pub consent: Option<Consent>,
    /// Replaces all lines.
    pub labour: Vec<LabourLine>,
    /// Replaces all lines.
    pub parts: Vec<PartUse>,
    /// Values replace those of the same name.
    pub readings: Vec<Reading>,
    /// Replaces.
    pub functional_test: Option<FunctionalTest>,
    /// Added; a file named twice counts once.
    pub photos: Vec<Attachment>,
    /// Replaces.
    pub remarks: String,
    /// Replaces.
    pub signature: Option<Signature>,
    /// Replaces.
    pub fee_collected: Option<Money>,
}

/// One thing that is missing: a field of the record and the rule it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Path in the record, for example `checklist.power_off`.
    pub field: String,
    /// The rule.
    pub rule: &'static str,
}

fn gap(field: impl Into<String>, rule: &'static str) -> Gap {
    Gap { field: field.into(), rule }
}

/// `RECORD_INCOMPLETE` with every gap as a field, unless there is none.
///
/// # Errors
///
/// `RECORD_INCOMPLETE`.
pub fn refuse_gaps(gaps: Vec<Gap>) -> Result<(), Error> {
    if gaps.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = gaps.iter().map(|gap| format!("{}:{}", gap.field, gap.rule)).collect();
    let error = Error::new(reason::RECORD_INCOMPLETE).with("missing", names.join(", "));
    Err(gaps.into_iter().fold(error, |error, gap| error.field(gap.field, gap.rule)))
}

impl SiteRecord {
    /// Adds what one action brought.
    pub fn add(&mut self, more: Additions) {
        for entry in more.checklist {
            self.checklist.retain(|old| old.item != entry.item);
            self.checklist.push(entry);
        }
        for reading in more.readings {
            self.readings.retain(|old| old.name != reading.name);
            self.readings.push(reading);
        }
        for photo in more.photos {
            if !self.photos.iter().any(|old| old.file_id == photo.file_id) {
                self.photos.push(photo);
            }
        }
        if !more.labour.is_empty() {
            self.labour = more.labour;
        }
        if !more.parts.is_empty() {
            self.parts = more.parts;
        }
        if !more.remarks.is_empty() {
            self.remarks = more.remarks;
        }
        self.diagnosis = more.diagnosis.or(self.diagnosis.take());
        self.consent = more.consent.or(self.consent.take());
        self.functional_test = more.functional_test.or(self.functional_test.take());
        self.signature = more.signature.or(self.signature.take());
        self.fee_collected = more.fee_collected.or(self.fee_collected.take());
    }

    /// The receipt of an item that is still away.
    #[must_use]
    pub fn item_away(&self) -> Option<&Receipt> {
        self.receipt.as_ref().filter(|receipt| receipt.returned_at.is_none())
    }

    /// What is missing before work may begin.
    #[must_use]
    pub fn start_gaps(&self, checklist: &[ChecklistItem], charge: Charge) -> Vec<Gap> {
        let mut gaps = self.checklist_gaps(checklist.iter().filter(|item| item.phase == Phase::Start));
        gaps.extend(self.consent_gaps(charge));
        gaps
    }

    /// What is missing before the job is done.
    #[must_use]
    pub fn completion_gaps(&self, checklist: &[ChecklistItem], reserved: &[PartQuantity], charge: Charge) -> Vec<Gap> {
        let mut gaps = self.checklist_gaps(checklist.iter());
        gaps.extend(self.consent_gaps(charge));
        gaps.extend(self.parts_gaps(reserved));
        match &self.functional_test {
            None => gaps.push(gap("functional_test", "required")),
            Some(test) if !test.passed => gaps.push(gap("functional_test", "passed")),
            Some(_) => {}
        }
        if !self.signature.as_ref().is_some_and(Signature::present) {
            gaps.push(gap("signature", "required"));
        }
        if self.item_away().is_some() {
            gaps.push(gap("receipt", "item_returned"));
        }
        gaps.extend(self.fee_gap());
        gaps
    }

    fn checklist_gaps<'a>(&self, items: impl Iterator<Item = &'a ChecklistItem>) -> Vec<Gap> {
        items
            .filter(|item| !self.checklist.iter().any(|entry| entry.item == item.item && entry.done))
            .map(|item| gap(format!("checklist.{}", item.item), "required"))
            .collect()
    }

    fn consent_gaps(&self, charge: Charge) -> Vec<Gap> {
        match (&self.consent, charge) {
            (None, _) => vec![gap("consent", "required")],
            (Some(consent), _) if !consent.agreed => vec![gap("consent.agreed", "required")],
            (Some(consent), Charge::Customer) if consent.price.is_none() => vec![gap("consent.price", "required")],
            (Some(_), Charge::Customer | Charge::Ours) => Vec::new(),
        }
    }

    /// Of every reserved part, used and returned make up what was reserved; what was not reserved says where it came from.
    fn parts_gaps(&self, reserved: &[PartQuantity]) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for part in reserved {
            let accounted: i64 = self
                .parts
                .iter()
                .filter(|line| line.sku == part.sku && line.van_reason.is_empty())
                .map(|line| line.used_milli + line.returned_milli)
                .sum();
            let wanted: i64 = reserved.iter().filter(|other| other.sku == part.sku).map(|other| other.milli).sum();
            let field = format!("parts.{}", part.sku);
            if accounted != wanted && !gaps.iter().any(|gap: &Gap| gap.field == field) {
                gaps.push(gap(field, "used_plus_returned_equals_reserved"));
            }
        }
        for line in &self.parts {
            let known = reserved.iter().any(|part| part.sku == line.sku);
            if !known && line.used_milli > 0 && line.van_reason.is_empty() {
                gaps.push(gap(format!("parts.{}", line.sku), "van_reason_required"));
            }
        }
        gaps
    }

    /// Nobody pays more than they agreed to.
    fn fee_gap(&self) -> Option<Gap> {
        let fee = self.fee_collected.as_ref().filter(|fee| fee.minor_units != 0)?;
        if fee.minor_units < 0 {
            return Some(gap("fee_collected", "number.gte"));
        }
        let price = self.consent.as_ref().and_then(|consent| consent.price.as_ref());
        match price {
            Some(price) if price.currency == fee.currency && fee.minor_units <= price.minor_units => None,
            Some(_) | None => Some(gap("fee_collected", "not_above_agreed_price")),
        }
    }
}

/// Who pays for the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// The customer: a price must be agreed.
    Customer,
    /// Warranty or goodwill.
    Ours,
}

#[cfg(test)]
#[path = "site_tests.rs"]
mod tests;
