//! The plumbing every service shares. It knows no business noun.

pub mod auth;
mod bells;
pub mod bus;
pub mod calendar;
pub mod catalog;
pub mod clock;
pub mod config;
pub mod convert;
pub mod db;
pub mod dead_letters;
pub mod error;
pub mod id;
pub mod idempotency;
pub mod inbox;
pub mod journal;
pub mod lease;
pub mod lifecycle;
pub mod migration;
pub mod number;
pub mod outbox;
pub mod page;
pub mod peers;
pub mod privacy;
pub mod rates;
pub mod reach;
pub mod record;
pub mod rpc;
pub mod run;
pub mod service;
pub mod store;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timer;
pub mod whose;

pub use error::{Error, Result};
pub use run::run;
