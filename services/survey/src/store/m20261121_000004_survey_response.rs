//! Given answers.

use sea_orm_migration::{prelude::*, schema::*};

/// Given answers.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("response")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("number"))
                    .col(text("invitation_id"))
                    .col(text("topic"))
                    .col(text("route"))
                    .col(text("customer_id"))
                    .col(text_null("service_request_id"))
                    .col(text_null("technician_id"))
                    .col(text_null("service_point_id"))
                    .col(text("org_unit_id"))
                    .col(text("kind"))
                    .col(text("month"))
                    .col(integer_null("nps"))
                    .col(integer_null("csat"))
                    .col(integer_null("ces"))
                    .col(timestamp_with_time_zone("occasion_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json("body"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(Index::create().name("response_number").table("response").col("number").unique().to_owned())
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("response_invitation_id")
                    .table("response")
                    .col("invitation_id")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(Index::create().name("response_customer_id").table("response").col("customer_id").to_owned())
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("response_service_request_id")
                    .table("response")
                    .col("service_request_id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("response_technician_id")
                    .table("response")
                    .col("technician_id")
                    .col("occasion_at")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("response_org_unit_id")
                    .table("response")
                    .col("org_unit_id")
                    .col("created_at")
                    .col("id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("response_created_at").table("response").col("created_at").col("id").to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("response_occasion_at").table("response").col("occasion_at").col("id").to_owned(),
            )
            .await?;
        Ok(())
    }
}
