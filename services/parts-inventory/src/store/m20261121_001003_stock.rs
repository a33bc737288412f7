//! Balances, movements and the ledger. The database itself refuses less than nothing, more promised than there is,
//! one numbered piece in two places, and any change of what was written into the ledger.

use sea_orm::DbBackend;
use sea_orm_migration::{prelude::*, schema::*};

/// Adds the tables `stock_balance`, `stock_movement` and `ledger_entry`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("stock_balance")
                    .col(text("id").primary_key())
                    .col(text("part_id"))
                    .col(text("sku"))
                    .col(text("location_id"))
                    .col(text("condition"))
                    .col(text("tracking"))
                    .col(boolean("serial"))
                    .col(big_integer("on_hand").check(Expr::col("on_hand").gte(0)))
                    .col(big_integer("reserved").check(Expr::col("reserved").gte(0)))
                    .col(timestamp_with_time_zone("since"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .check(Expr::col("reserved").lte(Expr::col("on_hand")))
                    .check(Expr::col("serial").eq(false).or(Expr::col("on_hand").lte(1000)))
                    .to_owned(),
            )
            .await?;
        let one_place = Index::create()
            .name("stock_balance_serial")
            .table("stock_balance")
            .col("part_id")
            .col("tracking")
            .unique()
            .and_where(Expr::col("serial").eq(true).and(Expr::col("on_hand").gt(0)))
            .to_owned();
        manager.create_index(one_place).await?;
        for column in ["sku", "location_id", "on_hand", "updated_at"] {
            manager.create_index(super::index("stock_balance", column)).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("stock_movement")
                    .col(text("id").primary_key())
                    .col(text("part_id"))
                    .col(text("sku"))
                    .col(text("tracking"))
                    .col(big_integer("milli").check(Expr::col("milli").gt(0)))
                    .col(text("from_location_id"))
                    .col(text("from_condition"))
                    .col(text("to_location_id"))
                    .col(text("to_condition"))
                    .col(text("reason"))
                    .col(text("document_kind"))
                    .col(text("document_id"))
                    .col(text("actor_id"))
                    .col(text("actor_role"))
                    .col(text("actor_org_unit_id"))
                    .col(timestamp_with_time_zone("at"))
                    .to_owned(),
            )
            .await?;
        for column in ["sku", "from_location_id", "to_location_id", "document_id", "at", "tracking"] {
            manager.create_index(super::index("stock_movement", column)).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("ledger_entry")
                    .col(text("movement_id"))
                    .col(big_integer("side"))
                    .col(text("balance_id"))
                    .col(text("location_id"))
                    .col(big_integer("milli"))
                    .col(timestamp_with_time_zone("at"))
                    .primary_key(Index::create().col("movement_id").col("side"))
                    .to_owned(),
            )
            .await?;
        let by_balance =
            Index::create().name("ledger_entry_balance").table("ledger_entry").col("balance_id").to_owned();
        manager.create_index(by_balance).await?;
        let connection = manager.get_connection();
        for table in ["stock_movement", "ledger_entry"] {
            for statement in immutable(manager.get_database_backend(), table) {
                connection.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }
}

/// A trigger that refuses every change of a written row.
fn immutable(backend: DbBackend, table: &str) -> Vec<String> {
    if backend == DbBackend::Postgres {
        let function = format!(
            "CREATE FUNCTION {table}_is_immutable() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'the ledger is never changed'; END $$"
        );
        let trigger = format!(
            "CREATE TRIGGER {table}_immutable BEFORE UPDATE OR DELETE ON {table} \
             FOR EACH ROW EXECUTE FUNCTION {table}_is_immutable()"
        );
        return vec![function, trigger];
    }
    ["UPDATE", "DELETE"]
        .into_iter()
        .map(|event| {
            format!(
                "CREATE TRIGGER {table}_immutable_{event} BEFORE {event} ON {table} \
                 BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END"
            )
        })
        .collect()
}
