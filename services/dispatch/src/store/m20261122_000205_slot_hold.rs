//! Holds of slots, and who belongs to a crew: what else takes a technician's time beside the leading visit.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `slot_hold`, `hold_seat` and `crew_seat`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("slot_hold")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("state"))
                    .col(text("org_unit_id"))
                    .col(text("service_point_id"))
                    .col(text("service_request_id"))
                    .col(text("work_order_id"))
                    .col(timestamp_with_time_zone("planned_start"))
                    .col(timestamp_with_time_zone("planned_end"))
                    .col(double_null("latitude"))
                    .col(double_null("longitude"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        // One row for everybody a hold keeps: the rules ask by technician.
        manager
            .create_table(
                Table::create()
                    .table("hold_seat")
                    .col(text("slot_hold_id"))
                    .col(text("technician_id"))
                    .primary_key(Index::create().col("slot_hold_id").col("technician_id"))
                    .to_owned(),
            )
            .await?;
        // One row for everybody of a crew beside the leading technician.
        manager
            .create_table(
                Table::create()
                    .table("crew_seat")
                    .col(text("work_order_id"))
                    .col(text("technician_id"))
                    .primary_key(Index::create().col("work_order_id").col("technician_id"))
                    .to_owned(),
            )
            .await?;
        for (name, table, columns) in [
            ("slot_hold_state", "slot_hold", ["state", "planned_start"].as_slice()),
            ("slot_hold_updated_at", "slot_hold", &["updated_at", "id"]),
            ("slot_hold_request", "slot_hold", &["service_request_id"]),
            ("slot_hold_order", "slot_hold", &["work_order_id"]),
            ("hold_seat_technician", "hold_seat", &["technician_id"]),
            ("crew_seat_technician", "crew_seat", &["technician_id"]),
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
