//! The catalogue.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `part`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                super::aggregate("part")
                    .col(text("org_unit_id"))
                    .col(text("sku"))
                    .col(text("name"))
                    .col(text("kind"))
                    .col(text("models"))
                    .col(text("barcode"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(Index::create().name("part_sku").table("part").col("sku").unique().to_owned()).await?;
        for column in ["name", "barcode", "created_at"] {
            manager.create_index(super::index("part", column)).await?;
        }
        Ok(())
    }
}
