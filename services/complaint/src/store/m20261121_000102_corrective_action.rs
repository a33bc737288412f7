//! Corrective actions.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `corrective_action`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("corrective_action")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("number").unique_key())
                    .col(text("state"))
                    .col(text("cause_code"))
                    .col(text("org_unit_id"))
                    .col(text("owner_id"))
                    .col(timestamp_with_time_zone("check_due_at"))
                    .col(text_null("open_cause").unique_key())
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        for (name, first) in [
            ("corrective_action_created_at", "created_at"),
            ("corrective_action_check_due_at", "check_due_at"),
            ("corrective_action_cause", "cause_code"),
            ("corrective_action_org_unit", "org_unit_id"),
            ("corrective_action_owner", "owner_id"),
        ] {
            let index = Index::create().name(name).table("corrective_action").col(first).col("id").to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
