//! Compensation granted by unit and month. Two approvals at once can never exceed the budget together: one conditional
//! UPDATE decides, so the amount has a real column.

use chrono::{DateTime, Utc};
use common::{
    db::Tx,
    error::{Error, Result},
    store::set,
};
use sea_orm::{ExprTrait as _, entity::prelude::*, sea_query::OnConflict};

use crate::error::COMPENSATION_BUDGET;

/// Rows of the table `compensation_budget`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One unit's month.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "compensation_budget")]
    pub(crate) struct Model {
        /// Unit and month, `ou_1|2026-03`.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Granted so far, in minor units.
        pub spent: i64,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Takes `amount` out of the unit's budget of the month of `now`.
///
/// # Errors
///
/// `COMPENSATION_BUDGET` when less is left.
pub(crate) async fn spend(tx: &Tx, org_unit_id: &str, amount: i64, budget: i64, now: DateTime<Utc>) -> Result<()> {
    use entity::{ActiveModel, Column, Entity};
    if amount <= 0 {
        return Ok(());
    }
    let id = format!("{org_unit_id}|{}", now.format("%Y-%m"));
    Entity::insert(ActiveModel { id: set(id.clone()), spent: set(0) })
        .on_conflict(OnConflict::column(Column::Id).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    let taken = Entity::update_many()
        .col_expr(Column::Spent, Expr::col(Column::Spent).add(amount))
        .filter(Column::Id.eq(id.clone()))
        .filter(Expr::col(Column::Spent).add(amount).lte(budget))
        .exec(tx)
        .await?;
    if taken.rows_affected == 1 {
        return Ok(());
    }
    let spent = Entity::find_by_id(id).one(tx).await?.map_or(0, |row| row.spent);
    Err(Error::new(COMPENSATION_BUDGET)
        .with("org_unit_id", org_unit_id)
        .with("left", budget - spent)
        .with("cost", amount))
}
