//! Callbacks and the agents who make them.

use sea_orm_migration::{prelude::*, schema::*};

/// Callbacks and the agents who make them.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("callback")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("state"))
                    .col(text("invitation_id"))
                    .col(text("customer_id"))
                    .col(text("org_unit_id"))
                    .col(text_null("agent_id"))
                    .col(timestamp_with_time_zone("next_try_at"))
                    .col(timestamp_with_time_zone("due_at"))
                    .col(timestamp_with_time_zone_null("ended_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json("body"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("callback_invitation_id").table("callback").col("invitation_id").to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("callback_agent_id").table("callback").col("agent_id").col("state").to_owned(),
            )
            .await?;
        manager
            .create_index(Index::create().name("callback_customer_id").table("callback").col("customer_id").to_owned())
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("callback_due_at")
                    .table("callback")
                    .col("state")
                    .col("due_at")
                    .col("id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("callback_org_unit_id")
                    .table("callback")
                    .col("org_unit_id")
                    .col("due_at")
                    .col("id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("callback_agent")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("org_unit_id"))
                    .col(boolean("available"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json("body"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("callback_agent_created_at")
                    .table("callback_agent")
                    .col("created_at")
                    .col("id")
                    .to_owned(),
            )
            .await?;
        Ok(())
    }
}
