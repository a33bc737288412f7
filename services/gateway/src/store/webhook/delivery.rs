//! Rows of deliveries and their tries.

use chrono::{DateTime, Utc};
use common::{
    db::{Db, Tx},
    error::{Error, Result},
    id::Ids,
    reach::Reach,
    service::Call,
    store::set,
};
use sea_orm::{
    Condition, ExprTrait as _, FromQueryResult as _, QueryOrder as _, QuerySelect as _, Statement, entity::prelude::*,
    sea_query::OnConflict,
};

use crate::domain::{
    feed::Change,
    webhook::{DeliveryId, Endpoint},
};

/// To be sent.
pub(crate) const PENDING: &str = "pending";
/// Taken by the endpoint.
pub(crate) const DELIVERED: &str = "delivered";
/// Tried for long enough.
pub(crate) const PARKED: &str = "parked";

/// Rows deleted by one statement.
const SLICE: i64 = 500;

/// The table `webhook_delivery`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One fact on its way to one endpoint.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook_delivery")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub endpoint_id: String,
        pub partner_id: String,
        /// The change's number: the order of deliveries of a case.
        pub number: i64,
        pub message_id: String,
        pub kind: String,
        pub case_id: String,
        pub payload: String,
        pub state: String,
        /// Tries in all.
        pub tries: i32,
        /// Tries since it was put down, or sent again on request.
        pub round_tries: i32,
        pub round_at: DateTimeUtc,
        pub next_try_at: DateTimeUtc,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl common::reach::Owned for Entity {
    fn within(reach: &Reach) -> Condition {
        within(reach)
    }
}

/// The table `webhook_attempt`.
pub(crate) mod attempt {
    use sea_orm::entity::prelude::*;

