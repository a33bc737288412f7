//! Changes of customer files, field by field.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `customer_change`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("customer_change")
            .col(text("id").primary_key())
            .col(text("customer_id"))
            .col(big_integer("version"))
            .col(text("field"))
            .col(text("old_value"))
            .col(text("new_value"))
            .col(text("actor_id"))
            .col(text("actor_role"))
            .col(text("actor_org_unit_id"))
            .col(timestamp_with_time_zone("at"))
            .to_owned();
        manager.create_table(table).await?;
        super::indices(manager, "customer_change", &[("customer", &["customer_id", "at", "id"], super::Kind::Plain)])
            .await
    }
}
