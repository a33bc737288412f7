//! The history of every record.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `history`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("history")
                    .col(text("id").primary_key())
                    .col(text("record_kind"))
                    .col(text("record_id"))
                    .col(text("record_number"))
                    .col(big_integer("version"))
                    .col(text("action"))
                    .col(text("from_state"))
                    .col(text("to_state"))
                    .col(text("reason"))
                    .col(text("actor_id"))
                    .col(text("actor_role"))
                    .col(text("actor_org_unit_id"))
                    .col(text_null("subject_id"))
                    .col(text_null("case_id"))
                    .col(timestamp_with_time_zone("at"))
                    .to_owned(),
            )
            .await?;
        for column in ["record_id", "subject_id", "case_id"] {
            manager
                .create_index(
                    Index::create()
                        .name(format!("history_{column}"))
                        .table("history")
                        .col(column)
                        .col("at")
                        .col("id")
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }
}
