//! The life of a reservation in the database: the same few steps for RPCs, events of others and timers.

use chrono::{DateTime, TimeDelta, Utc};
use common::{
    db::Tx,
    error::{Error, Result, reason},
    record::Record as _,
    service::Call,
    store, timer,
};
use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use super::{debts, ledger, picking, reservation, tag_pattern};
use crate::{
    Context,
    domain::{
        Quantity, ReservationId,
        reservation::{Extra, Need, Outcome, Reservation, Settlement, Used, free, leave, settle},
        stock::Touches,
    },
    error,
};

/// Timer: the reservation's time runs out.
pub const EXPIRY: &str = "reservation_expiry";
/// Timer: stock came in, a waiting reservation is tried again.
pub const RETRY: &str = "reservation_retry";
/// Waiting reservations woken by one receipt.
const WOKEN: u64 = 500;

/// The reservation of a work order.
///
/// # Errors
///
/// When the database does not answer.
pub async fn of_work_order(tx: &Tx, work_order_id: &str) -> Result<Option<Reservation>> {
    let row = reservation::Entity::find().filter(reservation::Column::WorkOrderId.eq(work_order_id)).one(tx).await?;
    row.map(<reservation::Entity as store::Table>::record).transpose()
}

fn until(ctx: &Context, now: DateTime<Utc>) -> DateTime<Utc> {
    now + TimeDelta::from_std(ctx.config.reservations.lasts).unwrap_or_default()
}

/// Reserves for a work order; a repeat answers the reservation that is there.
///
/// # Errors
///
/// `RESERVATION_DIFFERS` when it has a live one of other lines, `ILLEGAL_TRANSITION` when the job is done.
pub async fn reserve(ctx: &Context, tx: &Tx, call: &Call, need: Need) -> Result<Reservation> {
    let existing = of_work_order(tx, &need.work_order_id).await?;
    if let Some(reservation) = &existing
        && reservation.answers(&need)?
    {
        return Ok(reservation.clone());
    }
    let outcome = picking::promise_all(tx, &need, call.now, until(ctx, call.now)).await?;
    let saved = match existing {
        Some(reservation) => {
            super::save::<reservation::Entity>(tx, call, reservation.reserve(need, outcome, call.now)?).await?
        }
        None => {
            let reservation = Reservation::new(ctx.core.ids.make::<ReservationId>(call.now), need, outcome, call.now);
            super::insert::<reservation::Entity>(tx, call, reservation, "reserve", "").await?
        }
    };
    set_timer(tx, &saved).await?;
    Ok(saved)
}

async fn set_timer(tx: &Tx, reservation: &Reservation) -> Result<()> {
    match reservation.expires_at() {
        Some(at) => timer::schedule(tx, EXPIRY, reservation.id(), at).await,
        None => timer::cancel(tx, EXPIRY, reservation.id()).await,
    }
}

/// Tries a waiting reservation again. One that is still short keeps what is known now.
///
/// # Errors
///
/// `ILLEGAL_TRANSITION`.
pub async fn retry(ctx: &Context, tx: &Tx, call: &Call, reservation: Reservation) -> Result<Reservation> {
    reservation.check("retry")?;
    let outcome = picking::promise_all(tx, &reservation.need, call.now, until(ctx, call.now)).await?;
    let saved = super::save::<reservation::Entity>(tx, call, reservation.retry(outcome, call.now)?).await?;
    set_timer(tx, &saved).await?;
    Ok(saved)
}

/// As [`retry`], for a timer: nothing is told unless all lines are there now.
///
/// # Errors
///
/// When the database does not answer.
pub async fn retry_quietly(ctx: &Context, tx: &Tx, call: &Call, id: &str) -> Result<()> {
    let Some(reservation) = store::find::<reservation::Entity>(tx, id).await? else { return Ok(()) };
    if reservation.state() != "short" {
        return Ok(());
    }
    let outcome = picking::promise_all(tx, &reservation.need, call.now, until(ctx, call.now)).await?;
    if let Outcome::Reserved(..) = outcome {
        let saved = super::save::<reservation::Entity>(tx, call, reservation.retry(outcome, call.now)?).await?;
        set_timer(tx, &saved).await?;
    }
    Ok(())
}

/// Makes it last longer.
///
/// # Errors
///
/// `EXPIRY_NOT_LATER`, `ILLEGAL_TRANSITION`.
pub async fn extend(tx: &Tx, call: &Call, reservation: Reservation, until: DateTime<Utc>) -> Result<Reservation> {
    let saved = super::save::<reservation::Entity>(tx, call, reservation.extend(until, call.now)?).await?;
    set_timer(tx, &saved).await?;
    Ok(saved)
}

