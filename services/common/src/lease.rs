//! A lease: one holder at a time, by the database's own clock. It is never a lock to rest correctness on: a holder
//! that sleeps through its term does not know it, so what is done under a lease must also be harmless when done twice.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use tokio::time::Instant;

use crate::{db::Db, error::Result};

/// A named lease, held or not.
#[derive(Debug)]
pub struct Lease {
    db: Db,
    name: String,
    holder: String,
    term: Duration,
    /// Until when it is surely ours, counted from before the database was asked.
    held_until: Option<Instant>,
}

impl Lease {
    /// The lease `name`, to be held by `holder` for `term` at a time.
    #[must_use]
    pub fn new(db: Db, name: impl Into<String>, holder: impl Into<String>, term: Duration) -> Self {
        Self { db, name: name.into(), holder: holder.into(), term, held_until: None }
    }

    /// Takes the lease when it is free or run out, renews it when it is ours; says whether it is ours now.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the database does not answer.
    pub async fn acquire(&mut self) -> Result<bool> {
        let asked = Instant::now();
        // "now" is the database's: the clocks of two replicas may differ by minutes.
        let (now, until) = match self.db.backend() {
            DbBackend::Sqlite => (
                "strftime('%Y-%m-%dT%H:%M:%f+00:00','now')",
                "strftime('%Y-%m-%dT%H:%M:%f+00:00','now', '+' || $3 || ' seconds')",
            ),
            _ => ("clock_timestamp()", "clock_timestamp() + $3::text::float8 * interval '1 second'"),
        };
        let sql = format!(
            "INSERT INTO lease (name, holder, expires_at) VALUES ($1, $2, {until}) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at \
             WHERE lease.holder = excluded.holder OR lease.expires_at < {now}"
        );
        let values =
            [self.name.clone().into(), self.holder.clone().into(), format!("{:.3}", self.term.as_secs_f64()).into()];
        let statement = Statement::from_sql_and_values(self.db.backend(), sql, values);
        let held = self.db.write().execute_raw(statement).await?.rows_affected() == 1;
        self.held_until = held.then(|| asked + self.term);
        Ok(held)
    }

    /// Renews the lease when a third of its term is over; says whether it is ours.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the database does not answer.
    pub async fn keep(&mut self) -> Result<bool> {
        match self.held_until {
            Some(until) if until.saturating_duration_since(Instant::now()) > self.term * 2 / 3 => Ok(true),
            Some(_) => self.acquire().await,
            None => Ok(false),
        }
    }

    /// Whether the lease is surely ours for a little longer.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held_until.is_some_and(|until| Instant::now() + self.term / 10 < until)
    }

    /// Gives the lease back, so that the next holder need not wait for its end.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the database does not answer.
    pub async fn release(&mut self) -> Result<()> {
        if self.held_until.take().is_some() {
            let sql = "DELETE FROM lease WHERE name = $1 AND holder = $2";
            let values = [self.name.clone().into(), self.holder.clone().into()];
            self.db.write().execute_raw(Statement::from_sql_and_values(self.db.backend(), sql, values)).await?;
        }
        Ok(())
    }
}
