//! The inbox rows.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use proto::aftercare::common::v1::RecordVersion;
use sea_orm::{
    ActiveValue::Set, EntityTrait as _, ExprTrait as _, QueryOrder as _, QuerySelect as _, entity::prelude::*,
    sea_query::OnConflict,
};

use crate::{
    db::{Db, Tx},
    error::Result,
};

/// Rows of the table `inbox`.
pub(super) mod entity {
    use sea_orm::entity::prelude::*;

    /// How far one consumer has come with one aggregate.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "inbox")]
    pub struct Model {
        /// The consumer.
        #[sea_orm(primary_key, auto_increment = false)]
        pub consumer: String,
        /// The aggregate.
        #[sea_orm(primary_key, auto_increment = false)]
        pub aggregate_id: String,
        /// The last version handled; 0 before the first.
        pub last_version: i64,
        /// When.
        pub updated_at: DateTimeUtc,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{Column, Entity};

/// How far the consumer has come with the aggregate; 0 when it has not begun.
///
/// # Errors
///
/// When the database does not answer.
pub async fn last_version(db: &Db, consumer: &str, aggregate_id: &str) -> Result<i64> {
    let key = (consumer.to_owned(), aggregate_id.to_owned());
    Ok(Entity::find_by_id(key).one(db.read()).await?.map_or(0, |row| row.last_version))
}

/// How far the consumer has come with these aggregates; one that is missing has not begun.
pub(super) async fn last_versions(db: &Db, consumer: &str, ids: BTreeSet<String>) -> Result<HashMap<String, i64>> {
    let rows = Entity::find().filter(of(consumer, ids)).all(db.read()).await?;
    Ok(rows.into_iter().map(|row| (row.aggregate_id, row.last_version)).collect())
}

fn of(consumer: &str, ids: BTreeSet<String>) -> Expr {
    Column::Consumer.eq(consumer).and(Column::AggregateId.is_in(ids))
}

/// How far the consumer has come with every aggregate, by id, after one.
pub(crate) async fn heard(db: &Db, consumer: &str, after: &str, size: u64) -> Result<Vec<RecordVersion>> {
    let rows = Entity::find()
        .filter(Column::Consumer.eq(consumer))
        .filter(Column::AggregateId.gt(after))
        .order_by_asc(Column::AggregateId)
        .limit(size)
        .all(db.read())
        .await?;
    let version = |row: entity::Model| RecordVersion {
        record_id: row.aggregate_id,
        version: row.last_version,
        ..Default::default()
    };
    Ok(rows.into_iter().map(version).collect())
}

/// Locks the row until the transaction ends, so that replicas handle an aggregate one after the other, and reads it.
pub(super) async fn lock(tx: &Tx, consumer: &str, aggregate_id: &str, now: DateTime<Utc>) -> Result<i64> {
    let row = begun(consumer, aggregate_id, now);
    Ok(Entity::insert(row).on_conflict(locked()).exec_with_returning(tx).await?.last_version)
}

/// Locks several rows, in the order of their ids, so that two who do so wait for each other and no more.
pub(super) async fn lock_all(
    tx: &Tx,
    consumer: &str,
    ids: BTreeSet<String>,
    now: DateTime<Utc>,
) -> Result<HashMap<String, i64>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = ids.iter().map(|id| begun(consumer, id, now));
    let rows = Entity::insert_many(rows).on_conflict(locked()).exec_with_returning(tx).await?;
    Ok(rows.into_iter().map(|row| (row.aggregate_id, row.last_version)).collect())
}

fn begun(consumer: &str, aggregate_id: &str, now: DateTime<Utc>) -> entity::ActiveModel {
    entity::ActiveModel {
        consumer: Set(consumer.to_owned()),
        aggregate_id: Set(aggregate_id.to_owned()),
        last_version: Set(0),
        updated_at: Set(now),
    }
}

/// An update that changes nothing of value is the portable lock.
fn locked() -> OnConflict {
    OnConflict::columns([Column::Consumer, Column::AggregateId]).update_column(Column::UpdatedAt).to_owned()
}

/// Moves locked rows on by one version each.
pub(super) async fn advance_all(tx: &Tx, consumer: &str, ids: BTreeSet<String>) -> Result<()> {
    if !ids.is_empty() {
        Entity::update_many()
            .col_expr(Column::LastVersion, Expr::col(Column::LastVersion).add(1))
            .filter(of(consumer, ids))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Moves a locked row on.
pub(super) async fn advance(tx: &Tx, consumer: &str, aggregate_id: &str, version: i64) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::LastVersion, Expr::value(version))
        .filter(Column::Consumer.eq(consumer))
        .filter(Column::AggregateId.eq(aggregate_id))
        .exec(tx)
        .await?;
    Ok(())
}
