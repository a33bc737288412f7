//! The ledger: movements are written once, and balances follow in the same transaction.
//!
//! Rows of balances are always locked in the order of their ids, so that no two bookings can wait for each other in a
//! circle; each row then changes by one conditional UPDATE that refuses to go below what is promised.

use chrono::{DateTime, Utc};
use common::{
    db::Tx,
    error::{Error, Result},
    service::Call,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
    sea_query::{CaseStatement, Expr, OnConflict},
};

use super::balance;
use crate::{
    domain::{
        MovementId,
        stock::{Move, Place, Touch, Touches, balance_id},
    },
    error,
};

/// Rows of the table `stock_movement`.
pub mod movement {
    use sea_orm::entity::prelude::*;

    /// One movement.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stock_movement")]
    pub struct Model {
        /// Id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// The part.
        pub part_id: String,
        /// Its SKU.
        pub sku: String,
        /// Batch or serial number.
        pub tracking: String,
        /// How much.
        pub milli: i64,
        /// Where from.
        pub from_location_id: String,
        /// In which condition.
        pub from_condition: String,
        /// Where to.
        pub to_location_id: String,
        /// In which condition.
        pub to_condition: String,
        /// Why.
        pub reason: String,
        /// Kind of the document.
        pub document_kind: String,
        /// The document.
        pub document_id: String,
        /// Who.
        pub actor_id: String,
        /// In which role.
        pub actor_role: String,
        /// For which organisation unit.
        pub actor_org_unit_id: String,
        /// When.
        pub at: DateTimeUtc,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Rows of the table `ledger_entry`.
pub mod entry {
    use sea_orm::entity::prelude::*;

