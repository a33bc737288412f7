//! Supplementary orders.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds `supplementary_order`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                super::aggregate("supplementary_order")
                    .col(text("org_unit_id"))
                    .col(text("number"))
                    .col(text("state"))
                    .col(text("work_order_id"))
                    .col(text("service_request_id"))
                    .col(text("location_id"))
                    .col(text("skus"))
                    .col(timestamp_with_time_zone("expected_at"))
                    .to_owned(),
            )
            .await?;
        let unique = Index::create()
            .name("supplementary_order_number")
            .table("supplementary_order")
            .col("number")
            .unique()
            .to_owned();
        manager.create_index(unique).await?;
        for column in ["state", "work_order_id", "service_request_id", "location_id", "expected_at", "created_at"] {
            manager.create_index(super::index("supplementary_order", column)).await?;
        }
        Ok(())
    }
}
