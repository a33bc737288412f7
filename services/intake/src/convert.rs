//! Between the contract and the rules.

use chrono::NaiveDate;
use common::error::{Error, Result};
use prost_types::FieldMask;
use proto::aftercare::{common::v1 as pb_common, intake::v1 as pb};

use crate::domain::{
    article::ArticleState,
    contact::{Direction, PromiseState},
    customer::CustomerKind,
    request::{HoldFor, Stage},
    values::{Address, Attachment, Channel, Charge, Kind, PartWanted, Tier, Urgency},
    warranty::{Exclusion, Verdict},
};

mod article;
mod contact;
mod customer;
mod product;
mod request;

pub(crate) use article::article;
pub(crate) use contact::contact;
pub(crate) use customer::{change, customer, phones};
pub(crate) use product::{product, warranty_answer};
pub(crate) use request::{candidate, service_request};

/// Both ways between an enum of the contract and the rules' own; "unspecified" is `None`.
macro_rules! mapping {
    ($($ours:ident <-> $theirs:ident as $read:ident, $write:ident { $($from:ident = $to:ident,)+ })+) => {$(
        /// What the contract's value means; `None` when it says nothing.
        pub(crate) fn $read(value: i32) -> Option<$ours> {
            match pb::$theirs::try_from(value).ok()? {
                pb::$theirs::Unspecified => None,
                $(pb::$theirs::$to => Some($ours::$from),)+
            }
        }

        /// The contract's value.
        pub(crate) fn $write(value: $ours) -> i32 {
            i32::from(match value {
                $($ours::$from => pb::$theirs::$to,)+
            })
        }
    )+};
}

mapping! {
    CustomerKind <-> CustomerKind as customer_kind, customer_kind_value { Person = Person, Company = Company, }
    Tier <-> CustomerTier as tier, tier_value { A = A, B = B, C = C, }
    Kind <-> RequestKind as kind, kind_value {
        Consultation = Consultation, Installation = Installation, Delivery = Delivery, Repair = Repair,
        Maintenance = Maintenance, Cleaning = Cleaning, Inspection = Inspection, Return = Return,
        Exchange = Exchange, Suggestion = Suggestion, Complaint = Complaint,
    }
    Stage <-> RequestState as stage, stage_value {
        New = New, Triaged = Triaged, PendingApproval = PendingApproval, PendingQuote = PendingQuote, Ready = Ready,
        Scheduled = Scheduled, InService = InService, Resolved = Resolved, Closed = Closed, Cancelled = Cancelled,
        Merged = Merged,
    }
    Urgency <-> Urgency as urgency, urgency_value { Normal = Normal, Urgent = Urgent, Emergency = Emergency, }
    Channel <-> Channel as channel, channel_value {
        Hotline = Hotline, Web = Web, App = App, Wechat = Wechat, Email = Email, Store = Store, Partner = Partner,
        System = System,
    }
    Charge <-> ChargeKind as charge, charge_value { InWarranty = InWarranty, Charged = Charged, Goodwill = Goodwill, }
    HoldFor <-> HoldReason as hold, hold_value { Customer = Customer, Parts = Parts, HeadOffice = HeadOffice, }
    Direction <-> ContactDirection as direction, direction_value { Inbound = Inbound, Outbound = Outbound, }
    PromiseState <-> PromiseState as promise_state, promise_state_value {
        Open = Open, Overdue = Overdue, Kept = Kept, KeptLate = KeptLate,
    }
    ArticleState <-> ArticleState as article_state, article_state_value {
        Draft = Draft, Published = Published, Retired = Retired,
    }
}

/// The contract's value.
pub(crate) fn verdict_value(value: Verdict) -> i32 {
    i32::from(match value {
        Verdict::InWarranty => pb::WarrantyVerdict::InWarranty,
        Verdict::Charged => pb::WarrantyVerdict::Charged,
        Verdict::Goodwill => pb::WarrantyVerdict::Goodwill,
    })
}

/// What the contract's value means; `None` when nothing stands against the warranty.
pub(crate) fn exclusion(value: i32) -> Option<Exclusion> {
    match pb::WarrantyExclusion::try_from(value).ok()? {
        pb::WarrantyExclusion::Unspecified => None,
        pb::WarrantyExclusion::CustomerDamage => Some(Exclusion::CustomerDamage),
        pb::WarrantyExclusion::MissingProof => Some(Exclusion::MissingProof),
        pb::WarrantyExclusion::ThirdParty => Some(Exclusion::ThirdParty),
    }
}

/// The paths of an update mask.
///
/// # Errors
///
/// `INVALID_FIELDS` when it is empty or names a field that cannot be changed.
pub(crate) fn paths<'a>(mask: Option<&'a FieldMask>, known: &[&str]) -> Result<Vec<&'a str>> {
    let paths: Vec<_> = mask.iter().flat_map(|mask| &mask.paths).map(String::as_str).collect();
    if paths.is_empty() {
        return Err(Error::invalid("update_mask", "required"));
    }
    match paths.iter().find(|path| !known.contains(path)) {
        Some(unknown) => Err(Error::invalid(format!("update_mask.{unknown}"), "known_field")),
        None => Ok(paths),
    }
}

/// A day; empty text is none.
///
/// # Errors
///
/// `INVALID_FIELDS` when the calendar has no such day.
pub(crate) fn day(text: &str, field: &str) -> Result<Option<NaiveDate>> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Error::invalid(field, "date"))
}

/// A day as text; empty for none.
pub(crate) fn day_text(day: Option<NaiveDate>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

/// An address out of a message.
pub(crate) fn address(from: pb_common::Address) -> Address {
    Address {
        province: from.province,
        city: from.city,
        district: from.district,
        line: from.line,
        division_code: from.division_code,
        position: from.position.map(Into::into),
    }
}

/// An address for a message.
pub(crate) fn address_value(from: &Address) -> pb_common::Address {
    pb_common::Address {
        province: from.province.clone(),
        city: from.city.clone(),
        district: from.district.clone(),
        line: from.line.clone(),
        division_code: from.division_code.clone(),
        position: from.position.map(Into::into),
    }
}

/// Files out of a message.
pub(crate) fn attachments(from: Vec<pb_common::Attachment>) -> Vec<Attachment> {
    from.into_iter().map(|one| Attachment { file_id: one.file_id, label: one.label }).collect()
}

/// Files for a message.
pub(crate) fn attachment_values(from: &[Attachment]) -> Vec<pb_common::Attachment> {
    from.iter().map(|one| pb_common::Attachment { file_id: one.file_id.clone(), label: one.label.clone() }).collect()
}

/// Parts out of a message.
pub(crate) fn parts(from: Vec<pb_common::PartLine>) -> Vec<PartWanted> {
    from.into_iter().map(|one| PartWanted { sku: one.sku, quantity_milli: one.quantity_milli }).collect()
}

/// Who acted, for a message.
pub(crate) fn actor(from: &common::record::Actor) -> pb_common::Actor {
    pb_common::Actor { id: from.id.clone(), role: from.role.as_str().to_owned(), org_unit_id: from.org_unit_id.clone() }
}
