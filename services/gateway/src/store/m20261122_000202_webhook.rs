//! Webhooks: endpoints, deliveries, their tries, and how endpoints fare.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `webhook_endpoint`, `webhook_delivery`, `webhook_attempt` and `webhook_lane`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("webhook_endpoint")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("state"))
                    .col(text("partner_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("webhook_delivery")
                    .col(text("id").primary_key())
                    .col(text("endpoint_id"))
                    .col(text("partner_id"))
                    .col(big_integer("number"))
                    .col(text("message_id"))
                    .col(text("kind"))
                    .col(text("case_id"))
                    .col(text("payload"))
                    .col(text("state"))
                    .col(integer("tries"))
                    .col(integer("round_tries"))
                    .col(timestamp_with_time_zone("round_at"))
                    .col(timestamp_with_time_zone("next_try_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("webhook_attempt")
                    .col(text("delivery_id"))
                    .col(integer("attempt"))
                    .col(timestamp_with_time_zone("at"))
                    .col(integer("status"))
                    .col(integer("latency_ms"))
                    .col(text("error"))
                    .col(text("snippet"))
                    .primary_key(Index::create().col("delivery_id").col("attempt"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("webhook_lane")
                    .col(text("endpoint_id").primary_key())
                    .col(timestamp_with_time_zone_null("failing_since"))
                    .col(big_integer_null("replay_after"))
                    .col(big_integer_null("replay_until"))
                    .to_owned(),
            )
            .await?;
        for (name, table, columns, unique) in [
            ("webhook_endpoint_created_at", "webhook_endpoint", ["created_at", "id"].as_slice(), false),
            ("webhook_endpoint_updated_at", "webhook_endpoint", &["updated_at", "id"], false),
            ("webhook_endpoint_state", "webhook_endpoint", &["state"], false),
            ("webhook_delivery_number", "webhook_delivery", &["endpoint_id", "number"], true),
            ("webhook_delivery_case", "webhook_delivery", &["endpoint_id", "case_id", "state", "number"], false),
            ("webhook_delivery_due", "webhook_delivery", &["state", "next_try_at"], false),
            ("webhook_delivery_list", "webhook_delivery", &["endpoint_id", "created_at", "id"], false),
            ("webhook_delivery_updated_at", "webhook_delivery", &["updated_at"], false),
        ] {
            let mut index = Index::create();
            index.name(name).table(table);
            if unique {
                index.unique();
            }
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
