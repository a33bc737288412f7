//! How each endpoint fares: since when it fails, and what of a replay is still to be put down.

use chrono::{DateTime, Utc};
use common::{db::Tx, error::Result, store::set};
use sea_orm::{Condition, ExprTrait as _, QuerySelect as _, entity::prelude::*, sea_query::OnConflict};

/// The table `webhook_lane`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One endpoint.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook_lane")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub endpoint_id: String,
        pub failing_since: Option<DateTimeUtc>,
        pub replay_after: Option<i64>,
        pub replay_until: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{ActiveModel, Column, Entity, Model};

/// Makes the row of a new endpoint.
pub(crate) async fn open(tx: &Tx, endpoint_id: &str) -> Result<()> {
    let row = ActiveModel {
        endpoint_id: set(endpoint_id.to_owned()),
        failing_since: set(None),
        replay_after: set(None),
        replay_until: set(None),
    };
    let known = OnConflict::column(Column::EndpointId).do_nothing().to_owned();
    Entity::insert(row).on_conflict(known).try_insert().exec_without_returning(tx).await?;
    Ok(())
}

/// How an endpoint fares.
pub(crate) async fn of(on: &impl ConnectionTrait, endpoint_id: &str) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(endpoint_id.to_owned()).one(on).await?)
}

/// How several fare.
pub(crate) async fn of_all(on: &impl ConnectionTrait, ids: Vec<String>) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::EndpointId.is_in(ids)).all(on).await?)
}

/// A try succeeded.
pub(crate) async fn well(tx: &Tx, endpoint_id: &str) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::FailingSince, Expr::value(None::<DateTime<Utc>>))
        .filter(Column::EndpointId.eq(endpoint_id).and(Column::FailingSince.is_not_null()))
        .exec(tx)
        .await?;
    Ok(())
}

/// A try failed. Says since when all have.
pub(crate) async fn ill(tx: &Tx, endpoint_id: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    Entity::update_many()
        .col_expr(Column::FailingSince, Expr::value(Some(now)))
        .filter(Column::EndpointId.eq(endpoint_id).and(Column::FailingSince.is_null()))
        .exec(tx)
        .await?;
    Ok(of(tx, endpoint_id).await?.and_then(|lane| lane.failing_since).unwrap_or(now))
}

/// Sets a replay: the changes behind one number, up to another. A replay under way is widened.
pub(crate) async fn replay(tx: &Tx, endpoint_id: &str, after: i64, until: i64) -> Result<()> {
    let before = of(tx, endpoint_id).await?;
    let after =
        before.as_ref().and_then(|lane| lane.replay_after).map_or(after, |under_way| Ord::min(under_way, after));
    set_replay(tx, endpoint_id, Some(after), Some(until)).await
}

/// Moves a replay on, or ends it.
pub(crate) async fn set_replay(tx: &Tx, endpoint_id: &str, after: Option<i64>, until: Option<i64>) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::ReplayAfter, Expr::value(after))
        .col_expr(Column::ReplayUntil, Expr::value(until))
        .filter(Column::EndpointId.eq(endpoint_id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Endpoints with a replay under way.
pub(crate) async fn replaying(on: &impl ConnectionTrait) -> Result<Vec<String>> {
    Ok(Entity::find()
        .select_only()
        .column(Column::EndpointId)
        .filter(Condition::all().add(Column::ReplayAfter.is_not_null()))
        .into_tuple()
        .all(on)
        .await?)
}
