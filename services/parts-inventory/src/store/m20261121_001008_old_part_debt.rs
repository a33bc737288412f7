//! Old parts that technicians owe.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds `old_part_debt`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                super::aggregate("old_part_debt")
                    .col(text("org_unit_id"))
                    .col(text("state"))
                    .col(text("technician_id"))
                    .col(text("work_order_id"))
                    .col(timestamp_with_time_zone("due_at"))
                    .to_owned(),
            )
            .await?;
        for column in ["state", "technician_id", "work_order_id", "due_at", "created_at"] {
            manager.create_index(super::index("old_part_debt", column)).await?;
        }
        Ok(())
    }
}
