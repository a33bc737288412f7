//! Questionnaires.

use sea_orm_migration::{prelude::*, schema::*};

/// Questionnaires.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("questionnaire")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("code"))
                    .col(integer("number"))
                    .col(text("state"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json("body"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("questionnaire_number")
                    .table("questionnaire")
                    .col("code")
                    .col("number")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("questionnaire_published")
                    .table("questionnaire")
                    .col("code")
                    .unique()
                    .and_where(Expr::col("state").eq("published"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("questionnaire_created_at")
                    .table("questionnaire")
                    .col("created_at")
                    .col("id")
                    .to_owned(),
            )
            .await?;
        Ok(())
    }
}
