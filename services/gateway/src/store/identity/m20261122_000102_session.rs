//! Sessions and their refresh tokens.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `session` and `refresh_token`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("session")
                    .col(text("id").primary_key())
                    .col(text("account_id"))
                    .col(text("method"))
                    .col(text("address"))
                    .col(text("user_agent"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("last_used_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .col(text("revoke_reason"))
                    .to_owned(),
            )
            .await?;
        for (name, columns) in
            [("session_account", ["account_id", "created_at"]), ("session_expires_at", ["expires_at", "id"])]
        {
            let mut index = Index::create();
            index.name(name).table("session");
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("refresh_token")
                    .col(binary("digest").primary_key())
                    .col(text("session_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("used_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("refresh_token_session").table("refresh_token").col("session_id").to_owned(),
            )
            .await
    }
}
