//! From a window to capacity: who could take it, whose time is given away, and what is still free when it is gone.

use common::{
    convert::Window,
    db::Tx,
    error::{Error, Result},
    service::Call,
};

use super::{
    horizon, learn_ways,
    placing::{Found, Place, Question, search},
    snapshot::Snapshot,
};
use crate::{
    Context,
    domain::{
        slot::SlotHold,
        work_order::{Asker, NewWindow, WorkOrder},
    },
    error::reason,
    store::{assess, slot_hold, work_order},
};

/// So many other windows are named when one is gone.
const ALTERNATIVES: usize = 5;

/// Everything that could be done for an order in some windows, by the present picture.
pub(crate) async fn look(
    ctx: &Context,
    call: &Call,
    order: &WorkOrder,
    windows: &[Window],
    without_hold: &str,
) -> Result<(std::sync::Arc<Snapshot>, Found)> {
    let picture = ctx.pictures.fresh(&ctx.core).await?;
    let first = windows.first().map_or(call.now, |window| window.start);
    learn_ways(ctx, &picture, order.request.position, first).await;
    let question = Question {
        order,
        windows,
        not_before: call.now,
        weights: &ctx.config.plan.weights,
        now: call.now,
        without_hold,
        reach: &call.reach,
    };
    let found = search(&picture, &ctx.ways.rules(), &question)?;
    Ok((picture, found))
}

/// The best way for each window, with the number of technicians who could serve it; best first, wishes counted.
pub(crate) fn ranked(found: Found, windows: &[Window], wishes: &[Window], wish: i64) -> Vec<(Place, usize, bool)> {
    let mut best: Vec<Option<(Place, usize, bool)>> = vec![None; windows.len()];
    for place in found.places {
        let preferred = wishes.iter().any(|wish| wish.overlaps(&windows[place.window]));
        let entry = &mut best[place.window];
        match entry {
            None => *entry = Some((place, 1, preferred)),
            Some((known, count, _)) => {
                *count += 1;
                let rank = |place: &Place| (place.cost(), place.planned.start);
                let better = rank(&place).cmp(&rank(known)).then_with(|| place.technicians.cmp(&known.technicians));
                if better.is_lt() {
                    *known = place;
                }
            }
        }
    }
    let mut slots: Vec<_> = best.into_iter().flatten().collect();
    slots.sort_by_key(|(place, _, preferred)| {
        let bonus = if *preferred { wish } else { 0 };
        (place.cost() - bonus, place.planned.start)
    });
    slots
}

/// The refusal of a window that is gone, with others that are free.
pub(crate) async fn taken(ctx: &Context, call: &Call, order: &WorkOrder, window: &Window) -> Result<Error> {
    let windows = horizon(ctx, call.now, None, 0)?;
    let (_, found) = look(ctx, call, order, &windows, "").await?;
    let free = ranked(found, &windows, &order.request.windows, ctx.config.slots.wish);
    let told: Vec<_> = free
        .iter()
        .filter(|(place, ..)| windows[place.window] != *window)
        .take(ALTERNATIVES)
        .map(|(place, ..)| span(&windows[place.window]))
        .collect();
    Ok(Error::new(reason::SLOT_TAKEN).with("window", span(window)).with("alternatives", told.join(", ")))
}

fn span(window: &Window) -> String {
    use chrono::SecondsFormat::Secs;
    format!("{}/{}", window.start.to_rfc3339_opts(Secs, true), window.end.to_rfc3339_opts(Secs, true))
}

/// What is asked of the rules for a hold or a place.
pub(crate) fn wish<'a>(
    technicians: &'a [String],
    window: Window,
    planned: Window,
    without_hold: &'a str,
) -> Result<assess::Wish<'a>> {
    let (lead, crew) = technicians.split_first().ok_or_else(|| Error::invalid("technician_id", "required"))?;
    Ok(assess::Wish {
        technician_id: lead,
        crew,
        window,
        planned,
        windows: &[],
        without_hold,
        overrides: Vec::new(),
        override_reason: String::new(),
    })
}

/// Gives the held time to the work order: its window becomes the customer's promise.
///
/// # Errors
///
/// What the rules say now: `TECHNICIAN_NOT_ELIGIBLE`, `ILLEGAL_TRANSITION`, `SLOT_EXPIRED`.
pub(crate) async fn take(
    ctx: &Context,
    call: &Call,
    tx: &Tx,
    order: WorkOrder,
    hold: SlotHold,
) -> Result<(WorkOrder, SlotHold)> {
    order.permit("reschedule")?;
    let technicians: Vec<String> = hold.technicians.iter().map(ToString::to_string).collect();
    let asked = wish(&technicians, hold.window, hold.planned, hold.id.as_str())?;
    let offer = assess::offer(ctx, call, tx, &order, asked).await?;
    let new =
        NewWindow { asked_by: Asker::Customer, reason: "slot_booked".to_owned(), window: hold.window, consent: None };
    let changed = order.reschedule(new, Some(offer), &ctx.policy, call.now)?;
    let order = work_order::save(tx, call, changed).await?;
    let hold = slot_hold::save(tx, call, hold.used_by(order.id.as_str(), call.now)?).await?;
    Ok((order, hold))
}

/// As [`take`], for a work order that was just made: what the rules no longer allow frees the time, and the window
/// stays the customer's wish.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn take_if_possible(
    ctx: &Context,
    call: &Call,
    tx: &Tx,
    order: WorkOrder,
    hold: SlotHold,
) -> Result<()> {
    let number = order.number.clone();
    match take(ctx, call, tx, order, hold.clone()).await {
        Ok(_) => Ok(()),
        Err(error) if error.reason == reason::TECHNICIAN_NOT_ELIGIBLE || error.reason == reason::SLOT_EXPIRED => {
            tracing::warn!(%error, work_order.number = number, "a booked window can no longer be kept");
            if hold.holds(call.now) {
                slot_hold::save(tx, call, hold.release("not_possible_any_more".to_owned(), call.now)?).await?;
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}
