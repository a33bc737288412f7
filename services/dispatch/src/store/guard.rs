//! Keeps two assignments of one day from deciding at the same time.
//!
//! Every assignment first writes the row of each technician and service point day that it touches, in one fixed order, and
//! only then reads what is there. On PostgreSQL the second writer waits for the first one's commit and reads its visit; on
//! SQLite there is one writer anyway. So two overlapping visits never both find the technician free.

use chrono::{Duration, NaiveDate};
use common::{convert::Window, db::Tx, error::Result};
use sea_orm::{ConnectionTrait as _, Statement};

use crate::{
    convert::zone,
    domain::{service_point::ServicePoint, technician::Technician},
};

/// Visits closer than twice this to each other share a guarded day.
const MARGIN: Duration = Duration::hours(6);

/// Takes the days around the planned work, of everybody who goes, until the end of the transaction.
///
/// # Errors
///
/// `CONFLICT` when the other writer takes too long.
pub(crate) async fn hold(tx: &Tx, people: &[(Technician, ServicePoint)], planned: &Window) -> Result<()> {
    take(tx, rows(people, planned)?).await
}

/// The rows that an assignment of these people at that time writes.
pub(crate) fn rows(people: &[(Technician, ServicePoint)], planned: &Window) -> Result<Vec<(String, NaiveDate)>> {
    let mut rows = Vec::new();
    for (technician, point) in people {
        rows.push((point.id.to_string(), zone::local(&point.time_zone, planned.start)?.date()));
        let last = zone::local(&technician.time_zone, planned.end + MARGIN)?.date();
        let mut day = zone::local(&technician.time_zone, planned.start - MARGIN)?.date();
        while day <= last {
            rows.push((technician.id.to_string(), day));
            let Some(next) = day.succ_opt() else { break };
            day = next;
        }
    }
    Ok(rows)
}

/// Takes rows in the one order that everybody keeps, so that nobody waits in a circle.
///
/// # Errors
///
/// `CONFLICT` when the other writer takes too long.
pub(crate) async fn take(tx: &Tx, mut rows: Vec<(String, NaiveDate)>) -> Result<()> {
    rows.sort();
    rows.dedup();
    for (subject, day) in rows {
        touch(tx, subject, day).await?;
    }
    Ok(())
}

async fn touch(tx: &Tx, subject: String, day: NaiveDate) -> Result<()> {
    let sql = "INSERT INTO day_guard (subject, day, assignments) VALUES ($1, $2, 1) \
               ON CONFLICT (subject, day) DO UPDATE SET assignments = day_guard.assignments + 1";
    let statement =
        Statement::from_sql_and_values(tx.get_database_backend(), sql, [subject.into(), day.to_string().into()]);
    tx.execute_raw(statement).await?;
    Ok(())
}
