//! The database, SQLite or PostgreSQL, with the same code: a writer and a pool of readers.
//!
//! On SQLite every write goes through one connection and starts with `BEGIN IMMEDIATE`; a deferred transaction that
//! reads before it writes fails under load, and no busy timeout helps. On PostgreSQL both pools are the same.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use async_trait::async_trait;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};
use serde::Deserialize;

use crate::{
    bells::{Bells, Written},
    error::{Error, Result, reason},
    reach::{Reach, Scoped},
};

/// An open transaction, and how far it sees: all, unless one call's reach was given to it.
#[derive(Debug)]
pub struct Tx {
    on: DatabaseTransaction,
    reach: Reach,
    /// What it rings for once it is committed.
    pub(crate) written: Written,
    bells: Arc<Bells>,
}

/// Reads outside a transaction, and how far they see.
#[derive(Clone, Copy, Debug)]
pub struct Reads<'a> {
    on: &'a DatabaseConnection,
    reach: &'a Reach,
}

impl Tx {
    /// The same transaction, seeing only so far.
    #[must_use]
    pub fn within(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }

    /// The same transaction, seeing everything: for what a rule must know whoever asks, and never to make an answer of.
    #[must_use]
    pub fn everything(&self) -> Whole<'_> {
        Whole { on: &self.on }
    }

    /// Commits it, and wakes whoever waits for what it wrote.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` or `CONFLICT` when the database could not.
    pub async fn commit(self) -> Result<()> {
        self.on.commit().await?;
        self.bells.ring(&self.written);
        Ok(())
    }

    /// Undoes it.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn rollback(self) -> Result<()> {
        Ok(self.on.rollback().await?)
    }
}

/// An open transaction seen without its call's reach.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    on: &'a DatabaseTransaction,
}

/// Statements go to what is inside; only the reach is ours.
macro_rules! passes_on {
    ($type:ty, |$self:ident| $reach:expr) => {
        impl Scoped for $type {
            fn reach(&$self) -> &Reach {
                $reach
            }
        }

        #[async_trait]
        impl ConnectionTrait for $type {
            fn get_database_backend(&self) -> DbBackend {
                self.on.get_database_backend()
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                self.on.execute_raw(statement).await
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                self.on.execute_unprepared(sql).await
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                self.on.query_one_raw(statement).await
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                self.on.query_all_raw(statement).await
            }
        }
    };
}

passes_on!(Tx, |self| &self.reach);
passes_on!(Reads<'_>, |self| self.reach);
passes_on!(Whole<'_>, |self| &Reach::All);

/// A connection that is given back and does not answer for so long is still at work on a query that nobody waits for.
const ABANDONED: Duration = Duration::from_millis(100);

/// Where the data is.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `sqlite://path` or `postgres://…`.
    pub url: String,
    /// Connections: readers on SQLite (beside the one writer), the whole pool on PostgreSQL.
    pub max_connections: u32,
}

impl std::fmt::Debug for DatabaseConfig {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        let scheme = self.url.split(':').next().unwrap_or_default();
        write!(out, "DatabaseConfig({scheme}, {} connections)", self.max_connections)
    }
}

/// A service's database.
#[derive(Clone, Debug)]
pub struct Db {
    write: DatabaseConnection,
    read: DatabaseConnection,
    bells: Arc<Bells>,
}

impl Db {
    /// Opens the database. A missing SQLite file is made.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, or when PostgreSQL runs with settings that lose acknowledged writes.
    pub async fn connect(config: &DatabaseConfig) -> anyhow::Result<Self> {
        if config.url.starts_with("sqlite:") {
            let write = Database::connect(sqlite(&config.url, 1)).await.context("cannot open the SQLite writer")?;
            let read = Database::connect(sqlite(&config.url, config.max_connections.max(1))).await?;
            Ok(Self { write, read, bells: Arc::default() })
        } else {
            let pool = Database::connect(postgres(config)).await.context("cannot connect to PostgreSQL")?;
            let db = Self { write: pool.clone(), read: pool, bells: Arc::default() };
            db.refuse_unsafe_settings().await?;
            Ok(db)
        }
    }

