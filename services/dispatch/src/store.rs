//! Rows and records of dispatch, and its migrations.

pub(crate) mod assess;
pub(crate) mod duration;
pub(crate) mod guard;
mod m20261121_000201_service_point;
mod m20261121_000202_technician;
mod m20261121_000203_work_order;
mod m20261121_000204_day_guard;
mod m20261122_000205_slot_hold;
mod m20261122_000206_plan;
mod m20261122_000207_duration;
mod m20261122_000208_position;
pub(crate) mod plan;
pub(crate) mod position;
pub(crate) mod service_point;
pub(crate) mod slot_hold;
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
        all.push(Box::new(m20261122_000205_slot_hold::Migration));
        all.push(Box::new(m20261122_000206_plan::Migration));
        all.push(Box::new(m20261122_000207_duration::Migration));
        all.push(Box::new(m20261122_000208_position::Migration));
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
