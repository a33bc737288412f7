//! The service through its own gRPC routes, on both databases.

#![expect(clippy::unwrap_used, reason = "what fails here must fail the test")]

mod catalogue;
mod events;
mod ledger;
mod orders;
mod reservations;
mod returns;
mod stock;
mod world;
