//! Partners' programs, their secrets, and what they called per day.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `client`, `client_secret` and `client_usage`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("client")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("name"))
                    .col(text("partner_id"))
                    .col(text("state"))
                    .col(text("org_unit_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        for (name, columns) in [
            ("client_created_at", ["created_at", "id"]),
            ("client_updated_at", ["updated_at", "id"]),
            ("client_name", ["name", "id"]),
            ("client_partner", ["partner_id", "created_at"]),
        ] {
            let mut index = Index::create();
            index.name(name).table("client");
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("client_secret")
                    .col(text("prefix").primary_key())
                    .col(text("client_id"))
                    .col(binary("digest"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("last_used_at"))
                    .col(timestamp_with_time_zone_null("retired_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("client_secret_client").table("client_secret").col("client_id").to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("client_usage")
                    .col(text("client_id"))
                    .col(text("day"))
                    .col(big_integer("calls"))
                    .primary_key(Index::create().col("client_id").col("day"))
                    .to_owned(),
            )
            .await
    }
}
