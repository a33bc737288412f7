//! Parts promised to work orders: one reservation per work order.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds `reservation`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                super::aggregate("reservation")
                    .col(text("org_unit_id"))
                    .col(text("state"))
                    .col(text("work_order_id"))
                    .col(text("service_request_id"))
                    .col(text("short_skus"))
                    .col(boolean("uncovered"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .to_owned(),
            )
            .await?;
        let unique = Index::create()
            .name("reservation_work_order_id")
            .table("reservation")
            .col("work_order_id")
            .unique()
            .to_owned();
        manager.create_index(unique).await?;
        for column in ["state", "service_request_id", "expires_at", "created_at"] {
            manager.create_index(super::index("reservation", column)).await?;
        }
        Ok(())
    }
}
