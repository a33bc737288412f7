//! The plumbing's own tables, and how a service's migrations are run.
//!
//! A migration has one intent, is portable, only expands (a later release contracts), and is never edited.

use sea_orm_migration::{MigrationTrait, MigratorTrait};

mod m20261121_000001_history;
mod m20261121_000002_idempotency;
mod m20261121_000003_number_series;
mod m20261121_000004_timer;
mod m20261121_000101_outbox;
mod m20261121_000102_inbox;
mod m20261121_000103_dead_letter;
mod m20261121_000104_lease;
mod m20261122_000001_history_changes;
mod m20261122_000105_erasure;
mod m20261122_000106_whose;

/// The tables every service has. A service's migrator lists these first.
#[must_use]
pub fn plumbing() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m20261121_000001_history::Migration),
        Box::new(m20261121_000002_idempotency::Migration),
        Box::new(m20261121_000003_number_series::Migration),
        Box::new(m20261121_000004_timer::Migration),
        Box::new(m20261121_000101_outbox::Migration),
        Box::new(m20261121_000102_inbox::Migration),
        Box::new(m20261121_000103_dead_letter::Migration),
        Box::new(m20261121_000104_lease::Migration),
        Box::new(m20261122_000001_history_changes::Migration),
        Box::new(m20261122_000105_erasure::Migration),
        Box::new(m20261122_000106_whose::Migration),
    ]
}

/// What a database's schema is to this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Exactly what this program knows.
    Current,
    /// These migrations have not run.
    Pending(Vec<String>),
    /// These ran, and this program does not know them: it is older than the database.
    Newer(Vec<String>),
}

/// Compares the database with the program.
///
/// # Errors
///
/// When the database does not answer.
pub async fn schema<M: MigratorTrait>(db: &crate::db::Db) -> anyhow::Result<Schema> {
    use sea_orm::{ConnectionTrait as _, Statement};
    let known: Vec<String> = M::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let statement = Statement::from_string(db.backend(), "SELECT version FROM seaql_migrations ORDER BY version");
    // A database that was never migrated has no such table.
    let rows = match db.write().query_all_raw(statement).await {
        Ok(rows) => rows,
        Err(sea_orm::DbErr::Query(_) | sea_orm::DbErr::Exec(_)) => return Ok(Schema::Pending(known)),
        Err(error) => return Err(error.into()),
    };
    let ran = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<String>, _>>()?;
    let newer: Vec<_> = ran.iter().filter(|name| !known.contains(name)).cloned().collect();
    let pending: Vec<_> = known.into_iter().filter(|name| !ran.contains(name)).collect();
    Ok(match (newer.is_empty(), pending.is_empty()) {
        (false, _) => Schema::Newer(newer),
        (true, false) => Schema::Pending(pending),
        (true, true) => Schema::Current,
    })
}

/// Runs what is pending. Several starts at once wait for each other.
///
/// # Errors
///
/// When a migration fails; it is safe to run again.
pub async fn migrate<M: MigratorTrait>(db: &crate::db::Db) -> anyhow::Result<()> {
    use sea_orm::{ConnectionTrait as _, DbBackend};
    if db.backend() != DbBackend::Postgres {
        return Ok(M::up(db.write(), None).await?);
    }
    // A transaction-scoped lock: given back even when this process dies, and held by one connection only.
    let lock = db.begin().await?;
    lock.execute_unprepared("SELECT pg_advisory_xact_lock(4711820260101)").await?;
    lock.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
    M::up(db.write(), None).await?;
    lock.commit().await?;
    Ok(())
}
