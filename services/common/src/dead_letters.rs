//! Events that a consumer could not handle, kept with their error until somebody asks for a replay. The events of one
//! aggregate wait behind the first of them, in order; other aggregates go on.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    EntityTrait as _, ExprTrait as _, QueryOrder as _, QuerySelect as _,
    entity::prelude::*,
    sea_query::OnConflict,
};

use crate::{
    db::{Db, Tx},
    error::Result,
};

/// Rows of the table `dead_letter`.
pub mod entity {
    use sea_orm::entity::prelude::*;

    /// One event that one consumer could not handle.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "dead_letter")]
    pub struct Model {
        /// Order of parking.
        #[sea_orm(primary_key)]
        pub id: i64,
        /// Who could not handle it.
        pub consumer: String,
        /// The event; its place on the bus when it could not even be decoded.
        pub event_id: String,
        /// Its aggregate; empty when it could not be decoded.
        pub aggregate_id: String,
        /// Version of the aggregate; 0 when it could not be decoded.
        pub aggregate_version: i64,
        /// The encoded event, as it came.
        pub envelope: Vec<u8>,
        /// Why, at the last try.
        pub error: String,
        /// Tries so far.
        pub deliveries: i32,
        /// When it was parked.
        pub parked_at: DateTimeUtc,
        /// When somebody asked for a replay; empty again once that replay failed.
        pub replay_requested_at: Option<DateTimeUtc>,
        /// When a replay succeeded.
        pub replayed_at: Option<DateTimeUtc>,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub use entity::Model as DeadLetter;
use entity::{Column, Entity};

/// Which dead letters are to be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// That event, and with it the others of its aggregate: they can only be handled in order.
    Event(&'a str),
    /// All of the consumer's.
    All,
}

/// What waits, oldest first.
///
/// # Errors
///
/// When the database does not answer.
pub async fn list(db: &Db) -> Result<Vec<DeadLetter>> {
    Ok(Entity::find().filter(Column::ReplayedAt.is_null()).order_by_asc(Column::Id).all(db.read()).await?)
}

/// Asks the running consumer to try again; says how many letters that are. It looks every second.
///
/// # Errors
///
/// When the database does not answer.
pub async fn replay(db: &Db, now: DateTime<Utc>, consumer: &str, which: Which<'_>) -> Result<u64> {
    let mut letters = Column::Consumer.eq(consumer).and(Column::ReplayedAt.is_null());
    if let Which::Event(event_id) = which {
        let event = letters.clone().and(Column::EventId.eq(event_id));
        let Some(letter) = Entity::find().filter(event.clone()).one(db.read()).await? else { return Ok(0) };
        letters = match &*letter.aggregate_id {
            "" => event,
            aggregate_id => letters.and(Column::AggregateId.eq(aggregate_id)),
        };
    }
    let asked = Entity::update_many()
        .col_expr(Column::ReplayRequestedAt, Expr::value(Some(now)))
        .filter(letters)
        .exec(db.write())
        .await?;
    Ok(asked.rows_affected)
}

/// An event to be parked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parked<'a> {
    pub(crate) consumer: &'a str,
    pub(crate) event_id: &'a str,
    pub(crate) aggregate_id: &'a str,
    pub(crate) aggregate_version: i64,
    pub(crate) envelope: &'a [u8],
    pub(crate) error: &'a str,
    pub(crate) deliveries: u32,
}

/// Parks an event; parking it again changes nothing. The inbox row of the aggregate must be locked.
pub(crate) async fn park(tx: &Tx, now: DateTime<Utc>, parked: Parked<'_>) -> Result<()> {
    // Behind letters that are being replayed it is replayed with them.
    let requested = waiting(parked.consumer, parked.aggregate_id).and(Column::ReplayRequestedAt.is_not_null());
    let joins = !parked.aggregate_id.is_empty() && Entity::find().filter(requested).one(tx).await?.is_some();
    let row = entity::ActiveModel {
        id: NotSet,
        consumer: Set(parked.consumer.to_owned()),
        event_id: Set(parked.event_id.to_owned()),
        aggregate_id: Set(parked.aggregate_id.to_owned()),
        aggregate_version: Set(parked.aggregate_version),
        envelope: Set(parked.envelope.to_vec()),
        error: Set(parked.error.to_owned()),
        deliveries: Set(i32::try_from(parked.deliveries).unwrap_or(i32::MAX)),
        parked_at: Set(now),
        replay_requested_at: Set(joins.then_some(now)),
        replayed_at: Set(None),
    };
    let known = OnConflict::columns([Column::Consumer, Column::EventId]).do_nothing().to_owned();
    let new = Entity::insert(row).on_conflict(known).exec_without_returning(tx).await?;
    metrics::counter!("aftercare_dead_letters_total", "consumer" => parked.consumer.to_owned()).increment(new);
    Ok(())
}

/// Whether an event of the aggregate waits here.
pub(crate) async fn blocks(on: &impl ConnectionTrait, consumer: &str, aggregate_id: &str) -> Result<bool> {
    Ok(!blocked(on, consumer, [aggregate_id.to_owned()].into()).await?.is_empty())
}

/// Which of these aggregates have an event that waits here.
pub(crate) async fn blocked(
    on: &impl ConnectionTrait,
    consumer: &str,
    ids: BTreeSet<String>,
) -> Result<BTreeSet<String>> {
    let of_them = Column::Consumer.eq(consumer).and(Column::AggregateId.is_in(ids)).and(Column::ReplayedAt.is_null());
    let waiting: Vec<String> = Entity::find()
        .select_only()
        .column(Column::AggregateId)
        .distinct()
        .filter(of_them)
        .into_tuple()
        .all(on)
        .await?;
    Ok(waiting.into_iter().collect())
}

/// Letters to be replayed, in the order of their aggregates.
pub(crate) async fn requested(db: &Db, consumer: &str, limit: u64) -> Result<Vec<DeadLetter>> {
    let rows = Entity::find()
        .filter(Column::Consumer.eq(consumer))
        .filter(Column::ReplayedAt.is_null())
        .filter(Column::ReplayRequestedAt.is_not_null())
        .order_by_asc(Column::AggregateId)
        .order_by_asc(Column::AggregateVersion)
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db.read())
        .await?;
    Ok(rows)
}

