//! What waits to be put into the audit trail, the trail's head, and its anchors.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `audit_pending`, `audit_head` and `audit_anchor`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_pending")
                    .col(ColumnDef::new("seq").big_integer().not_null().auto_increment().primary_key())
                    .col(text("id"))
                    .col(timestamp_with_time_zone("at"))
                    .col(json_binary("entry"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_head")
                    .col(integer("id").primary_key())
                    .col(big_integer("seq"))
                    .col(blob("hash"))
                    .col(big_integer("base_seq"))
                    .col(blob("base_hash"))
                    .col(big_integer("anchored_seq"))
                    .col(timestamp_with_time_zone("anchored_at"))
                    .col(blob("mac"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_anchor")
                    .col(big_integer("seq").primary_key())
                    .col(blob("hash"))
                    .col(timestamp_with_time_zone("at"))
                    .col(blob("mac"))
                    .to_owned(),
            )
            .await?;
        Ok(())
    }
}
