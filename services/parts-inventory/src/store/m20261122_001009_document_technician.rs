//! Who got or brought the goods of a stock document.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds `stock_document.technician_id`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Table::alter().table("stock_document").add_column(text("technician_id").default("")).to_owned();
        manager.alter_table(column).await?;
        manager.create_index(super::index("stock_document", "technician_id")).await
    }
}
