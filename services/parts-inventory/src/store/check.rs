//! `check-ledger`: proves on the live database that the books are right, without stopping anybody.

use std::{collections::BTreeMap, fmt};

use common::{error::Result, service::Core, store};
use sea_orm::{
    AccessMode, ColumnTrait as _, ConnectionTrait, DbBackend, EntityTrait as _, FromQueryResult, IsolationLevel,
    QueryFilter as _, Statement, TransactionOptions, TransactionTrait as _,
};

use super::{balance, reservation};
use crate::domain::location::{IN_TRANSIT, VIRTUAL};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A balance is not the sum of its ledger entries.
    Balance {
        /// The balance.
        balance_id: String,
        /// What it says.
        stored: i64,
        /// What the ledger says.
        ledger: i64,
    },
    /// A balance promises something else than its live reservations do.
    Reserved {
        /// The balance.
        balance_id: String,
        /// What it says.
        stored: i64,
        /// What the reservations say.
        promised: i64,
    },
    /// A movement does not have its two entries, or they are not those of the movement.
    Pair {
        /// The movement.
        movement_id: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Balance { balance_id, stored, ledger } => {
                write!(out, "balance {balance_id}: stored {stored}, ledger {ledger}")
            }
            Self::Reserved { balance_id, stored, promised } => {
                write!(out, "balance {balance_id}: reserved {stored}, live reservations {promised}")
            }
            Self::Pair { movement_id } => write!(out, "movement {movement_id}: not a pair"),
        }
    }
}

/// What the check saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Balances looked at.
    pub balances: i64,
    /// Movements looked at.
    pub movements: i64,
    /// Live reservations looked at.
    pub reservations: i64,
    /// All that is wrong.
    pub findings: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { balances, movements, reservations, findings } = self;
        write!(out, "{balances} balances, {movements} movements, {reservations} live reservations: ")?;
        if findings.is_empty() {
            return out.write_str("the books are right");
        }
        write!(out, "{} findings", findings.len())?;
        for finding in findings {
            write!(out, "\n  {finding}")?;
        }
        Ok(())
    }
}

#[derive(Debug, FromQueryResult)]
struct Sum {
    id: String,
    stored: i64,
    ledger: i64,
}

/// Looks at all of it in one snapshot.
///
/// # Errors
///
/// When the database does not answer.
pub async fn check_ledger(core: &Core) -> Result<Report> {
    let postgres = core.db.backend() == DbBackend::Postgres;
    let options = TransactionOptions {
        isolation_level: postgres.then_some(IsolationLevel::RepeatableRead),
        access_mode: postgres.then_some(AccessMode::ReadOnly),
        ..Default::default()
    };
    let snapshot = core.db.read().begin_with_options(options).await?;
    if postgres {
        snapshot.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
    }
    let mut report = Report {
        balances: count(&snapshot, "SELECT COUNT(*) AS n FROM stock_balance").await?,
        movements: count(&snapshot, "SELECT COUNT(*) AS n FROM stock_movement").await?,
        ..Report::default()
    };
    balances(&snapshot, &mut report).await?;
    pairs(&snapshot, &mut report).await?;
    promises(&snapshot, &mut report).await?;
    report.findings.sort();
    snapshot.rollback().await?;
    Ok(report)
}

async fn count(on: &impl ConnectionTrait, sql: &str) -> Result<i64> {
    let row = on.query_one_raw(Statement::from_string(on.get_database_backend(), sql)).await?;
    Ok(row.map(|row| row.try_get("", "n")).transpose()?.unwrap_or_default())
}

/// Every balance is the sum of its entries, and every entry of a kept place has its balance.
async fn balances(on: &impl ConnectionTrait, report: &mut Report) -> Result<()> {
    let far: Vec<_> = VIRTUAL.iter().filter(|(id, _)| *id != IN_TRANSIT).map(|(id, _)| format!("'{id}'")).collect();
    let sql = format!(
        "SELECT id, CAST(SUM(stored) AS BIGINT) AS stored, CAST(SUM(ledger) AS BIGINT) AS ledger FROM ( \
           SELECT id, on_hand AS stored, 0 AS ledger FROM stock_balance \
           UNION ALL \
           SELECT balance_id AS id, 0 AS stored, milli AS ledger FROM ledger_entry \
           WHERE location_id NOT IN ({}) \
         ) both_sides GROUP BY id HAVING SUM(stored) <> SUM(ledger)",
        far.join(", ")
    );
    let statement = Statement::from_string(on.get_database_backend(), sql);
    for row in on.query_all_raw(statement).await? {
        let Sum { id, stored, ledger } = Sum::from_query_result(&row, "")?;
        report.findings.push(Finding::Balance { balance_id: id, stored, ledger });
    }
    Ok(())
}

/// Every movement has one entry that leaves and one that arrives, of its own quantity and places; no entry is alone.
async fn pairs(on: &impl ConnectionTrait, report: &mut Report) -> Result<()> {
    let sql = "SELECT m.id AS id FROM stock_movement m \
                 LEFT JOIN ledger_entry e ON e.movement_id = m.id AND ( \
                   (e.side = -1 AND e.milli = -m.milli AND e.location_id = m.from_location_id) OR \
                   (e.side = 1 AND e.milli = m.milli AND e.location_id = m.to_location_id)) \
                 GROUP BY m.id HAVING COUNT(e.side) <> 2 \
               UNION SELECT e.movement_id AS id FROM ledger_entry e \
                 LEFT JOIN stock_movement m ON m.id = e.movement_id WHERE m.id IS NULL";
    let statement = Statement::from_string(on.get_database_backend(), sql);
    for row in on.query_all_raw(statement).await? {
        report.findings.push(Finding::Pair { movement_id: row.try_get("", "id")? });
    }
    Ok(())
}

/// What balances promise is what the live reservations hold.
async fn promises(on: &impl ConnectionTrait, report: &mut Report) -> Result<()> {
    let live = reservation::Entity::find().filter(reservation::Column::State.eq("reserved")).all(on).await?;
    let mut promised = BTreeMap::<String, i64>::new();
    for row in live {
        report.reservations += 1;
        for allocation in <reservation::Entity as store::Table>::record(row)?.allocations() {
            *promised.entry(allocation.balance_id.clone()).or_default() += allocation.milli;
        }
    }
    let reserving = balance::Entity::find().filter(balance::Column::Reserved.ne(0)).all(on).await?;
    for row in reserving {
        let expected = promised.remove(&row.id).unwrap_or_default();
        if expected != row.reserved {
            report.findings.push(Finding::Reserved { balance_id: row.id, stored: row.reserved, promised: expected });
        }
    }
    for (balance_id, promised) in promised {
        report.findings.push(Finding::Reserved { balance_id, stored: 0, promised });
    }
    Ok(())
}