/// Lets it go.
///
/// # Errors
///
/// `ILLEGAL_TRANSITION`.
pub async fn release(tx: &Tx, call: &Call, reservation: Reservation, why: &str) -> Result<Reservation> {
    let (changed, freed) = reservation.release(why, call.now)?;
    ledger::apply(tx, &free(&freed), call.now).await.map_err(overtaken)?;
    let saved = super::save::<reservation::Entity>(tx, call, changed).await?;
    set_timer(tx, &saved).await?;
    Ok(saved)
}

/// Its time has run out, if it has.
///
/// # Errors
///
/// When the database does not answer.
pub async fn expire(tx: &Tx, call: &Call, id: &str) -> Result<()> {
    let Some(reservation) = store::find::<reservation::Entity>(tx, id).await? else { return Ok(()) };
    if reservation.expires_at().is_none_or(|at| at > call.now) {
        return Ok(());
    }
    let (changed, freed) = reservation.expire(call.now)?;
    ledger::apply(tx, &free(&freed), call.now).await.map_err(overtaken)?;
    super::save::<reservation::Entity>(tx, call, changed).await?;
    Ok(())
}

/// Books what a done job used. Used pieces beyond the promise come out of other free stock; what none covers is kept
/// on the reservation for the warehouse to settle, because the job is done whatever the books say.
///
/// # Errors
///
/// `ILLEGAL_TRANSITION`, `CONFLICT` when stock moved meanwhile.
pub async fn consume(
    ctx: &Context,
    tx: &Tx,
    call: &Call,
    existing: Option<Reservation>,
    need: Need,
    used: Vec<Used>,
) -> Result<Reservation> {
    if let Some(reservation) = &existing {
        reservation.check("consume")?;
    }
    let promised = existing.as_ref().map(|reservation| reservation.allocations().to_vec()).unwrap_or_default();
    let Settlement { mut moves, mut touches, extra } = settle(&promised, &used);
    let mut uncovered = Vec::new();
    for Extra { quantity, tracking } in extra {
        let covered = picking::cover(tx, &need, &quantity, &tracking).await?;
        if covered.is_empty() {
            uncovered.push(quantity);
        }
        let leaving = leave(&covered);
        add_moves(&mut touches, &leaving);
        moves.extend(leaving);
    }
    let uncovered = Quantity::merged(&uncovered);
    let id = match &existing {
        Some(reservation) => reservation.id.clone(),
        None => ctx.core.ids.make::<ReservationId>(call.now),
    };
    ledger::write(tx, call, (Reservation::KIND, id.as_str()), &moves, &touches).await.map_err(overtaken)?;
    debts::open(&ctx.core, tx, call, &need, &used, ctx.config.old_parts.due_in).await?;
    match existing {
        Some(reservation) => {
            let changed = reservation.consume(used, uncovered, call.now)?;
            let saved = super::save::<reservation::Entity>(tx, call, changed).await?;
            set_timer(tx, &saved).await?;
            Ok(saved)
        }
        None => {
            let reservation = Reservation::direct(id, need, used, uncovered, call.now);
            super::insert::<reservation::Entity>(tx, call, reservation, "consume", "").await
        }
    }
}

fn add_moves(touches: &mut Touches, moves: &[crate::domain::stock::Move]) {
    for step in moves {
        touches.add(&step.line, &step.from, -step.line.milli, 0);
    }
}

/// Stock that a loaded reservation speaks of is only missing when somebody else was first: load again, decide again.
fn overtaken(error: Error) -> Error {
    if error.reason == error::INSUFFICIENT_STOCK { Error::new(reason::CONFLICT).caused_by(error) } else { error }
}

/// Has waiting reservations of these parts tried again, each in a transaction of its own: those of `work_order_id`
/// first, then in the order in which they came.
///
/// # Errors
///
/// When the database does not answer.
pub async fn wake(tx: &Tx, call: &Call, skus: &[&str], work_order_id: &str) -> Result<()> {
    use reservation::Column;
    let any = skus.iter().fold(Condition::any(), |any, sku| any.add(Column::ShortSkus.like(tag_pattern(sku))));
    let waiting: Vec<(String, String)> = reservation::Entity::find()
        .select_only()
        .column(Column::Id)
        .column(Column::WorkOrderId)
        .filter(Column::State.eq("short"))
        .filter(any)
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .limit(WOKEN)
        .into_tuple()
        .all(tx)
        .await?;
    let (first, rest): (Vec<_>, Vec<_>) =
        waiting.into_iter().partition(|(_, order)| !work_order_id.is_empty() && order == work_order_id);
    for (place, (id, _)) in first.into_iter().chain(rest).enumerate() {
        let turn = TimeDelta::milliseconds(i64::try_from(place).unwrap_or_default());
        timer::schedule(tx, RETRY, &id, call.now + turn).await?;
    }
    Ok(())
}
