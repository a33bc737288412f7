//! Contacts and promises.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `contact`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("contact")
            .col(text("id").primary_key())
            .col(big_integer("version"))
            .col(text("customer_id"))
            .col(text("service_request_id"))
            .col(text("agent_id"))
            .col(timestamp_with_time_zone("at"))
            .col(text("promise"))
            .col(timestamp_with_time_zone("promise_due_at"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .col(json_binary("body"))
            .to_owned();
        manager.create_table(table).await?;
        super::indices(
            manager,
            "contact",
            &[
                ("at", &["at", "id"], super::Kind::Plain),
                ("customer", &["customer_id", "at"], super::Kind::Plain),
                ("request", &["service_request_id", "at"], super::Kind::Plain),
                ("promise", &["promise", "promise_due_at"], super::Kind::Plain),
                ("due", &["promise_due_at", "id"], super::Kind::Plain),
            ],
        )
        .await
    }
}
