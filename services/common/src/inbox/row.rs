//! The inbox rows.

use chrono::{DateTime, Utc};
use proto::aftercare::common::v1::RecordVersion;
use sea_orm::{
    ActiveValue::Set, EntityTrait as _, QueryOrder as _, QuerySelect as _, entity::prelude::*, sea_query::OnConflict,
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
    let row = entity::ActiveModel {
        consumer: Set(consumer.to_owned()),
        aggregate_id: Set(aggregate_id.to_owned()),
        last_version: Set(0),
        updated_at: Set(now),
    };
    // An update that changes nothing of value is the portable lock.
    let locked =
        OnConflict::columns([Column::Consumer, Column::AggregateId]).update_column(Column::UpdatedAt).to_owned();
    Ok(Entity::insert(row).on_conflict(locked).exec_with_returning(tx).await?.last_version)
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
