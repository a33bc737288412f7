//! Registered products.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `product`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("product")
            .col(text("id").primary_key())
            .col(big_integer("version"))
            .col(text("customer_id"))
            .col(text("model"))
            .col(text("category_code"))
            .col(text_null("serial_number"))
            .col(text("state"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .col(json_binary("body"))
            .to_owned();
        manager.create_table(table).await?;
        super::indices(
            manager,
            "product",
            &[
                ("serial", &["model", "serial_number"], super::Kind::Unique),
                ("number", &["serial_number"], super::Kind::Plain),
                ("customer", &["customer_id", "created_at"], super::Kind::Plain),
                ("created", &["created_at", "id"], super::Kind::Plain),
                ("updated", &["updated_at", "id"], super::Kind::Plain),
            ],
        )
        .await
    }
}
