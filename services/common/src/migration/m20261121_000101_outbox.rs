//! The outbox: events that were committed with the change they tell of.

use sea_orm_migration::prelude::*;

/// Creates the table `outbox`.
#[derive(DeriveMigrationName, Debug)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("outbox")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("event_id").text().not_null().unique_key())
                    .col(ColumnDef::new("aggregate_kind").text().not_null())
                    .col(ColumnDef::new("aggregate_id").text().not_null())
                    .col(ColumnDef::new("aggregate_version").big_integer().not_null())
                    .col(ColumnDef::new("envelope").blob().not_null())
                    .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("published_at").timestamp_with_time_zone())
                    .col(ColumnDef::new("bus_ref").text())
                    .to_owned(),
            )
            .await?;
        // What the relay reads all the time: small, because published rows leave it.
        manager
            .create_index(
                Index::create()
                    .name("outbox_unpublished")
                    .table("outbox")
                    .col("id")
                    .and_where(Expr::col("published_at").is_null())
                    .to_owned(),
            )
            .await?;
        // Every version of an aggregate has exactly one event: consumers rest on it, so the database holds it.
        manager
            .create_index(
                Index::create()
                    .name("outbox_aggregate_version")
                    .table("outbox")
                    .col("aggregate_id")
                    .col("aggregate_version")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager.create_index(Index::create().name("outbox_bus_ref").table("outbox").col("bus_ref").to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("outbox").to_owned()).await
    }
}
