//! Plans, visit by visit, and how far those are that are computed.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `plan`, `plan_visit` and `plan_progress`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("plan")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("number"))
                    .col(text("state"))
                    .col(text("org_unit_id"))
                    // The scope while it is computed, else nothing: two of one scope never run at a time.
                    .col(text_null("running_scope").unique_key())
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("plan_visit")
                    .col(text("plan_id"))
                    // Place in the order of the comparison.
                    .col(integer("place"))
                    .col(text("work_order_id"))
                    .col(text("kind"))
                    .col(boolean("consent"))
                    .col(json_binary("body"))
                    .primary_key(Index::create().col("plan_id").col("place"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("plan_progress")
                    .col(text("plan_id").primary_key())
                    .col(timestamp_with_time_zone("at"))
                    .col(double("seconds"))
                    .col(big_integer("iterations"))
                    .col(big_integer("cost"))
                    .col(integer("unassigned"))
                    .to_owned(),
            )
            .await?;
        for (name, columns) in
            [("plan_created_at", ["created_at", "id"].as_slice()), ("plan_updated_at", &["updated_at", "id"])]
        {
            let mut index = Index::create();
            index.name(name).table("plan");
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
