//! Service requests.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `service_request`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("service_request")
            .col(text("id").primary_key())
            .col(big_integer("version"))
            .col(text("number").unique_key())
            .col(text("state"))
            .col(boolean("open"))
            .col(text("kind"))
            .col(text("urgency"))
            .col(text("on_hold"))
            .col(text("customer_id"))
            .col(text("product_id"))
            .col(text("assignee_id"))
            .col(text("org_unit_id"))
            .col(text("complaint_id"))
            .col(text_null("partner_id"))
            .col(text_null("external_reference"))
            .col(text("contact_phone"))
            .col(text("address_key"))
            .col(text("search"))
            .col(timestamp_with_time_zone("requested_at"))
            .col(timestamp_with_time_zone("next_due_at"))
            .col(boolean("breached"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .col(json_binary("body"))
            .to_owned();
        manager.create_table(table).await?;
        super::indices(
            manager,
            "service_request",
            &[
                ("reference", &["partner_id", "external_reference"], super::Kind::Unique),
                ("created", &["created_at", "id"], super::Kind::Plain),
                ("updated", &["updated_at", "id"], super::Kind::Plain),
                ("requested", &["requested_at", "id"], super::Kind::Plain),
                ("due", &["next_due_at", "id"], super::Kind::Plain),
                ("state", &["state", "created_at"], super::Kind::Plain),
                ("unit", &["org_unit_id", "created_at"], super::Kind::Plain),
                ("assignee", &["assignee_id", "created_at"], super::Kind::Plain),
                ("customer", &["customer_id", "requested_at"], super::Kind::Plain),
                ("product", &["product_id", "requested_at"], super::Kind::Plain),
                ("complaint", &["complaint_id", "requested_at"], super::Kind::Plain),
                ("phone", &["contact_phone", "requested_at"], super::Kind::Plain),
                ("place", &["address_key", "requested_at"], super::Kind::Plain),
            ],
        )
        .await
    }
}
