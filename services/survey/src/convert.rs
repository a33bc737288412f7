//! Between the domain and the contract.

pub(crate) mod answer;
pub(crate) mod callback;
pub(crate) mod follow_up;
pub(crate) mod invitation;
pub(crate) mod questionnaire;
pub(crate) mod score;

use chrono::{DateTime, Utc};
use common::convert::timestamp;
use prost_types::Timestamp;

/// An instant that may be missing.
pub(crate) fn maybe(at: Option<DateTime<Utc>>) -> Option<Timestamp> {
    at.map(timestamp)
}

/// A text that may be missing.
pub(crate) fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

/// The name that rows have for an enum value, out of the contract's name for it; `None` for UNSPECIFIED.
pub(crate) fn row_name(contract_name: &str, prefix: &str) -> Option<String> {
    let name = contract_name.strip_prefix(prefix)?.strip_prefix('_')?.to_ascii_lowercase();
    (name != "unspecified").then_some(name)
}