    /// One side of one movement.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ledger_entry")]
    pub struct Model {
        /// The movement.
        #[sea_orm(primary_key, auto_increment = false)]
        pub movement_id: String,
        /// -1 for the place it left, 1 for the place it reached.
        #[sea_orm(primary_key, auto_increment = false)]
        pub side: i64,
        /// The balance, kept or not.
        pub balance_id: String,
        /// Its location.
        pub location_id: String,
        /// Negative where it left.
        pub milli: i64,
        /// When.
        pub at: DateTimeUtc,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Writes movements of one document and what they do to the balances.
///
/// # Errors
///
/// `INSUFFICIENT_STOCK`, `SERIAL_ON_HAND`.
pub async fn post(tx: &Tx, call: &Call, document: (&str, &str), moves: &[Move]) -> Result<()> {
    write(tx, call, document, moves, &Touches::of(moves)).await
}

/// As [`post`], with balances that also end promises.
///
/// # Errors
///
/// As [`post`].
pub async fn write(tx: &Tx, call: &Call, document: (&str, &str), moves: &[Move], touches: &Touches) -> Result<()> {
    apply(tx, touches, call.now).await?;
    if moves.is_empty() {
        return Ok(());
    }
    let mut movements = Vec::with_capacity(moves.len());
    let mut entries = Vec::with_capacity(2 * moves.len());
    for step in moves {
        let id = call.ids.make::<MovementId>(call.now).to_string();
        for (side, place) in [(-1, &step.from), (1, &step.to)] {
            entries.push(side_of(&id, side, step, place, call.now));
        }
        movements.push(movement::ActiveModel {
            id: Set(id),
            part_id: Set(step.line.part_id.clone()),
            sku: Set(step.line.sku.clone()),
            tracking: Set(step.line.tracking.clone()),
            milli: Set(step.line.milli),
            from_location_id: Set(step.from.location_id.clone()),
            from_condition: Set(step.from.condition.as_str().to_owned()),
            to_location_id: Set(step.to.location_id.clone()),
            to_condition: Set(step.to.condition.as_str().to_owned()),
            reason: Set(step.reason.as_str().to_owned()),
            document_kind: Set(document.0.to_owned()),
            document_id: Set(document.1.to_owned()),
            actor_id: Set(call.actor.id.clone()),
            actor_role: Set(call.actor.role.as_str().to_owned()),
            actor_org_unit_id: Set(call.actor.org_unit_id.clone()),
            at: Set(call.now),
        });
    }
    movement::Entity::insert_many(movements).exec_without_returning(tx).await?;
    entry::Entity::insert_many(entries).exec_without_returning(tx).await?;
    Ok(())
}

fn side_of(id: &str, side: i64, step: &Move, place: &Place, at: DateTime<Utc>) -> entry::ActiveModel {
    entry::ActiveModel {
        movement_id: Set(id.to_owned()),
        side: Set(side),
        balance_id: Set(balance_id(&step.line.part_id, place, &step.line.tracking)),
        location_id: Set(place.location_id.clone()),
        milli: Set(side * step.line.milli),
        at: Set(at),
    }
}

/// Changes balances: all of them, or an error, after which the transaction (or its savepoint) is to be rolled back.
///
/// # Errors
///
/// `INSUFFICIENT_STOCK` when a balance would fall below what is promised of it, `SERIAL_ON_HAND` when a piece with a
/// number would lie in two places.
pub async fn apply(tx: &Tx, touches: &Touches, now: DateTime<Utc>) -> Result<()> {
    let (growing, others): (Vec<_>, Vec<_>) = touches.0.iter().partition(|(_, touch)| touch.on_hand > 0);
    for (id, touch) in &growing {
        open(tx, id, touch, now).await?;
    }
    // With nothing growing, the updates themselves take the locks in order.
    if !growing.is_empty() && touches.0.len() > 1 {
        balance::Entity::find()
            .select_only()
            .column(balance::Column::Id)
            .filter(balance::Column::Id.is_in(touches.0.keys().cloned()))
            .order_by_asc(balance::Column::Id)
            .lock_exclusive()
            .into_tuple::<String>()
            .all(tx)
            .await?;
    }
    for (id, touch) in others {
        change(tx, id, touch, now).await?;
    }
    for (id, touch) in growing {
        if touch.serial {
            refuse_second_place(tx, touch).await?;
        }
        change(tx, id, touch, now).await?;
    }
    Ok(())
}

/// Makes the row of a balance that may not be there yet.
async fn open(tx: &Tx, id: &str, touch: &Touch, now: DateTime<Utc>) -> Result<()> {
    let row = balance::ActiveModel {
        id: Set(id.to_owned()),
        part_id: Set(touch.part_id.clone()),
        sku: Set(touch.sku.clone()),
        location_id: Set(touch.place.location_id.clone()),
        condition: Set(touch.place.condition.as_str().to_owned()),
        tracking: Set(touch.tracking.clone()),
        serial: Set(touch.serial),
        on_hand: Set(0),
        reserved: Set(0),
        since: Set(now),
        updated_at: Set(now),
    };
    balance::Entity::insert(row)
        .on_conflict(OnConflict::column(balance::Column::Id).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The one conditional statement by which stock changes.
async fn change(tx: &Tx, id: &str, touch: &Touch, now: DateTime<Utc>) -> Result<()> {
    use balance::Column;
    if touch.on_hand == 0 && touch.reserved == 0 {
        return Ok(());
    }
    let on_hand = || Expr::col(Column::OnHand).add(touch.on_hand);
    let reserved = || Expr::col(Column::Reserved).add(touch.reserved);
    let mut update = balance::Entity::update_many()
        .col_expr(Column::OnHand, on_hand())
        .col_expr(Column::Reserved, reserved())
        .col_expr(Column::UpdatedAt, Expr::value(now));
    if touch.on_hand > 0 {
        let since = CaseStatement::new().case(Expr::col(Column::OnHand).eq(0), now).finally(Expr::col(Column::Since));
        update = update.col_expr(Column::Since, since.into());
    }
    let changed =
        update.filter(Column::Id.eq(id)).filter(reserved().gte(0)).filter(on_hand().gte(reserved())).exec(tx).await?;
    if changed.rows_affected == 1 {
        return Ok(());
    }
    Err(Error::new(error::INSUFFICIENT_STOCK)
        .with("sku", &touch.sku)
        .with("location_id", &touch.place.location_id)
        .with("condition", touch.place.condition.as_str())
        .with("tracking", &touch.tracking)
        .with("quantity_milli", Ord::max(touch.reserved, -touch.on_hand)))
}

async fn refuse_second_place(tx: &Tx, touch: &Touch) -> Result<()> {
    use balance::Column;
    let elsewhere = balance::Entity::find()
        .filter(Column::PartId.eq(&touch.part_id))
        .filter(Column::Tracking.eq(&touch.tracking))
        .filter(Column::OnHand.gt(0))
        .count(tx)
        .await?;
    // The same number twice in one booking is two places as well.
    if elsewhere == 0 && touch.on_hand <= 1000 {
        return Ok(());
    }
    Err(Error::new(error::SERIAL_ON_HAND).with("sku", &touch.sku).with("serial", &touch.tracking))
}
