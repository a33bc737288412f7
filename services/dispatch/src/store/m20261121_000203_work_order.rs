//! Work orders: one per visit of a request.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `work_order`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("work_order")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("number"))
                    .col(text("state"))
                    .col(text("org_unit_id"))
                    .col(text("service_request_id"))
                    .col(text("service_request_number"))
                    .col(integer("visit_number"))
                    .col(text("customer_id"))
                    .col(text("kind"))
                    .col(text("technician_id"))
                    .col(text("service_point_id"))
                    .col(timestamp_with_time_zone("window_start"))
                    .col(timestamp_with_time_zone_null("planned_start"))
                    .col(timestamp_with_time_zone_null("planned_end"))
                    .col(double_null("latitude"))
                    .col(double_null("longitude"))
                    .col(timestamp_with_time_zone("resolution_due_at"))
                    .col(boolean("escalated"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .unique()
                    .name("work_order_visit")
                    .table("work_order")
                    .col("service_request_id")
                    .col("visit_number")
                    .to_owned(),
            )
            .await?;
        for (name, columns) in [
            ("work_order_created_at", ["created_at", "id"].as_slice()),
            ("work_order_updated_at", &["updated_at", "id"]),
            ("work_order_number", &["number", "id"]),
            ("work_order_window", &["window_start", "id"]),
            ("work_order_due", &["resolution_due_at", "id"]),
            ("work_order_state", &["state", "created_at"]),
            ("work_order_org_unit", &["org_unit_id", "created_at"]),
            ("work_order_planned", &["planned_start", "planned_end"]),
            ("work_order_technician", &["technician_id", "planned_start"]),
            ("work_order_service_point", &["service_point_id", "planned_start"]),
            ("work_order_customer", &["customer_id", "created_at"]),
            ("work_order_escalated", &["escalated", "created_at"]),
        ] {
            let mut index = Index::create();
            index.name(name).table("work_order");
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
