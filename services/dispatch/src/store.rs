//! Rows and records of dispatch, and its migrations.

pub(crate) mod assess;
pub(crate) mod guard;
mod m20261121_000201_service_point;
mod m20261121_000202_technician;
mod m20261121_000203_work_order;
mod m20261121_000204_day_guard;
pub(crate) mod service_point;
pub(crate) mod technician;
pub(crate) mod work_order;

use common::record::{Changed, Record};
use proto::aftercare::common::v1::RecordEvent;
use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// The schema of dispatch.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = common::migration::plumbing();
        all.push(Box::new(m20261121_000201_service_point::Migration));
        all.push(Box::new(m20261121_000202_technician::Migration));
        all.push(Box::new(m20261121_000203_work_order::Migration));
        all.push(Box::new(m20261121_000204_day_guard::Migration));
        all
    }
}

/// The event of a record that has no message of its own.
fn event<R: Record>(changed: &Changed<R>) -> RecordEvent {
    RecordEvent {
        record_id: changed.record.id().to_owned(),
        action: changed.action.to_owned(),
        state: changed.record.state().to_owned(),
    }
}
