//! Rows of who comes in.

pub(crate) mod account;
pub(crate) mod client;
pub(crate) mod credential;
pub(crate) mod guard;
pub(crate) mod key;
pub(crate) mod link;
mod m20261122_000101_account;
mod m20261122_000102_session;
mod m20261122_000103_signing_key;
mod m20261122_000104_client;
mod m20261122_000105_link;
mod m20261122_000106_provider;
pub(crate) mod provider;
pub(crate) mod session;

use sea_orm_migration::MigrationTrait;

/// The migrations of these tables.
pub(super) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m20261122_000101_account::Migration),
        Box::new(m20261122_000102_session::Migration),
        Box::new(m20261122_000103_signing_key::Migration),
        Box::new(m20261122_000104_client::Migration),
        Box::new(m20261122_000105_link::Migration),
        Box::new(m20261122_000106_provider::Migration),
    ]
}
