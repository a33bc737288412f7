//! Request ids and the answers they got.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `idempotency`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("idempotency")
                    .col(text("key").primary_key())
                    .col(blob("fingerprint"))
                    .col(blob("answer"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("idempotency_created_at").table("idempotency").col("created_at").to_owned(),
            )
            .await
    }
}
