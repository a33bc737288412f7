//! Where technicians were last, and an index for reading what changed.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `technician_position`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("technician_position")
                    .col(text("technician_id").primary_key())
                    .col(double("latitude"))
                    .col(double("longitude"))
                    .col(timestamp_with_time_zone("at"))
                    .to_owned(),
            )
            .await?;
        for table in ["technician", "service_point"] {
            manager
                .create_index(
                    Index::create().name(format!("{table}_changed")).table(table).col("updated_at").to_owned(),
                )
                .await?;
        }
        Ok(())
    }
}