    /// One try.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook_attempt")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub delivery_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub attempt: i32,
        pub at: DateTimeUtc,
        pub status: i32,
        pub latency_ms: i32,
        pub error: String,
        pub snippet: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{ActiveModel, Column, Entity, Model};

/// The deliveries that somebody sees: all, or a partner's own.
pub(crate) fn within(reach: &Reach) -> Condition {
    super::owned(reach, Column::PartnerId)
}

/// Puts a change down for an endpoint. One that is there already is sent again, in its place.
pub(crate) async fn put_down(tx: &Tx, call: &Call, endpoint: &Endpoint, change: &Change, payload: &str) -> Result<()> {
    let id: DeliveryId = Ids::make(&call.ids, call.now);
    let row = ActiveModel {
        id: set(id.to_string()),
        endpoint_id: set(endpoint.id.to_string()),
        partner_id: set(endpoint.partner_id.clone()),
        number: set(change.number),
        message_id: set(change.event_id.clone()),
        kind: set(change.kind()),
        case_id: set(change.case().to_owned()),
        payload: set(payload.to_owned()),
        state: set(PENDING.to_owned()),
        tries: set(0),
        round_tries: set(0),
        round_at: set(call.now),
        next_try_at: set(call.now),
        created_at: set(call.now),
        updated_at: set(call.now),
    };
    let again = OnConflict::columns([Column::EndpointId, Column::Number])
        .update_columns([Column::State, Column::RoundTries, Column::RoundAt, Column::NextTryAt, Column::UpdatedAt])
        .to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// The delivery of that id, if the caller sees it.
pub(crate) async fn load(on: &impl ConnectionTrait, reach: &Reach, id: &DeliveryId) -> Result<Model> {
    let found = Entity::find_by_id(id.as_str().to_owned()).filter(within(reach)).one(on).await?;
    found.ok_or_else(|| Error::not_found("webhook_delivery", id))
}

/// Sends a delivery again, from the beginning.
pub(crate) async fn again(tx: &Tx, id: &str, now: DateTime<Utc>) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(PENDING))
        .col_expr(Column::RoundTries, Expr::value(0))
        .col_expr(Column::RoundAt, Expr::value(now))
        .col_expr(Column::NextTryAt, Expr::value(now))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Endpoints that have something due.
pub(crate) async fn due(on: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<String>> {
    let due = Column::State.eq(PENDING).and(Column::NextTryAt.lte(now));
    Ok(Entity::find().select_only().column(Column::EndpointId).distinct().filter(due).into_tuple().all(on).await?)
}

/// What an endpoint may be sent now: of every case the first that is pending, when it is due.
pub(crate) async fn heads(db: &Db, endpoint_id: &str, now: DateTime<Utc>, limit: usize) -> Result<Vec<Model>> {
    let sql = "SELECT d.* FROM webhook_delivery d \
               WHERE d.endpoint_id = $1 AND d.state = 'pending' AND d.next_try_at <= $2 \
               AND NOT EXISTS (SELECT 1 FROM webhook_delivery e WHERE e.endpoint_id = d.endpoint_id \
               AND e.case_id = d.case_id AND e.state = 'pending' AND e.number < d.number) \
               ORDER BY d.number LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = [endpoint_id.into(), now.into(), limit.into()];
    let rows = db.read().query_all_raw(Statement::from_sql_and_values(db.backend(), sql, values)).await?;
    Ok(rows.iter().map(|row| Model::from_query_result(row, "")).collect::<Result<_, DbErr>>()?)
}

/// What became of a delivery by one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is done, or given up.
    Over(&'static str),
    /// It is tried again.
    At(DateTime<Utc>),
}

/// Writes one try down.
pub(crate) async fn tried(tx: &Tx, delivery: &Model, attempt: attempt::ActiveModel, next: Next) -> Result<()> {
    let now =
        attempt.at.clone().into_value().ok_or_else(|| Error::internal(anyhow::anyhow!("a try without a time")))?;
    attempt::Entity::insert(attempt).exec_without_returning(tx).await?;
    let mut update = Entity::update_many()
        .col_expr(Column::Tries, Expr::value(delivery.tries + 1))
        .col_expr(Column::RoundTries, Expr::value(delivery.round_tries + 1))
        .col_expr(Column::UpdatedAt, Expr::value(now));
    update = match next {
        Next::Over(state) => update.col_expr(Column::State, Expr::value(state)),
        Next::At(at) => update.col_expr(Column::NextTryAt, Expr::value(at)),
    };
    // Somebody may have asked for it again meanwhile: then that round goes on.
    update
        .filter(Column::Id.eq(&*delivery.id))
        .filter(Column::RoundAt.eq(delivery.round_at))
        .filter(Column::RoundTries.eq(delivery.round_tries))
        .exec(tx)
        .await?;
    Ok(())
}

/// The last tries of some deliveries, the newest first.
pub(crate) async fn attempts(on: &impl ConnectionTrait, deliveries: Vec<String>) -> Result<Vec<attempt::Model>> {
    Ok(attempt::Entity::find()
        .filter(attempt::Column::DeliveryId.is_in(deliveries))
        .order_by_desc(attempt::Column::Attempt)
        .all(on)
        .await?)
}

/// Deletes deliveries that came to their end before an instant, with their tries.
pub(crate) async fn sweep(db: &Db, before: DateTime<Utc>) -> Result<()> {
    let old =
        "SELECT id FROM webhook_delivery WHERE updated_at < $1 AND state <> 'pending' ORDER BY updated_at LIMIT $2";
    loop {
        let tx = db.begin().await?;
        let mut deleted = 0;
        for sql in [
            format!("DELETE FROM webhook_attempt WHERE delivery_id IN ({old})"),
            format!("DELETE FROM webhook_delivery WHERE id IN ({old})"),
        ] {
            let statement = Statement::from_sql_and_values(db.backend(), sql, [before.into(), SLICE.into()]);
            deleted = tx.execute_raw(statement).await?.rows_affected();
        }
        tx.commit().await?;
        if deleted < SLICE.unsigned_abs() {
            return Ok(());
        }
    }
}
