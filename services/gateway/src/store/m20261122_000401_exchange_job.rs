//! Exports and imports, and the pieces of what they read and make.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `exchange_job` and `exchange_piece`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("exchange_job")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("kind"))
                    .col(text("state"))
                    .col(text("owner_id"))
                    .col(text("secret").default(""))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json_binary_null("progress"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        for (name, columns) in [
            ("exchange_job_owner_created", ["owner_id", "created_at", "id"]),
            ("exchange_job_owner_updated", ["owner_id", "updated_at", "id"]),
            ("exchange_job_state", ["state", "created_at", "id"]),
        ] {
            let mut index = Index::create();
            index.name(name).table("exchange_job");
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("exchange_piece")
                    .col(text("job_id"))
                    .col(text("part"))
                    .col(integer("place"))
                    .col(binary("bytes"))
                    .primary_key(Index::create().col("job_id").col("part").col("place"))
                    .to_owned(),
            )
            .await
    }
}
