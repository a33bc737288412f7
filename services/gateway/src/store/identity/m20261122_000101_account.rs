//! Accounts, their passwords and second factors, and what guessing has cost.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `account`, `credential` and `sign_in_guard`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("account")
                    .col(text("id").primary_key())
                    .col(big_integer("version"))
                    .col(text("username"))
                    .col(text_null("email"))
                    .col(text("role"))
                    .col(text("state"))
                    .col(text("org_unit_id"))
                    .col(text("person_id"))
                    .col(text("partner_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        for (name, columns) in [("account_username", "username"), ("account_email", "email")] {
            manager.create_index(Index::create().name(name).table("account").col(columns).unique().to_owned()).await?;
        }
        for (name, columns) in [
            ("account_created_at", ["created_at", "id"]),
            ("account_updated_at", ["updated_at", "id"]),
            ("account_org_unit", ["org_unit_id", "created_at"]),
            ("account_role", ["role", "state"]),
        ] {
            let mut index = Index::create();
            index.name(name).table("account");
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("credential")
                    .col(text("account_id").primary_key())
                    .col(text_null("password_hash"))
                    .col(boolean("must_change"))
                    .col(timestamp_with_time_zone("changed_at"))
                    .col(binary_null("totp_secret"))
                    .col(boolean("totp_confirmed"))
                    .col(big_integer("totp_last_step"))
                    .col(json_binary("recovery_codes"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("sign_in_guard")
                    .col(text("key").primary_key())
                    .col(integer("failures"))
                    .col(timestamp_with_time_zone("last_at"))
                    .col(timestamp_with_time_zone("locked_until"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("sign_in_guard_last_at").table("sign_in_guard").col("last_at").to_owned(),
            )
            .await
    }
}
