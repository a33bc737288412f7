//! Rows and records.

pub(crate) mod audit;
pub(crate) mod exchange;
pub(crate) mod feed;
pub(crate) mod file;
pub(crate) mod identity;
mod m20261122_000201_change;
mod m20261122_000202_webhook;
mod m20261122_000203_notification;
mod m20261122_000301_audit_entry;
mod m20261122_000302_audit_chain;
mod m20261122_000303_file;
mod m20261122_000401_exchange_job;
pub(crate) mod notification;
pub(crate) mod webhook;

use common::record::{Changed, Record};
use proto::aftercare::common::v1::RecordEvent;
use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// The gateway's migrations, the plumbing's first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = common::migration::plumbing();
        all.extend(identity::migrations());
        all.push(Box::new(m20261122_000301_audit_entry::Migration));
        all.push(Box::new(m20261122_000302_audit_chain::Migration));
        all.push(Box::new(m20261122_000303_file::Migration));
        all.push(Box::new(m20261122_000201_change::Migration));
        all.push(Box::new(m20261122_000401_exchange_job::Migration));
        all.push(Box::new(m20261122_000202_webhook::Migration));
        all.push(Box::new(m20261122_000203_notification::Migration));
        all
    }
}

/// The event of a record that has no message of its own.
pub(crate) fn event<R: Record>(changed: &Changed<R>) -> RecordEvent {
    event_of(&changed.record, changed.action)
}

/// The event of an action on a record that has no message of its own.
pub(crate) fn event_of<R: Record>(record: &R, action: &str) -> RecordEvent {
    RecordEvent { record_id: record.id().to_owned(), action: action.to_owned(), state: record.state().to_owned() }
}
