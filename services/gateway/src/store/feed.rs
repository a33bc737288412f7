//! Rows of the feed of changes.
//!
//! Their numbers come from one counter row that is moved on in the transaction which writes the change. Its lock is held
//! until the commit, so numbers become visible in their order and a number that was undone is given out again: who has
//! seen number n has all before it, and a reader may go on from its last number. (A sequence gives out its numbers before
//! the commit: such a cursor passes over what is committed late.)

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use common::{
    db::{Db, Tx},
    error::{Error, Result},
    store::set,
};
use sea_orm::{
    EntityTrait as _, QueryOrder as _, QuerySelect as _, Statement, entity::prelude::*, sea_query::OnConflict,
};

use crate::domain::feed::{Change, Place};

/// Changes deleted by one statement.
const SLICE: i64 = 1_000;

/// The table `change`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One change of one record of any service.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "change")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub event_id: String,
        pub service: String,
        pub record_kind: String,
        pub record_id: String,
        pub record_version: i64,
        pub fact: String,
        pub state: String,
        pub org_unit_id: String,
        pub technician_id: String,
        pub former_technician_id: String,
        pub partner_id: String,
        pub service_request_id: String,
        pub work_order_id: String,
        pub customer_id: String,
        pub occurred_at: DateTimeUtc,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `record_place`.
mod place {
    use sea_orm::entity::prelude::*;

    /// Where a record belongs.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "record_place")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub record_id: String,
        pub org_unit_id: String,
        pub technician_id: String,
        pub partner_id: String,
        pub service_request_id: String,
        pub customer_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{ActiveModel, Column, Entity, Model};

/// The first of the next so many numbers. Take them as late as possible: whoever else writes a change waits for this
/// transaction from here on.
pub(crate) async fn take_numbers(tx: &Tx, count: usize) -> Result<i64> {
    let count = i64::try_from(count).map_err(Error::internal)?;
    let sql = "UPDATE change_counter SET last = last + $1 WHERE id = 1 RETURNING last";
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [count.into()]);
    let row = tx.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| Error::internal(anyhow::anyhow!("the counter of changes is gone")))?;
    let last: i64 = row.try_get_by_index(0)?;
    Ok(last - count + 1)
}

