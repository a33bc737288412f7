//! Facts on their way out: written in the transaction of the change they tell of, published by one relay per service,
//! kept for a week so that a bus that forgot, or a consumer that missed something, can be served again.
//!
//! The relay never follows a cursor over ids: ids are given out before commit, so a cursor would pass over rows that
//! are committed late. It reads what is marked as unpublished, in the order of ids. Within one aggregate that is the
//! order of versions, because the guarded write of a version waits for the commit of the one before.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use prost::Message as _;
use proto::aftercare::common::v1::Event;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    EntityTrait as _, ExprTrait as _, QueryOrder as _, QuerySelect as _, Statement,
    entity::prelude::*,
};

use crate::{
    convert,
    db::{Db, Tx},
    error::{Error, Result},
};

mod relay;
mod republish;

pub use relay::Relay;
pub use republish::EventServer;

/// Rows of the table `outbox`.
pub mod entity {
    use sea_orm::entity::prelude::*;

    /// One event.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        /// Order of publishing.
        #[sea_orm(primary_key)]
        pub id: i64,
        /// Id of the event.
        pub event_id: String,
        /// Kind of the aggregate.
        pub aggregate_kind: String,
        /// Id of the aggregate.
        pub aggregate_id: String,
        /// Version of the aggregate since the event.
        pub aggregate_version: i64,
        /// The encoded `aftercare.common.v1.Event`.
        pub envelope: Vec<u8>,
        /// When it happened.
        pub created_at: DateTimeUtc,
        /// When it was published last; empty while it is to be published.
        pub published_at: Option<DateTimeUtc>,
        /// Where the bus had its tail after it was published, in a form that sorts.
        pub bus_ref: Option<String>,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{Column, Entity};

/// Rows changed by one statement of the housekeeping.
const SLICE: u64 = 500;

/// Adds an event to the outbox of the transaction.
///
/// # Errors
///
/// `CONFLICT` when the aggregate has an event of this version; `UNAVAILABLE` when the database does not answer.
pub async fn push(tx: &Tx, event: &Event) -> Result<()> {
    let row = entity::ActiveModel {
        id: NotSet,
        event_id: Set(event.id.clone()),
        aggregate_kind: Set(event.aggregate_kind.clone()),
        aggregate_id: Set(event.aggregate_id.clone()),
        aggregate_version: Set(event.aggregate_version),
        envelope: Set(event.encode_to_vec()),
        created_at: Set(convert::optional_instant(event.occurred_at.as_ref(), "occurred_at")?.unwrap_or_default()),
        published_at: Set(None),
        bus_ref: Set(None),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    tx.written.event();
    Ok(())
}

/// Every event kept, oldest first.
///
/// # Errors
///
/// When the database does not answer.
pub async fn all(db: &Db) -> Result<Vec<Event>> {
    let rows = Entity::find().order_by_asc(Column::Id).all(db.read()).await?;
    rows.iter().map(|row| Event::decode(row.envelope.as_slice()).map_err(Error::internal)).collect()
}

/// How much is waiting: rows, and since when the oldest of them waits.
///
/// # Errors
///
/// When the database does not answer.
pub async fn backlog(db: &Db) -> Result<(i64, Option<DateTime<Utc>>)> {
    let waiting = Entity::find()
        .select_only()
        .column_as(Column::Id.count(), "rows")
        .column_as(Column::CreatedAt.min(), "oldest")
        .filter(Column::PublishedAt.is_null())
        .into_tuple()
        .one(db.read())
        .await?;
    Ok(waiting.unwrap_or_default())
}

/// What is to be published, in order; `but` are the ids already on their way.
pub(crate) async fn unpublished(db: &Db, limit: usize, but: &BTreeSet<i64>) -> Result<Vec<entity::Model>> {
    let mut select = Entity::find().filter(Column::PublishedAt.is_null());
    if !but.is_empty() {
        select = select.filter(Column::Id.is_not_in(but.iter().copied()));
    }
    Ok(select.order_by_asc(Column::Id).limit(limit as u64).all(db.read()).await?)
}

/// Marks rows as published.
pub(crate) async fn mark(db: &Db, ids: &[i64], now: DateTime<Utc>, bus_ref: Option<&str>) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::PublishedAt, Expr::value(Some(now)))
        .col_expr(Column::BusRef, Expr::value(bus_ref.map(str::to_owned)))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .exec(db.write())
        .await?;
    Ok(())
}

/// The farthest tail of the bus that any kept row knows of.
pub(crate) async fn newest_ref(db: &Db) -> Result<Option<String>> {
    let newest: Option<Option<String>> =
        Entity::find().select_only().column_as(Column::BusRef.max(), "newest").into_tuple().one(db.read()).await?;
    Ok(newest.flatten())
}

/// The bus forgot all that came behind `bus_ref`: such rows are to be published again. Says how many.
pub(crate) async fn forget_above(db: &Db, bus_ref: &str) -> Result<u64> {
    let sql = "UPDATE outbox SET published_at = NULL, bus_ref = NULL \
               WHERE id IN (SELECT id FROM outbox WHERE bus_ref > $1 ORDER BY id LIMIT $2)";
    in_slices(db, sql, [bus_ref.into(), SLICE.cast_signed().into()]).await
}

/// Deletes rows published before `before`. Says how many.
pub(crate) async fn sweep(db: &Db, before: DateTime<Utc>) -> Result<u64> {
    // Only the oldest rows are looked at, so that a sweep with nothing to do costs nothing.
    let sql = "DELETE FROM outbox WHERE published_at < $1 AND id IN (SELECT id FROM outbox ORDER BY id LIMIT $2)";
    in_slices(db, sql, [before.into(), SLICE.cast_signed().into()]).await
}

async fn in_slices(db: &Db, sql: &str, values: [Value; 2]) -> Result<u64> {
    let mut changed = 0;
    loop {
        let statement = Statement::from_sql_and_values(db.backend(), sql, values.clone());
        let slice = db.write().execute_raw(statement).await?.rows_affected();
        changed += slice;
        if slice < SLICE {
            return Ok(changed);
        }
        tokio::task::yield_now().await;
    }
}

/// Marks the kept events of an aggregate, from a version on, to be published again. Answers how many events that are,
/// and the lowest version kept (0 when none is).
pub(crate) async fn republish(db: &Db, aggregate_id: &str, from_version: i64) -> Result<(u64, i64)> {
    let of_aggregate = Column::AggregateId.eq(aggregate_id);
    let oldest: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::AggregateVersion.min(), "oldest")
        .filter(of_aggregate.clone())
        .into_tuple()
        .one(db.read())
        .await?;
    let wanted = of_aggregate.and(Column::AggregateVersion.gte(from_version));
    Entity::update_many()
        .col_expr(Column::PublishedAt, Expr::value(None::<DateTime<Utc>>))
        .filter(wanted.clone().and(Column::PublishedAt.is_not_null()))
        .exec(db.write())
        .await?;
    // Those that were waiting anyway are on their way too.
    let events = Entity::find().filter(wanted).count(db.read()).await?;
    Ok((events, oldest.flatten().unwrap_or_default()))
}
