//! What units have granted as compensation, by month.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `compensation_budget`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("compensation_budget")
                    .col(text("id").primary_key())
                    .col(big_integer("spent"))
                    .to_owned(),
            )
            .await
    }
}
