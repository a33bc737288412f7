//! Domain values to messages and back.

pub(crate) mod plan;
pub(crate) mod service_point;
pub(crate) mod site;
pub(crate) mod slot;
pub(crate) mod technician;
pub(crate) mod work_order;
pub(crate) mod zone;

use chrono::{DateTime, NaiveDate, Utc};
use common::{
    convert::{Window, timestamp},
    error::{Error, Result},
    record::Actor,
};
use prost_types::{FieldMask, Timestamp};
use proto::aftercare::{common::v1 as shared, dispatch::v1 as api};

use crate::domain::{
    Attachment, PartQuantity,
    eligibility::{Refusal, Rule},
};

/// An instant that may be missing.
pub(crate) fn instant(at: Option<DateTime<Utc>>) -> Option<Timestamp> {
    at.map(timestamp)
}

/// A date as it stands in messages.
pub(crate) fn date(text: &str, field: &str) -> Result<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| Error::invalid(field, "date"))
}

/// The paths of an update mask; at least one.
pub(crate) fn mask(mask: Option<&FieldMask>) -> Result<&[String]> {
    match mask {
        Some(mask) if !mask.paths.is_empty() => Ok(&mask.paths),
        Some(_) | None => Err(Error::invalid("update_mask", "required")),
    }
}

/// A path that no update knows.
pub(crate) fn unknown_path(path: &str) -> Error {
    Error::invalid(format!("update_mask.{path}"), "known_path")
}

pub(crate) fn windows(windows: &[shared::TimeWindow], field: &str) -> Result<Vec<Window>> {
    windows.iter().enumerate().map(|(index, window)| Window::read(window, &format!("{field}[{index}]"))).collect()
}

pub(crate) fn window(window: Option<&shared::TimeWindow>, field: &str) -> Result<Option<Window>> {
    window.map(|window| Window::read(window, field)).transpose()
}

pub(crate) fn actor(actor: &Actor) -> shared::Actor {
    shared::Actor { id: actor.id.clone(), role: actor.role.as_str().to_owned(), org_unit_id: actor.org_unit_id.clone() }
}

pub(crate) fn attachment(file: shared::Attachment) -> Attachment {
    Attachment { file_id: file.file_id, label: file.label }
}

pub(crate) fn attachments(files: Vec<shared::Attachment>) -> Vec<Attachment> {
    files.into_iter().map(attachment).collect()
}

pub(crate) fn attachment_message(file: &Attachment) -> shared::Attachment {
    shared::Attachment { file_id: file.file_id.clone(), label: file.label.clone() }
}

pub(crate) fn attachment_messages(files: &[Attachment]) -> Vec<shared::Attachment> {
    files.iter().map(attachment_message).collect()
}

pub(crate) fn parts(lines: &[shared::PartLine]) -> Vec<PartQuantity> {
    lines.iter().map(|line| PartQuantity { sku: line.sku.clone(), milli: line.quantity_milli }).collect()
}

pub(crate) fn part_messages(parts: &[PartQuantity]) -> Vec<shared::PartLine> {
    parts.iter().map(|part| shared::PartLine { sku: part.sku.clone(), quantity_milli: part.milli }).collect()
}

const RULES: [(Rule, api::RefusalRule); 22] = [
    (Rule::TechnicianInactive, api::RefusalRule::TechnicianInactive),
    (Rule::SkillMissing, api::RefusalRule::SkillMissing),
    (Rule::LevelTooLow, api::RefusalRule::LevelTooLow),
    (Rule::CertificateMissing, api::RefusalRule::CertificateMissing),
    (Rule::CertificateExpired, api::RefusalRule::CertificateExpired),
    (Rule::Absent, api::RefusalRule::Absent),
    (Rule::OutsideShift, api::RefusalRule::OutsideShift),
    (Rule::BreakOverlap, api::RefusalRule::BreakOverlap),
    (Rule::VisitOverlap, api::RefusalRule::VisitOverlap),
    (Rule::DailyLimit, api::RefusalRule::DailyLimit),
    (Rule::Territory, api::RefusalRule::Territory),
    (Rule::CategoryNotServed, api::RefusalRule::CategoryNotServed),
    (Rule::ServicePointInactive, api::RefusalRule::ServicePointInactive),
    (Rule::ContractNotValid, api::RefusalRule::ContractNotValid),
    (Rule::Capacity, api::RefusalRule::Capacity),
    (Rule::Excluded, api::RefusalRule::Excluded),
    (Rule::RefusedBefore, api::RefusalRule::RefusedBefore),
    (Rule::PartsUnavailable, api::RefusalRule::PartsUnavailable),
    (Rule::Language, api::RefusalRule::Language),
    (Rule::WindowNotAccepted, api::RefusalRule::WindowNotAccepted),
    (Rule::DrivingLimit, api::RefusalRule::DrivingLimit),
    (Rule::NoTimeLeft, api::RefusalRule::NoTimeLeft),
];

/// The rules of a request. Validation has refused unknown ones.
pub(crate) fn rules(wanted: &[i32]) -> Vec<Rule> {
    RULES.iter().filter(|(_, message)| wanted.contains(&i32::from(*message))).map(|(rule, _)| *rule).collect()
}

pub(crate) fn refusal(refusal: &Refusal) -> api::Refusal {
    let rule = RULES.iter().find(|(rule, _)| *rule == refusal.rule);
    api::Refusal {
        rule: rule.map_or(api::RefusalRule::Unspecified, |(_, message)| *message).into(),
        code: refusal.rule.code().to_owned(),
        soft: refusal.rule.soft(),
        subject: refusal.subject.clone(),
        needed: refusal.needed.clone(),
        found: refusal.found.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_message() {
        for rule in Rule::ALL {
            let message =
                refusal(&Refusal { rule, subject: String::new(), needed: String::new(), found: String::new() });
            assert_eq!(rules(&[message.rule]), [rule]);
            let name = api::RefusalRule::try_from(message.rule).unwrap().as_str_name();
            assert_eq!(name.to_lowercase(), format!("refusal_rule_{}", rule.code()));
        }
    }
}
