//! The plumbing every service shares. It knows no business noun.

pub mod auth;
pub mod catalog;
pub mod clock;
pub mod convert;
pub mod db;
pub mod error;
pub mod id;
pub mod idempotency;
pub mod journal;
pub mod migration;
pub mod number;
pub mod outbox;
pub mod page;
pub mod record;
pub mod rpc;
pub mod service;
pub mod store;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timer;

pub use error::{Error, Result};
