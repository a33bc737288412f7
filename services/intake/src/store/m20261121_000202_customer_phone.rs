//! Phones of living files.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `customer_phone`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create().table("customer_phone").col(text("customer_id")).col(text("number")).to_owned();
        manager.create_table(table).await?;
        super::indices(
            manager,
            "customer_phone",
            &[("key", &["customer_id", "number"], super::Kind::Unique), ("number", &["number"], super::Kind::Plain)],
        )
        .await
    }
}
