//! The last human number given out, per type and year.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `number_series`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("number_series")
                    .col(text("series").primary_key())
                    .col(big_integer("last"))
                    .to_owned(),
            )
            .await
    }
}
