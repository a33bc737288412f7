//! Follow-ups.

use sea_orm_migration::{prelude::*, schema::*};

/// Follow-ups.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("follow_up")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("state"))
                    .col(text("route"))
                    .col(text("response_id"))
                    .col(text("customer_id"))
                    .col(text("org_unit_id"))
                    .col(text_null("complaint_id"))
                    .col(timestamp_with_time_zone("due_at"))
                    .col(timestamp_with_time_zone_null("closed_at"))
                    .col(big_integer_null("minutes_to_close"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json("body"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("follow_up_response_id").table("follow_up").col("response_id").unique().to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("follow_up_customer_id").table("follow_up").col("customer_id").to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("follow_up_complaint_id").table("follow_up").col("complaint_id").to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("follow_up_due_at")
                    .table("follow_up")
                    .col("state")
                    .col("due_at")
                    .col("id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("follow_up_org_unit_id")
                    .table("follow_up")
                    .col("org_unit_id")
                    .col("due_at")
                    .col("id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("follow_up_created_at").table("follow_up").col("created_at").col("id").to_owned(),
            )
            .await?;
        Ok(())
    }
}
