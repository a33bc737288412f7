//! People who sign in at a provider of identities.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `provider_identity`, `provider_round` and `provider_ticket`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("provider_identity")
                    .col(text("issuer"))
                    .col(text("subject"))
                    .col(text("account_id"))
                    .primary_key(Index::create().col("issuer").col("subject"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("provider_identity_account")
                    .table("provider_identity")
                    .col("account_id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("provider_round")
                    .col(binary("state").primary_key())
                    .col(text("provider"))
                    .col(text("nonce"))
                    .col(text("verifier"))
                    .col(binary("browser"))
                    .col(text("challenge"))
                    .col(text("page"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("provider_ticket")
                    .col(binary("code").primary_key())
                    .col(text("challenge"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(json_binary("body"))
                    .to_owned(),
            )
            .await?;
        for table in ["provider_round", "provider_ticket"] {
            let name = format!("{table}_expires_at");
            manager.create_index(Index::create().name(name).table(table).col("expires_at").to_owned()).await?;
        }
        Ok(())
    }
}
