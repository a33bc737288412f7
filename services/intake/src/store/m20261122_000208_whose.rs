//! Whose customers, products and contacts are.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds `customer.partner_id`, `product.org_unit_id` and `contact.org_unit_id`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [("customer", "partner_id"), ("product", "org_unit_id"), ("contact", "org_unit_id")] {
            let added = Table::alter().table(table).add_column(text(column).default("")).to_owned();
            manager.alter_table(added).await?;
        }
        for table in ["product", "contact"] {
            let by_unit = [("unit", &["org_unit_id", "created_at"] as &[&str], super::Kind::Plain)];
            super::indices(manager, table, &by_unit).await?;
        }
        super::indices(
            manager,
            "customer",
            &[
                ("partner", &["partner_id", "created_at"], super::Kind::Plain),
                ("unit", &["org_unit_id", "created_at"], super::Kind::Plain),
            ],
        )
        .await
    }
}
