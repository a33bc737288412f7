//! What is to happen at an instant.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `timer`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("timer")
                    .col(text("kind"))
                    .col(text("subject"))
                    .col(timestamp_with_time_zone("due_at"))
                    .col(timestamp_with_time_zone("next_try_at"))
                    .col(integer("tries"))
                    .primary_key(Index::create().col("kind").col("subject"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(Index::create().name("timer_next_try_at").table("timer").col("next_try_at").to_owned())
            .await
    }
}
