//! The partner that made a complaint, and the request it is about.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds `complaint.partner_id` and `complaint.service_request_id`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["partner_id", "service_request_id"] {
            let added = Table::alter().table("complaint").add_column(text(column).default("")).to_owned();
            manager.alter_table(added).await?;
            let index = Index::create()
                .name(format!("complaint_by_{column}"))
                .table("complaint")
                .col(column)
                .col("id")
                .and_where(Expr::col(column).ne(""))
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
