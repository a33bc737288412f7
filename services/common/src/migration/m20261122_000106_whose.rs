//! Whose a case is, as other services' facts tell it.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `whose`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("whose")
            .col(text("record_id").primary_key())
            .col(text("case_id"))
            .col(text("technician_id"))
            .col(text("partner_id"))
            .col(text("subject_id"))
            .col(timestamp_with_time_zone("clear_until"))
            .to_owned();
        manager.create_table(table).await?;
        for column in ["technician_id", "partner_id"] {
            let index = Index::create()
                .name(format!("whose_{column}"))
                .table("whose")
                .col(column)
                .col("case_id")
                .and_where(Expr::col(column).ne(""))
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
