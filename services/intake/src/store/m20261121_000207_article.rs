//! Articles.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `article`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("article")
            .col(text("id").primary_key())
            .col(big_integer("version"))
            .col(text("state"))
            .col(text("language"))
            .col(text("search"))
            .col(big_integer("answered"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .col(json_binary("body"))
            .to_owned();
        manager.create_table(table).await?;
        super::indices(
            manager,
            "article",
            &[
                ("updated", &["updated_at", "id"], super::Kind::Plain),
                ("answered", &["answered", "id"], super::Kind::Plain),
                ("state", &["state", "updated_at"], super::Kind::Plain),
            ],
        )
        .await
    }
}
