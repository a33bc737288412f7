//! Regulator's cases.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `regulator_case`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("regulator_case")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("number").unique_key())
                    .col(text("state"))
                    .col(text("complaint_id"))
                    .col(text("org_unit_id"))
                    .col(text("authority"))
                    .col(text("external_number"))
                    .col(timestamp_with_time_zone("next_due_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        let once = Index::create()
            .name("regulator_case_authority_external_number")
            .table("regulator_case")
            .col("authority")
            .col("external_number")
            .unique()
            .to_owned();
        manager.create_index(once).await?;
        for (name, first) in [
            ("regulator_case_created_at", "created_at"),
            ("regulator_case_next_due_at", "next_due_at"),
            ("regulator_case_complaint", "complaint_id"),
            ("regulator_case_org_unit", "org_unit_id"),
        ] {
            let index = Index::create().name(name).table("regulator_case").col(first).col("id").to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
