//! The keys that access tokens and links are signed with.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `signing_key`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("signing_key")
                    .col(text("id").primary_key())
                    .col(text("purpose"))
                    .col(binary("secret"))
                    .col(timestamp_with_time_zone("active_at"))
                    .col(timestamp_with_time_zone_null("retired_at"))
                    .to_owned(),
            )
            .await
    }
}
