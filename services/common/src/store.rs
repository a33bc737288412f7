//! Rows of aggregates: guarded writes with their history and event, and lists by key set. Every service's tables
//! go through here, so that no write can forget its guard, its history or its event.

use prost::{Message, Name};
use sea_orm::{
    ActiveValue, Condition, EntityTrait, ExprTrait as _, Iden as _, IntoActiveModel, ModelTrait, Order as Direction,
    PrimaryKeyTrait, QueryOrder as _, QuerySelect as _, Select, entity::prelude::*,
};

use crate::{
    db::{Tx, guarded},
    error::{Error, Result, reason},
    journal,
    page::{self, Cursor, Key},
    reach::{Owned, Reach, Scoped},
    record::{Changed, Record},
    service::Call,
};

/// A table of aggregates: the id and version columns, and the way between row and record.
pub trait Table: Owned
where
    <Self::PrimaryKey as PrimaryKeyTrait>::ValueType: From<String>,
{
    /// The aggregate.
    type Record: Record;
    /// The id column.
    const ID: Self::Column;
    /// The version column.
    const VERSION: Self::Column;

    /// All columns of a record; the body holds all of it.
    ///
    /// # Errors
    ///
    /// `INTERNAL` when the record cannot be written as JSON.
    fn row(record: &Self::Record) -> Result<Self::ActiveModel>;

    /// The record of a row.
    ///
    /// # Errors
    ///
    /// `INTERNAL` when the body is not this version's record.
    fn record(row: Self::Model) -> Result<Self::Record>;
}

/// The body column of a record.
///
/// # Errors
///
/// `INTERNAL` when the record cannot be written as JSON.
pub fn body(record: &impl Record) -> Result<serde_json::Value> {
    serde_json::to_value(record).map_err(Error::internal)
}

/// The record of a body column.
///
/// # Errors
///
/// `INTERNAL` when the body is not this version's record.
pub fn from_body<R: Record>(body: serde_json::Value) -> Result<R> {
    serde_json::from_value(body)
        .map_err(|error| Error::internal(anyhow::Error::new(error).context(format!("unreadable {}", R::KIND))))
}

/// Adds a new record as version 1, with its history and its event.
///
/// # Errors
///
/// `CONFLICT` when a unique column is taken; check beforehand for a better reason.
pub async fn insert<T, E>(
    tx: &Tx,
    call: &Call,
    mut record: T::Record,
    action: &'static str,
    why: &str,
    event: &E,
) -> Result<T::Record>
where
    T: Table,
    <T::PrimaryKey as PrimaryKeyTrait>::ValueType: From<String>,
    T::Model: IntoActiveModel<T::ActiveModel>,
    E: Message + Name,
{
    record.set_version(1);
    T::insert(T::row(&record)?).exec_without_returning(tx).await?;
    refuse_outside::<T>(tx, record.id()).await?;
    // The record itself is what a creation made.
    journal::record(tx, call, &record, (action, "", why), None, event).await?;
    Ok(record)
}

/// Saves a changed record as its next version, if nobody else did meanwhile, with its history and its event.
///
/// # Errors
///
/// `CONFLICT` when the record has changed since it was loaded.
pub async fn save<T, E>(tx: &Tx, call: &Call, changed: Changed<T::Record>, event: &E) -> Result<T::Record>
where
    T: Table,
    <T::PrimaryKey as PrimaryKeyTrait>::ValueType: From<String>,
    E: Message + Name,
{
    let Changed { mut record, action, from, reason: why } = changed;
    let loaded = record.version();
    let before = find::<T>(&tx.everything(), record.id()).await?.ok_or_else(|| Error::new(reason::CONFLICT))?;
    record.set_version(loaded + 1);
    let mut row = T::row(&record)?;
    // The id never changes; setting it would make SQLite touch every index.
    row.not_set(T::ID);
    let written =
        T::update_many().set(row).filter(T::ID.eq(record.id())).filter(T::VERSION.eq(loaded)).exec(tx).await?;
    guarded(written.rows_affected)?;
    // A technician hands a visit back by an action and a link's bearer never moves anything; units and partners are kept.
    if matches!(tx.reach(), Reach::Units(_) | Reach::Partner(_)) {
        refuse_outside::<T>(tx, record.id()).await?;
    }
    let diff = journal::diff::of(&body(&before)?, &body(&record)?);
    journal::record(tx, call, &record, (action, from, &why), diff, event).await?;
    Ok(record)
}

/// Nobody makes a record that its maker does not see, or moves one out of the own sight. The row itself is asked, so that
/// no rule can differ from that of the finders.
async fn refuse_outside<T>(tx: &Tx, id: &str) -> Result<()>
where
    T: Table,
    <T::PrimaryKey as PrimaryKeyTrait>::ValueType: From<String>,
{
    match tx.reach() {
        Reach::All | Reach::Link(_) | Reach::Nothing => Ok(()),
        reach @ (Reach::Units(_) | Reach::Technician { .. } | Reach::Partner(_) | Reach::Own(_)) => {
            match T::find_by_id(id.to_owned()).filter(T::within(reach)).one(tx).await? {
                None => Err(Error::new(reason::OUT_OF_REACH).with("record_kind", T::Record::KIND)),
                Some(_) => Ok(()),
            }
        }
    }
}

