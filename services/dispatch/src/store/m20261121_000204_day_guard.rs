//! One row per technician or service point and day, written by every assignment of that day: two at once wait for each other.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `day_guard`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("day_guard")
                    .col(text("subject"))
                    .col(text("day"))
                    .col(big_integer("assignments"))
                    .primary_key(Index::create().col("subject").col("day"))
                    .to_owned(),
            )
            .await
    }
}
