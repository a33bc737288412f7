//! Rows and records as messages.

pub(crate) mod audit;
pub(crate) mod exchange;
pub(crate) mod notification;
pub(crate) mod webhook;

use common::error::{Error, Result};

/// The fields that an update names.
pub(crate) fn mask(mask: Option<&prost_types::FieldMask>) -> Result<Vec<String>> {
    match mask {
        Some(mask) if !mask.paths.is_empty() => Ok(mask.paths.clone()),
        _ => Err(Error::invalid("update_mask", "required")),
    }
}

/// An update names a field that is not there to be changed.
pub(crate) fn unknown_path(path: &str) -> Error {
    Error::invalid("update_mask", "field_mask.in").with("path", path)
}