/// The record of that id, if there is one within the connection's reach.
///
/// # Errors
///
/// When the database does not answer.
pub async fn find<T>(on: &impl Scoped, id: &str) -> Result<Option<T::Record>>
where
    T: Table,
    <T::PrimaryKey as PrimaryKeyTrait>::ValueType: From<String>,
{
    T::find_by_id(id.to_owned()).filter(T::within(on.reach())).one(on).await?.map(T::record).transpose()
}

/// The record of that id. One beyond the connection's reach is not there.
///
/// # Errors
///
/// `NOT_FOUND`.
pub async fn load<T>(on: &impl Scoped, id: &str) -> Result<T::Record>
where
    T: Table,
    <T::PrimaryKey as PrimaryKeyTrait>::ValueType: From<String>,
{
    find::<T>(on, id).await?.ok_or_else(|| Error::not_found(T::Record::KIND, id))
}

/// One way to order a list: its public name and its column, which must never be null.
pub type Order<T> = (&'static str, <T as EntityTrait>::Column);

/// A page of a list, as far as the connection sees. `select` holds the filters; `orders` are the legal orders, the first one is the default
/// (ascending unless the request says `name desc`).
///
/// # Errors
///
/// `INVALID_PAGE_TOKEN`, `INVALID_ORDER`, `INVALID_FIELDS`.
pub async fn list<T, Q>(
    on: &impl Scoped,
    select: Select<T>,
    orders: &[Order<T>],
    request: &Q,
) -> Result<(Vec<T::Record>, String)>
where
    T: Table,
    <T::PrimaryKey as PrimaryKeyTrait>::ValueType: From<String>,
    Q: proto::Request + Name + Clone,
{
    let (rows, next) = list_rows(on, select, orders, T::ID, request).await?;
    Ok((rows.into_iter().map(T::record).collect::<Result<_>>()?, next))
}

/// As [`list`], for tables whose rows are not aggregates. `id` is a unique text column that breaks ties.
///
/// # Errors
///
/// As [`list`].
pub async fn list_rows<T, Q>(
    on: &impl Scoped,
    select: Select<T>,
    orders: &[Order<T>],
    id: T::Column,
    request: &Q,
) -> Result<(Vec<T::Model>, String)>
where
    T: Owned,
    Q: proto::Request + Name + Clone,
{
    let (column, direction) = order::<T>(orders, request.order_by())?;
    let size = page::size(request.page_size())?;
    let mut filters = request.clone();
    filters.clear_page();
    let print = page::fingerprint(on.reach(), &filters);
    let mut select = select.filter(T::within(on.reach()));
    if let Some(after) = page::open::<Cursor>(request.page_token(), &print)? {
        select = select.filter(beyond::<T>(column, id, &direction, &after));
    }
    let mut rows = select.order_by(column, direction.clone()).order_by(id, direction).limit(size + 1).all(on).await?;
    let more = rows.len() as u64 > size;
    rows.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let next = match rows.last().filter(|_| more) {
        Some(last) => page::seal(&cursor::<T>(last, column, id)?, &print),
        None => String::new(),
    };
    Ok((rows, next))
}

fn order<T: EntityTrait>(orders: &[Order<T>], wanted: &str) -> Result<(T::Column, Direction)> {
    let mut words = wanted.split_whitespace();
    let name = words.next();
    let direction = match words.next() {
        None | Some("asc") => Some(Direction::Asc),
        Some("desc") => Some(Direction::Desc),
        Some(_) => None,
    };
    let found = match name {
        None => orders.first(),
        Some(name) => orders.iter().find(|(legal, _)| *legal == name),
    };
    match (found, direction, words.next()) {
        (Some((_, column)), Some(direction), None) => Ok((*column, direction)),
        _ => {
            let legal: Vec<_> = orders.iter().map(|(name, _)| *name).collect();
            Err(Error::new(reason::INVALID_ORDER).with("order_by", wanted).with("allowed", legal.join(", ")))
        }
    }
}

fn beyond<T: EntityTrait>(column: T::Column, id: T::Column, direction: &Direction, after: &Cursor) -> Condition {
    let key = after.key.value();
    let (further, tie) = match direction {
        Direction::Desc => (column.lt(key.clone()), id.lt(after.id.clone())),
        _ => (column.gt(key.clone()), id.gt(after.id.clone())),
    };
    Condition::any().add(further).add(column.eq(key).and(tie))
}

fn cursor<T: EntityTrait>(row: &T::Model, column: T::Column, id: T::Column) -> Result<Cursor> {
    let fault = || Error::internal(anyhow::anyhow!("the column {} cannot order a list", column.unquoted()));
    let key = Key::of(row.get(column)).ok_or_else(fault)?;
    match Key::of(row.get(id)) {
        Some(Key::Text(id)) => Ok(Cursor { key, id }),
        _ => Err(fault()),
    }
}

/// `Set(value)`, shorter where a row has twenty columns.
pub fn set<V: Into<Value>>(value: V) -> ActiveValue<V> {
    ActiveValue::Set(value)
}
