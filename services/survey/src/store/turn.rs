//! When each customer was asked last. The row is the guard: two invitations of one customer cannot both go.

use chrono::{DateTime, Utc};
use common::{
    db::{Tx, guarded},
    error::{Error, Result},
    reach::Scoped,
    store::set,
};
use sea_orm::{entity::prelude::*, sea_query::OnConflict};

use crate::domain::{occasion::Trigger, turn::LastAsked};

/// One customer's turns.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "turn")]
pub struct Model {
    /// The customer.
    #[sea_orm(primary_key, auto_increment = false)]
    pub customer_id: String,
    /// How many turns were taken.
    pub version: i64,
    /// When each thing was asked last.
    pub last_asked: Json,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A customer's turns as they were when a decision was taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    /// When each thing was asked last.
    pub(crate) last: LastAsked,
    version: i64,
}

pub(crate) async fn load(on: &impl Scoped, customer_id: &str) -> Result<Turns> {
    let Some(row) = Entity::find_by_id(customer_id.to_owned()).one(on).await? else { return Ok(Turns::default()) };
    let last = serde_json::from_value(row.last_asked).map_err(Error::internal)?;
    Ok(Turns { last, version: row.version })
}

/// Takes a turn, if nobody took one since the decision.
///
/// # Errors
///
/// `CONFLICT` when somebody did: decide again.
pub(crate) async fn take(tx: &Tx, customer_id: &str, turns: Turns, trigger: Trigger, now: DateTime<Utc>) -> Result<()> {
    let mut last = turns.last;
    last.insert(trigger, now);
    let last = serde_json::to_value(last).map_err(Error::internal)?;
    let written = if turns.version == 0 {
        let row = ActiveModel { customer_id: set(customer_id.to_owned()), version: set(1), last_asked: set(last) };
        let taken = OnConflict::column(Column::CustomerId).do_nothing().to_owned();
        Entity::insert(row).on_conflict(taken).exec_without_returning(tx).await?
    } else {
        Entity::update_many()
            .col_expr(Column::Version, Expr::value(turns.version + 1))
            .col_expr(Column::LastAsked, Expr::value(last))
            .filter(Column::CustomerId.eq(customer_id))
            .filter(Column::Version.eq(turns.version))
            .exec(tx)
            .await?
            .rows_affected
    };
    guarded(written)
}
