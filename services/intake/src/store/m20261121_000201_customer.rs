//! Customer files.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `customer`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("customer")
            .col(text("id").primary_key())
            .col(big_integer("version"))
            .col(text("name"))
            .col(text("search"))
            .col(text("tier"))
            .col(text("agent_id"))
            .col(text("org_unit_id"))
            .col(text("state"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .col(json_binary("body"))
            .to_owned();
        manager.create_table(table).await?;
        super::indices(
            manager,
            "customer",
            &[
                ("created", &["created_at", "id"], super::Kind::Plain),
                ("updated", &["updated_at", "id"], super::Kind::Plain),
                ("name", &["name", "id"], super::Kind::Plain),
                ("agent", &["agent_id", "created_at"], super::Kind::Plain),
            ],
        )
        .await
    }
}