/// The letter was handled.
pub(crate) async fn replayed(tx: &Tx, id: i64, now: DateTime<Utc>) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::ReplayedAt, Expr::value(Some(now)))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// A replay failed: the letter and those behind it wait for the next request.
pub(crate) async fn failed_again(db: &Db, letter: &DeadLetter, error: &str) -> Result<()> {
    let mine = Column::Id.eq(letter.id);
    Entity::update_many()
        .col_expr(Column::Error, Expr::value(error))
        .col_expr(Column::Deliveries, Expr::value(letter.deliveries.saturating_add(1)))
        .filter(mine.clone())
        .exec(db.write())
        .await?;
    let behind = match &*letter.aggregate_id {
        "" => mine,
        aggregate_id => waiting(&letter.consumer, aggregate_id),
    };
    Entity::update_many()
        .col_expr(Column::ReplayRequestedAt, Expr::value(None::<DateTime<Utc>>))
        .filter(behind)
        .exec(db.write())
        .await?;
    Ok(())
}

/// How many letters of a consumer wait.
pub(crate) async fn count(db: &Db, consumer: &str) -> Result<u64> {
    let letters = Column::Consumer.eq(consumer).and(Column::ReplayedAt.is_null());
    Ok(Entity::find().filter(letters).count(db.read()).await?)
}

fn waiting(consumer: &str, aggregate_id: &str) -> Expr {
    Column::Consumer.eq(consumer).and(Column::AggregateId.eq(aggregate_id)).and(Column::ReplayedAt.is_null())
}
