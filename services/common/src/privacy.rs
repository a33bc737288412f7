//! What a service keeps about one person, and how it forgets it. A service says where such data lies ([`Place`]); the
//! rest is the same for all. Forgetting blanks what records say of a person and leaves the records, for their numbers. A
//! forgotten person stays forgotten: the id is kept, and whatever a late writer still brings is blanked by the next sweep.

mod answers;
mod blank;
mod server;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use proto::aftercare::common::v1::{ErasedRecords, ErasureReceipt, PersonalData, PersonalRecord};
use sea_orm::{ConnectionTrait, ExecResult, QueryResult, Statement, Value};

pub use self::{blank::Words, server::PrivacyServer};
use crate::{
    db::Db,
    error::{Error, Result},
    service::Core,
};

/// Where one kind of record lies that may say something about a person. All texts are SQL of both databases.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The kind, for example `service_request`.
    pub kind: &'static str,
    /// The table.
    pub table: &'static str,
    /// Condition of the rows of the person `$1`.
    pub of: &'static str,
    /// Expression for the rows that stop an erasure; empty when none does.
    pub open: &'static str,
    /// What the body says of a person; `None` when there is no body.
    pub body: Option<Words>,
    /// Columns that say something: their names, and what is left of them.
    pub columns: &'static [(&'static str, Left)],
    /// The expression of a row's id.
    pub id: &'static str,
    /// The column that says when it last changed; empty for none.
    pub changed: &'static str,
}

/// What is left of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The row is deleted with it.
    NoRow,
    /// An empty text.
    Nothing,
    /// NULL.
    Null,
    /// A code, when that is what stands there; otherwise nothing.
    Code,
}

/// The histories of all services: the reason may be in somebody's words.
pub const HISTORY: Place = Place {
    kind: "history",
    table: "history",
    of: "subject_id = $1",
    open: "",
    body: None,
    columns: &[("reason", Left::Code), ("changes", Left::Null)],
    id: "id",
    changed: "at",
};

/// One row, as far as it says something.
struct Row {
    id: String,
    body: Option<serde_json::Value>,
    columns: Vec<Option<String>>,
    open: bool,
    changed: Option<DateTime<Utc>>,
}

/// Everything the service keeps about one person.
///
/// # Errors
///
/// When the database does not answer.
pub async fn find(db: &Db, places: &[Place], subject: &str) -> Result<PersonalData> {
    let subjects = subjects(db, places, subject).await?;
    let mut records = Vec::new();
    for place in all(places) {
        for row in rows(db, &place, &subjects).await? {
            let mut data = row.body.unwrap_or_else(|| serde_json::json!({}));
            if let Some(object) = data.as_object_mut().filter(|object| object.is_empty()) {
                for ((name, _), value) in place.columns.iter().zip(row.columns) {
                    object.insert((*name).to_owned(), value.into());
                }
            }
            records.push(PersonalRecord { kind: place.kind.to_owned(), record_id: row.id, data: data.to_string() });
        }
    }
    Ok(PersonalData { subject_ids: subjects, records })
}

/// Forgets one person, or only says what that would be.
///
/// # Errors
///
/// `CONFLICT` when a record changes at the same moment; again helps.
pub async fn erase(core: &Core, places: &[Place], subject: &str, check_only: bool) -> Result<ErasureReceipt> {
    let db = &core.db;
    let subjects = subjects(db, places, subject).await?;
    if !check_only {
        // First: from here on the sweep knows, whatever happens to the rest.
        for subject in &subjects {
            remember(db, subject, core.clock.now()).await?;
        }
    }
    let mut kinds = Vec::new();
    let mut ids: BTreeSet<String> = subjects.iter().cloned().collect();
    for place in all(places) {
        let rows = rows(db, &place, &subjects).await?;
        let mut kind = ErasedRecords { kind: place.kind.to_owned(), ..ErasedRecords::default() };
        kind.records = count(rows.len());
        kind.open = count(rows.iter().filter(|row| row.open).count());
        kind.last_change_seconds =
            rows.iter().filter_map(|row| row.changed).max().map_or(0, |changed| changed.timestamp());
        for row in rows {
            let blanked = blank(db, &place, &row, check_only).await?;
            kind.blanked += i32::from(blanked);
            ids.insert(row.id);
        }
        kinds.push(kind);
    }
    let answers = answers::blank(db, &ids, check_only).await?;
    let events = answers::blank_events(db, &ids, check_only).await?;
    kinds.push(ErasedRecords { kind: "event".to_owned(), records: events, blanked: events, ..Default::default() });
    kinds.push(ErasedRecords { kind: "answer".to_owned(), records: answers, blanked: answers, ..Default::default() });
    Ok(ErasureReceipt { service: core.service.to_owned(), subject_ids: subjects, kinds })
}

/// Blanks again whatever was written about people who are forgotten: late events, calls that were under way.
///
/// # Errors
///
/// When the database does not answer.
pub async fn sweep(core: &Core, places: &[Place]) -> Result<()> {
    for subject in forgotten(&core.db).await? {
        erase(core, places, &subject, false).await?;
    }
    Ok(())
}

