//! Dead letters: events that a consumer could not handle, kept until somebody replays them.

use sea_orm_migration::prelude::*;

/// Creates the table `dead_letter`.
#[derive(DeriveMigrationName, Debug)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("dead_letter")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("consumer").text().not_null())
                    .col(ColumnDef::new("event_id").text().not_null())
                    .col(ColumnDef::new("aggregate_id").text().not_null())
                    .col(ColumnDef::new("aggregate_version").big_integer().not_null())
                    .col(ColumnDef::new("envelope").blob().not_null())
                    .col(ColumnDef::new("error").text().not_null())
                    .col(ColumnDef::new("deliveries").integer().not_null())
                    .col(ColumnDef::new("parked_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("replay_requested_at").timestamp_with_time_zone())
                    .col(ColumnDef::new("replayed_at").timestamp_with_time_zone())
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("dead_letter_event")
                    .table("dead_letter")
                    .col("consumer")
                    .col("event_id")
                    .unique()
                    .to_owned(),
            )
            .await?;
        // Asked for every event: does an earlier one of its aggregate wait here?
        manager
            .create_index(
                Index::create()
                    .name("dead_letter_waiting")
                    .table("dead_letter")
                    .col("consumer")
                    .col("aggregate_id")
                    .and_where(Expr::col("replayed_at").is_null())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("dead_letter").to_owned()).await
    }
}
