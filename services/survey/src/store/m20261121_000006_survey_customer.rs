//! What is known of customers and visits, and when customers were asked last.

use sea_orm_migration::{prelude::*, schema::*};

/// What is known of customers and visits, and when customers were asked last.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("customer")
                    .col(text("customer_id").primary_key())
                    .col(text("tier"))
                    .col(text("language"))
                    .col(boolean("consent"))
                    .col(timestamp_with_time_zone("seen_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("turn")
                    .col(text("customer_id").primary_key())
                    .col(big_integer("version"))
                    .col(json("last_asked"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("visit")
                    .col(text("service_request_id").primary_key())
                    .col(integer("visit_number"))
                    .col(text("work_order_id"))
                    .col(text("technician_id"))
                    .col(text("service_point_id"))
                    .to_owned(),
            )
            .await?;
        Ok(())
    }
}
