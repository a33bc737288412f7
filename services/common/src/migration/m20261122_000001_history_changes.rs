//! What a change changed, beside its history.

use sea_orm_migration::{prelude::*, schema::*};

/// Adds the columns `changes` and `changes_digest` to `history`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column at a time: SQLite adds no two at once.
        for column in ["changes", "changes_digest"] {
            manager.alter_table(Table::alter().table("history").add_column(text_null(column)).to_owned()).await?;
        }
        Ok(())
    }
}
