//! Notifications: what is to go out, changed texts, and preferences.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `notification`, `notification_template` and `notification_preferences`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("notification")
                    .col(text("id").primary_key())
                    .col(text("kind"))
                    .col(text("recipient_kind"))
                    .col(text("recipient_id"))
                    .col(text("org_unit_id"))
                    .col(text("service_request_id"))
                    .col(text("words"))
                    .col(text("state"))
                    .col(text("channel"))
                    .col(text("result"))
                    .col(integer("tries"))
                    .col(timestamp_with_time_zone("next_try_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await?;
        for table in ["notification_template", "notification_preferences"] {
            manager
                .create_table(
                    Table::create()
                        .table(table)
                        .col(text("id").primary_key())
                        .col(big_integer("version"))
                        .col(timestamp_with_time_zone("updated_at"))
                        .col(json_binary("body"))
                        .to_owned(),
                )
                .await?;
        }
        for (name, columns) in [
            ("notification_due", ["state", "next_try_at"].as_slice()),
            ("notification_list", &["created_at", "id"]),
            ("notification_recipient", &["recipient_id", "state", "updated_at"]),
            ("notification_case", &["service_request_id", "created_at"]),
        ] {
            let mut index = Index::create();
            index.name(name).table("notification");
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
