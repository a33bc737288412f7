//! Signed links.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `link`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("link")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("purpose"))
                    .col(text("record_id"))
                    .col(text("org_unit_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        for (name, columns) in [
            ("link_created_at", ["created_at", "id"]),
            ("link_expires_at", ["expires_at", "id"]),
            ("link_record", ["record_id", "created_at"]),
        ] {
            let mut index = Index::create();
            index.name(name).table("link");
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
