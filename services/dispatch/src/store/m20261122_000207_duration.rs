//! How long completed visits took, and what was learned from them.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `duration_sample` and `duration`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("duration_sample")
                    .col(text("work_order_id").primary_key())
                    .col(text("kind"))
                    .col(text("category_code"))
                    .col(text("technician_id"))
                    .col(integer("minutes"))
                    .col(timestamp_with_time_zone("at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("duration")
                    // kind|category|technician
                    .col(text("id").primary_key())
                    .col(text("kind"))
                    .col(text("category_code"))
                    .col(text("technician_id"))
                    .col(integer("minutes"))
                    .col(integer("samples"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await?;
        for (name, table, columns) in [
            ("duration_sample_key", "duration_sample", ["kind", "category_code", "at"].as_slice()),
            ("duration_sample_technician", "duration_sample", &["technician_id", "kind", "at"]),
            ("duration_updated_at", "duration", &["updated_at", "id"]),
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
