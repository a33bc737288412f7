//! The feed of changes: its rows, its one counter, and where records belong.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `change`, `change_counter` and `record_place`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("change_counter")
                    .col(integer("id").primary_key())
                    .col(big_integer("last"))
                    .to_owned(),
            )
            .await?;
        let first = Query::insert()
            .into_table("change_counter")
            .columns(["id", "last"])
            .values_panic([1.into(), 0_i64.into()])
            .to_owned();
        manager.execute(first).await?;
        manager
            .create_table(
                Table::create()
                    .table("change")
                    .col(big_integer("number").primary_key())
                    .col(text("event_id"))
                    .col(text("service"))
                    .col(text("record_kind"))
                    .col(text("record_id"))
                    .col(big_integer("record_version"))
                    .col(text("fact"))
                    .col(text("state"))
                    .col(text("org_unit_id"))
                    .col(text("technician_id"))
                    .col(text("former_technician_id"))
                    .col(text("partner_id"))
                    .col(text("service_request_id"))
                    .col(text("work_order_id"))
                    .col(text("customer_id"))
                    .col(timestamp_with_time_zone("occurred_at"))
                    .col(timestamp_with_time_zone("recorded_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("change_record")
                    .table("change")
                    .col("record_id")
                    .col("record_version")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("record_place")
                    .col(text("record_id").primary_key())
                    .col(text("org_unit_id"))
                    .col(text("technician_id"))
                    .col(text("partner_id"))
                    .col(text("service_request_id"))
                    .col(text("customer_id"))
                    .to_owned(),
            )
            .await
    }
}
