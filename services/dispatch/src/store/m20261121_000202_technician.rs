//! Technicians and their skills.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `technician` and `technician_skill`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("technician")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("number"))
                    .col(text("state"))
                    .col(text("org_unit_id"))
                    .col(text("service_point_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        for (name, columns) in [
            ("technician_created_at", ["created_at", "id"].as_slice()),
            ("technician_updated_at", &["updated_at", "id"]),
            ("technician_number", &["number", "id"]),
            ("technician_state", &["state", "created_at"]),
            ("technician_service_point", &["service_point_id", "created_at"]),
            ("technician_org_unit", &["org_unit_id", "created_at"]),
        ] {
            let mut index = Index::create();
            index.name(name).table("technician");
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("technician_skill")
                    .col(text("technician_id"))
                    .col(text("code"))
                    .col(integer("level"))
                    .primary_key(Index::create().col("technician_id").col("code"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("technician_skill_code")
                    .table("technician_skill")
                    .col("code")
                    .col("level")
                    .to_owned(),
            )
            .await
    }
}
