//! Service points and the territories of their contracts.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `service_point` and `service_point_territory`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("service_point")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("number"))
                    .col(text("state"))
                    .col(text("org_unit_id"))
                    .col(text("name"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        for (name, columns) in [
            ("service_point_created_at", ["created_at", "id"].as_slice()),
            ("service_point_updated_at", &["updated_at", "id"]),
            ("service_point_number", &["number", "id"]),
            ("service_point_name", &["name", "id"]),
            ("service_point_state", &["state", "created_at"]),
            ("service_point_org_unit", &["org_unit_id", "created_at"]),
        ] {
            let mut index = Index::create();
            index.name(name).table("service_point");
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("service_point_territory")
                    .col(text("service_point_id"))
                    .col(text("prefix"))
                    .primary_key(Index::create().col("service_point_id").col("prefix"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("service_point_territory_prefix")
                    .table("service_point_territory")
                    .col("prefix")
                    .to_owned(),
            )
            .await
    }
}
