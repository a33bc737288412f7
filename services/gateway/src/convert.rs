//! Rows and records as messages.

pub(crate) mod audit;
