//! Goods that customers return.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds `goods_return`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                super::aggregate("goods_return")
                    .col(text("org_unit_id"))
                    .col(text("number"))
                    .col(text("state"))
                    .col(text("service_request_id"))
                    .col(text("customer_id"))
                    .col(text("disposition"))
                    .col(text("serial"))
                    .to_owned(),
            )
            .await?;
        let unique =
            Index::create().name("goods_return_number").table("goods_return").col("number").unique().to_owned();
        manager.create_index(unique).await?;
        for column in ["state", "service_request_id", "customer_id", "serial", "created_at"] {
            manager.create_index(super::index("goods_return", column)).await?;
        }
        Ok(())
    }
}
