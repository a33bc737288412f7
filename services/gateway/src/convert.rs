//! Rows and records as messages.

pub(crate) mod audit;
pub(crate) mod exchange;
pub(crate) mod file;
pub(crate) mod identity;
pub(crate) mod notification;
pub(crate) mod webhook;

use common::error::{Error, Result};
use prost_types::FieldMask;

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
