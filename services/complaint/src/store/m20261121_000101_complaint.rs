//! Complaints.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `complaint`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("complaint")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("number").unique_key())
                    .col(text("state"))
                    .col(text("severity"))
                    .col(text("subject"))
                    .col(text("owner_id"))
                    .col(text("org_unit_id"))
                    .col(text("customer_id"))
                    .col(text("cause_code"))
                    .col(timestamp_with_time_zone("investigated_at"))
                    .col(timestamp_with_time_zone("received_at"))
                    .col(timestamp_with_time_zone("next_due_at"))
                    .col(text_null("matter_key").unique_key())
                    .col(text_null("source_key").unique_key())
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        for (name, columns) in [
            ("complaint_received_at", ["received_at", "id"]),
            ("complaint_next_due_at", ["next_due_at", "id"]),
            ("complaint_updated_at", ["updated_at", "id"]),
            ("complaint_state", ["state", "received_at"]),
            ("complaint_org_unit", ["org_unit_id", "received_at"]),
            ("complaint_owner", ["owner_id", "received_at"]),
            ("complaint_customer", ["customer_id", "received_at"]),
            ("complaint_cause", ["cause_code", "investigated_at"]),
        ] {
            let [first, second] = columns;
            let index = Index::create().name(name).table("complaint").col(first).col(second).to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