/// Writes changes under their numbers.
pub(crate) async fn insert(tx: &Tx, changes: &[Change]) -> Result<()> {
    if !changes.is_empty() {
        Entity::insert_many(changes.iter().map(row)).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn row(change: &Change) -> ActiveModel {
    let Change { place, .. } = change.clone();
    ActiveModel {
        number: set(change.number),
        event_id: set(change.event_id.clone()),
        service: set(change.service.clone()),
        record_kind: set(change.record_kind.clone()),
        record_id: set(change.record_id.clone()),
        record_version: set(change.record_version),
        fact: set(change.fact.clone()),
        state: set(change.state.clone()),
        org_unit_id: set(place.org_unit_id),
        technician_id: set(place.technician_id),
        former_technician_id: set(change.former_technician_id.clone()),
        partner_id: set(place.partner_id),
        service_request_id: set(place.service_request_id),
        work_order_id: set(change.work_order_id.clone()),
        customer_id: set(place.customer_id),
        occurred_at: set(change.occurred_at),
        recorded_at: set(change.recorded_at),
    }
}

fn change(row: Model) -> Change {
    Change {
        number: row.number,
        event_id: row.event_id,
        service: row.service,
        record_kind: row.record_kind,
        record_id: row.record_id,
        record_version: row.record_version,
        fact: row.fact,
        state: row.state,
        place: Place {
            org_unit_id: row.org_unit_id,
            technician_id: row.technician_id,
            partner_id: row.partner_id,
            service_request_id: row.service_request_id,
            customer_id: row.customer_id,
        },
        former_technician_id: row.former_technician_id,
        work_order_id: row.work_order_id,
        occurred_at: row.occurred_at,
        recorded_at: row.recorded_at,
    }
}

/// The changes behind a number, in order.
pub(crate) async fn after(on: &impl ConnectionTrait, number: i64, limit: u64) -> Result<Vec<Change>> {
    let rows =
        Entity::find().filter(Column::Number.gt(number)).order_by_asc(Column::Number).limit(limit).all(on).await?;
    Ok(rows.into_iter().map(change).collect())
}

/// The number of the newest change; 0 before the first.
pub(crate) async fn newest(on: &impl ConnectionTrait) -> Result<i64> {
    let sql = "SELECT last FROM change_counter WHERE id = 1";
    let row = on.query_one_raw(Statement::from_string(on.get_database_backend(), sql)).await?;
    let row = row.ok_or_else(|| Error::internal(anyhow::anyhow!("the counter of changes is gone")))?;
    Ok(row.try_get_by_index(0)?)
}

/// The number of the oldest change that is kept, if any is.
pub(crate) async fn oldest(on: &impl ConnectionTrait) -> Result<Option<i64>> {
    let oldest: Option<Option<i64>> =
        Entity::find().select_only().column_as(Column::Number.min(), "oldest").into_tuple().one(on).await?;
    Ok(oldest.flatten())
}

/// The number behind which lies everything written since an instant; `None` when nothing was.
pub(crate) async fn before(on: &impl ConnectionTrait, since: DateTime<Utc>) -> Result<Option<i64>> {
    let first: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Number.min(), "first")
        .filter(Column::RecordedAt.gte(since))
        .into_tuple()
        .one(on)
        .await?;
    Ok(first.flatten().map(|first| first - 1))
}

/// Deletes what was written before an instant, the oldest first, and says how much that was.
pub(crate) async fn trim(db: &Db, before: DateTime<Utc>) -> Result<u64> {
    // Only the oldest rows are looked at: the rest is younger.
    let sql =
        "DELETE FROM change WHERE recorded_at < $1 AND number IN (SELECT number FROM change ORDER BY number LIMIT $2)";
    let mut deleted = 0;
    loop {
        let statement = Statement::from_sql_and_values(db.backend(), sql, [before.into(), SLICE.into()]);
        let slice = db.write().execute_raw(statement).await?.rows_affected();
        deleted += slice;
        if slice < SLICE.unsigned_abs() {
            return Ok(deleted);
        }
        tokio::task::yield_now().await;
    }
}

/// Where records belong, by id, as far as is known.
pub(crate) async fn places(on: &impl ConnectionTrait, record_ids: BTreeSet<String>) -> Result<HashMap<String, Place>> {
    if record_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = place::Entity::find().filter(place::Column::RecordId.is_in(record_ids)).all(on).await?;
    let place = |row: place::Model| Place {
        org_unit_id: row.org_unit_id,
        technician_id: row.technician_id,
        partner_id: row.partner_id,
        service_request_id: row.service_request_id,
        customer_id: row.customer_id,
    };
    Ok(rows.into_iter().map(|row| (row.record_id.clone(), place(row))).collect())
}

/// Keeps where records belong.
pub(crate) async fn keep_places(tx: &Tx, places: BTreeMap<String, Place>) -> Result<()> {
    use place::Column;
    if places.is_empty() {
        return Ok(());
    }
    let rows = places.into_iter().map(|(record_id, place)| place::ActiveModel {
        record_id: set(record_id),
        org_unit_id: set(place.org_unit_id),
        technician_id: set(place.technician_id),
        partner_id: set(place.partner_id),
        service_request_id: set(place.service_request_id),
        customer_id: set(place.customer_id),
    });
    let known = OnConflict::column(Column::RecordId)
        .update_columns([
            Column::OrgUnitId,
            Column::TechnicianId,
            Column::PartnerId,
            Column::ServiceRequestId,
            Column::CustomerId,
        ])
        .to_owned();
    place::Entity::insert_many(rows).on_conflict(known).exec_without_returning(tx).await?;
    Ok(())
}