fn all(places: &[Place]) -> impl Iterator<Item = Place> {
    places.iter().copied().chain([HISTORY])
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The person's ids: rows whose own id counts as the person's are those of the first place that says so.
async fn subjects(db: &Db, places: &[Place], subject: &str) -> Result<Vec<String>> {
    let mut subjects = BTreeSet::from([subject.to_owned()]);
    for place in places.iter().filter(|place| place.kind == SUBJECT) {
        let mut open = vec![subject.to_owned()];
        while let Some(id) = open.pop() {
            let sql = format!("SELECT {} FROM {} WHERE {}", place.id, place.table, place.of);
            for row in query(db, &sql, vec![id.into()]).await? {
                let found: String = row.try_get_by_index(0)?;
                if subjects.insert(found.clone()) {
                    open.push(found);
                }
            }
        }
    }
    Ok(subjects.into_iter().collect())
}

/// The kind of the place whose rows are the persons themselves; merged ones lead from one to the next.
pub const SUBJECT: &str = "person";

async fn rows(db: &Db, place: &Place, subjects: &[String]) -> Result<Vec<Row>> {
    let body = if place.body.is_some() { "CAST(body AS TEXT)" } else { "NULL" };
    let open =
        if place.open.is_empty() { "0".to_owned() } else { format!("CASE WHEN {} THEN 1 ELSE 0 END", place.open) };
    let changed = if place.changed.is_empty() { "NULL".to_owned() } else { place.changed.to_owned() };
    let columns: String = place.columns.iter().map(|(name, _)| format!(", CAST({name} AS TEXT) AS {name}")).collect();
    let sql = format!(
        "SELECT {} AS id, {body} AS body, CAST({open} AS INTEGER) AS open, {changed} AS changed{columns} FROM {} WHERE {}",
        place.id, place.table, place.of
    );
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for subject in subjects {
        for row in query(db, &sql, vec![subject.clone().into()]).await? {
            let row = read(&row, place)?;
            if place.columns.first().is_some_and(|(_, left)| *left == Left::NoRow) || seen.insert(row.id.clone()) {
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

fn read(row: &QueryResult, place: &Place) -> Result<Row> {
    let body: Option<String> = row.try_get("", "body")?;
    let body = body.map(|text| serde_json::from_str(&text)).transpose().map_err(Error::internal)?;
    let columns = place.columns.iter().map(|(name, _)| row.try_get("", name)).collect::<Result<_, _>>()?;
    let changed = if place.changed.is_empty() { None } else { row.try_get("", "changed")? };
    let open: i32 = row.try_get("", "open")?;
    Ok(Row { id: row.try_get("", "id")?, body, columns, open: open == 1, changed })
}

async fn query(db: &Db, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>> {
    // From the writer: what was committed a moment ago is seen.
    Ok(db.write().query_all_raw(Statement::from_sql_and_values(db.backend(), sql, values)).await?)
}

async fn execute(db: &Db, sql: &str, values: Vec<Value>) -> Result<ExecResult> {
    Ok(db.write().execute_raw(Statement::from_sql_and_values(db.backend(), sql, values)).await?)
}

/// Blanks one row; says whether there was anything to blank.
async fn blank(db: &Db, place: &Place, row: &Row, check_only: bool) -> Result<bool> {
    let mut sets: Vec<(&str, Option<Value>)> = Vec::new();
    if let (Some(words), Some(body)) = (&place.body, &row.body) {
        let mut blanked = body.clone();
        words.blank(&mut blanked);
        if blanked != *body {
            sets.push(("body", Some(Value::Json(Some(Box::new(blanked))))));
        }
    }
    for ((name, left), value) in place.columns.iter().zip(&row.columns) {
        let Some(text) = value.as_ref().filter(|text| !text.is_empty()) else { continue };
        match left {
            Left::NoRow => {
                if !check_only {
                    let sql = format!("DELETE FROM {} WHERE {} = $1 AND {name} = $2", place.table, place.id);
                    execute(db, &sql, vec![row.id.clone().into(), text.clone().into()]).await?;
                }
                return Ok(true);
            }
            Left::Nothing => sets.push((name, Some(String::new().into()))),
            Left::Null => sets.push((name, None)),
            Left::Code if blank::is_code(text) => {}
            Left::Code => sets.push((name, Some(String::new().into()))),
        }
    }
    if sets.is_empty() {
        return Ok(false);
    }
    if !check_only {
        let mut values: Vec<Value> = Vec::new();
        let mut names = Vec::new();
        for (name, value) in sets {
            match value {
                Some(value) => {
                    values.push(value);
                    names.push(format!("{name} = ${}", values.len()));
                }
                None => names.push(format!("{name} = NULL")),
            }
        }
        values.push(row.id.clone().into());
        let sql = format!("UPDATE {} SET {} WHERE {} = ${}", place.table, names.join(", "), place.id, values.len());
        execute(db, &sql, values).await?;
    }
    Ok(true)
}

async fn remember(db: &Db, subject: &str, now: DateTime<Utc>) -> Result<()> {
    let sql = "INSERT INTO erasure (subject_id, erased_at) VALUES ($1, $2) ON CONFLICT (subject_id) DO NOTHING";
    execute(db, sql, vec![subject.to_owned().into(), now.into()]).await.map(|_| ())
}

/// Everybody who is forgotten.
///
/// # Errors
///
/// When the database does not answer.
pub async fn forgotten(db: &Db) -> Result<Vec<String>> {
    let statement = Statement::from_string(db.backend(), "SELECT subject_id FROM erasure ORDER BY subject_id");
    let rows = db.read().query_all_raw(statement).await?;
    rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

/// Whether that person is forgotten: nothing new is to be kept under the id.
///
/// # Errors
///
/// When the database does not answer.
pub async fn is_erased(on: &impl ConnectionTrait, subject: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM erasure WHERE subject_id = $1";
    let statement = Statement::from_sql_and_values(on.get_database_backend(), sql, [subject.into()]);
    Ok(on.query_one_raw(statement).await?.is_some())
}
