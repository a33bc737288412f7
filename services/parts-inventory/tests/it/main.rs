//! The service through its own gRPC routes, on both databases.

mod catalogue;
mod events;
mod ledger;
mod orders;
mod reservations;
mod returns;
mod stock;
mod world;