    /// Starts a writing transaction. The only way to start one.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the database is down or too busy.
    pub async fn begin(&self) -> Result<Tx> {
        let mode = (self.backend() == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
        let on = self.write.begin_with_options(options).await?;
        Ok(Tx { on, reach: Reach::All, written: Written::default(), bells: self.bells.clone() })
    }

    /// What commits ring.
    pub(crate) fn bells(&self) -> &Bells {
        &self.bells
    }

    /// For reads of records outside a transaction, seeing only so far.
    #[must_use]
    pub fn within<'a>(&'a self, reach: &'a Reach) -> Reads<'a> {
        Reads { on: &self.read, reach }
    }

    /// For reads of records outside a transaction by the service itself: nobody's answer is made of them unseen.
    #[must_use]
    pub fn everything(&self) -> Reads<'_> {
        self.within(&Reach::All)
    }

    /// For reads outside a transaction.
    #[must_use]
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// For single statements that write by themselves: leases, claims, migrations.
    #[must_use]
    pub fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Which database it is.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.write.get_database_backend()
    }

    /// Asks the database whether it answers.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when it does not.
    pub async fn ping(&self) -> Result<()> {
        self.read.ping().await.map_err(|error| Error::new(reason::UNAVAILABLE).caused_by(error))
    }

    /// Closes all connections.
    pub async fn close(self) {
        let _ = self.read.close_by_ref().await;
        let _ = self.write.close_by_ref().await;
    }

    async fn refuse_unsafe_settings(&self) -> anyhow::Result<()> {
        for setting in ["fsync", "synchronous_commit"] {
            let statement = Statement::from_string(DbBackend::Postgres, format!("SHOW {setting}"));
            let row = self.write.query_one_raw(statement).await?.context("SHOW gave no row")?;
            let value: String = row.try_get_by_index(0)?;
            anyhow::ensure!(
                value != "off",
                "PostgreSQL runs with {setting} = off: acknowledged writes would be lost in a crash; turn it on"
            );
        }
        Ok(())
    }
}

fn sqlite(url: &str, connections: u32) -> ConnectOptions {
    use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(10))
        .sqlx_logging(false)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None);
    options.map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: an acknowledged write survives a power cut.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true)
            .pragma("cache_size", "-16000")
            .pragma("temp_store", "memory")
            .pragma("mmap_size", "134217728")
    });
    options
}

fn postgres(config: &DatabaseConfig) -> ConnectOptions {
    use sea_orm::sqlx::Connection as _;
    let mut options = ConnectOptions::new(&config.url);
    options
        .max_connections(config.max_connections.max(2))
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .sqlx_logging(false);
    options.map_sqlx_postgres_opts(|postgres| {
        postgres.options([
            ("statement_timeout", "10s"),
            ("lock_timeout", "2s"),
            ("idle_in_transaction_session_timeout", "10s"),
            // A query whose connection was closed ends by itself.
            ("client_connection_check_interval", "200ms"),
        ])
    });
    // Who asked may have gone in the midst of a query: nobody waits for that connection, and the server need not go on.
    options.map_sqlx_postgres_pool_opts(|pool| {
        pool.after_release(|connection, _| {
            Box::pin(async move { Ok(tokio::time::timeout(ABANDONED, connection.ping()).await.is_ok()) })
        })
    });
    options
}

/// A guarded write must hit exactly one row; otherwise somebody else was first.
///
/// # Errors
///
/// `CONFLICT` when no row was hit.
pub fn guarded(rows_affected: u64) -> Result<()> {
    if rows_affected == 1 { Ok(()) } else { Err(Error::new(reason::CONFLICT)) }
}
