//! The audit trail.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the table `audit_entry`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_entry")
                    .col(big_integer("seq").primary_key())
                    .col(text("id").unique_key())
                    .col(timestamp_with_time_zone("at"))
                    .col(text("actor_id"))
                    .col(text("actor_role"))
                    .col(text("actor_org_unit_id"))
                    .col(text("action"))
                    .col(text("service"))
                    .col(text("subject_kind"))
                    .col(text("subject_id"))
                    .col(big_integer("subject_version"))
                    .col(text("customer_id"))
                    .col(text("from_address"))
                    .col(text("trace_id"))
                    .col(text("outcome"))
                    .col(text("reason"))
                    .col(text("digest"))
                    .col(blob("previous"))
                    .col(blob("hash"))
                    .to_owned(),
            )
            .await?;
        for (name, column) in [
            ("audit_entry_actor", "actor_id"),
            ("audit_entry_subject", "subject_id"),
            ("audit_entry_customer", "customer_id"),
            ("audit_entry_action", "action"),
            ("audit_entry_trace", "trace_id"),
            ("audit_entry_at", "at"),
        ] {
            let mut index = Index::create();
            index.name(name).table("audit_entry").col(column).col("seq");
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
