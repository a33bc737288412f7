//! Rows and records of this service.

use common::db::Tx;
use sea_orm_migration::prelude::*;

pub(crate) mod budget;
pub(crate) mod complaint;
pub(crate) mod corrective;
pub(crate) mod regulator;

mod m20261121_000101_complaint;
mod m20261121_000102_corrective_action;
mod m20261121_000103_regulator_case;
mod m20261121_000104_compensation_budget;
mod m20261122_000105_complaint_whose;

/// Stands in a column for "no such instant", because a list cannot be ordered by nothing: the last day of 2199.
pub(crate) fn never() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(7_258_032_000, 0).unwrap_or_default()
}

/// Sets the one timer of a record, or takes it away.
pub(crate) async fn wake(
    tx: &Tx,
    kind: &'static str,
    subject: &str,
    at: Option<chrono::DateTime<chrono::Utc>>,
) -> common::Result<()> {
    match at {
        Some(at) => common::timer::schedule(tx, kind, subject, at).await,
        None => common::timer::cancel(tx, kind, subject).await,
    }
}

/// The plumbing's tables and ours.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = common::migration::plumbing();
        all.push(Box::new(m20261121_000101_complaint::Migration));
        all.push(Box::new(m20261121_000102_corrective_action::Migration));
        all.push(Box::new(m20261121_000103_regulator_case::Migration));
        all.push(Box::new(m20261121_000104_compensation_budget::Migration));
        all.push(Box::new(m20261122_000105_complaint_whose::Migration));
        all
    }
}
