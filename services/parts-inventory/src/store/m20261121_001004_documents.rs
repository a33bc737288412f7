//! Bookings that stand for themselves, and transfers.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds `stock_document` and `transfer`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                super::aggregate("stock_document")
                    .col(text("org_unit_id"))
                    .col(text("kind"))
                    .col(text("location_id"))
                    .to_owned(),
            )
            .await?;
        for column in ["location_id", "created_at"] {
            manager.create_index(super::index("stock_document", column)).await?;
        }
        manager
            .create_table(
                super::aggregate("transfer")
                    .col(text("org_unit_id"))
                    .col(text("number"))
                    .col(text("state"))
                    .col(text("from_location_id"))
                    .col(text("to_location_id"))
                    .to_owned(),
            )
            .await?;
        let unique = Index::create().name("transfer_number").table("transfer").col("number").unique().to_owned();
        manager.create_index(unique).await?;
        for column in ["state", "from_location_id", "to_location_id", "created_at"] {
            manager.create_index(super::index("transfer", column)).await?;
        }
        Ok(())
    }
}
