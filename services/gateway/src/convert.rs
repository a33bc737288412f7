//! Rows and records as messages.

pub(crate) mod audit;
pub(crate) mod exchange;
pub(crate) mod file;
