//! Files, uploads that are not whole yet, and the parts of these.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `file`, `upload` and `upload_part`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("file")
                    .col(text("id").primary_key())
                    .col(text("media_type"))
                    .col(big_integer("size"))
                    .col(text("digest"))
                    .col(text("name"))
                    .col(text("label"))
                    .col(text("record_kind"))
                    .col(text("record_id"))
                    .col(text("customer_id"))
                    .col(text("uploader_id"))
                    .col(text("uploader_role"))
                    .col(text("uploader_org_unit_id"))
                    .col(integer("width"))
                    .col(integer("height"))
                    .col(boolean("thumbnail"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("attached_at"))
                    .col(timestamp_with_time_zone_null("deleted_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("upload")
                    .col(text("id").primary_key())
                    .col(big_integer_null("length"))
                    .col(big_integer("received"))
                    .col(text("declared"))
                    .col(text("name"))
                    .col(text("label"))
                    .col(text("record_kind"))
                    .col(text("record_id"))
                    .col(text("customer_id"))
                    .col(text("uploader_id"))
                    .col(text("uploader_role"))
                    .col(text("uploader_org_unit_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("upload_part")
                    .col(text("upload_id"))
                    .col(big_integer("place"))
                    .col(big_integer("length"))
                    .col(text("key"))
                    .primary_key(Index::create().col("upload_id").col("place"))
                    .to_owned(),
            )
            .await?;
        for (name, table, columns) in [
            ("file_record", "file", ["record_id", "created_at"].as_slice()),
            ("file_customer", "file", &["customer_id"]),
            ("file_attached", "file", &["attached_at", "created_at"]),
            ("file_deleted", "file", &["deleted_at"]),
            ("upload_created", "upload", &["created_at"]),
            ("upload_uploader", "upload", &["uploader_id"]),
        ] {
            let mut index = Index::create();
            index.name(name).table(table);
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
