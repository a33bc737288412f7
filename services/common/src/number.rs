//! Short human numbers, `WO-2026-000123`: per type and year, taken from the database in blocks so that no two
//! callers wait for each other. A restart leaves a gap; a number is never given twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Datelike as _, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{
    db::{Db, Tx},
    error::{Error, Result},
};

/// Numbers fetched at once.
const BLOCK: i64 = 20;

/// Gives out human numbers.
#[derive(Clone, Debug)]
pub struct Numbers {
    db: Db,
    left: Arc<Mutex<HashMap<String, std::ops::Range<i64>>>>,
}

impl Numbers {
    /// Numbers of this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, left: Arc::default() }
    }

    /// The next number of the type `prefix` in the year of `now`. Call it before a transaction, never inside one:
    /// on SQLite there is one writer, and it would wait for itself.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the database is down.
    pub async fn next(&self, prefix: &str, now: DateTime<Utc>) -> Result<String> {
        let series = format!("{prefix}-{}", now.year());
        if let Some(number) = self.take(&series) {
            return Ok(format!("{series}-{number:06}"));
        }
        let end = fetch(self.db.write(), self.db.backend(), &series, BLOCK).await?;
        let number = end - BLOCK + 1;
        self.left.lock().unwrap_or_else(PoisonError::into_inner).insert(series.clone(), number + 1..end + 1);
        Ok(format!("{series}-{number:06}"))
    }

    /// The next number inside a transaction that is open already: for what events and timers create. Rolled back, the
    /// same number comes again.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the database is down.
    pub async fn within(&self, tx: &Tx, prefix: &str, now: DateTime<Utc>) -> Result<String> {
        let series = format!("{prefix}-{}", now.year());
        let number = fetch(tx, self.db.backend(), &series, 1).await?;
        Ok(format!("{series}-{number:06}"))
    }

    fn take(&self, series: &str) -> Option<i64> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).get_mut(series)?.next()
    }
}

/// Moves a series on by `count` and gives the last number of the new block.
async fn fetch(on: &impl ConnectionTrait, backend: DbBackend, series: &str, count: i64) -> Result<i64> {
    let sql = "INSERT INTO number_series (series, last) VALUES ($1, $2) \
               ON CONFLICT (series) DO UPDATE SET last = number_series.last + $2 RETURNING last";
    let statement = Statement::from_sql_and_values(backend, sql, [series.into(), count.into()]);
    let row = on.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| Error::internal(anyhow::anyhow!("number_series gave no row")))?;
    Ok(row.try_get_by_index(0)?)
}
