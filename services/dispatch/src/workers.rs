//! What the timers of dispatch do. Each runs in the transaction that takes the timer away, so it acts once.

use common::{
    db::Tx,
    error::Result,
    handler,
    record::Changed,
    service::{Call, Worker},
    timer::{Handler, Timer},
};

use crate::{
    Context,
    domain::work_order::{Cause, WorkOrder},
    planning,
    store::{
        plan, slot_hold,
        work_order::{self, CONTACT, ESCALATION, LATE, OFFER},
    },
};

/// The handlers, by kind of timer.
pub(crate) fn timers(ctx: &Context) -> Vec<(&'static str, Handler)> {
    vec![
        (OFFER, handler!(ctx, offer)),
        (CONTACT, handler!(ctx, contact)),
        (LATE, handler!(ctx, late)),
        (ESCALATION, handler!(ctx, escalation)),
        (slot_hold::EXPIRY, handler!(ctx, hold_expiry)),
        (plan::WATCHDOG, handler!(ctx, plan_watchdog)),
    ]
}

/// Work that is done by the clock and not for one record: foreseeing who will be late.
pub(crate) fn workers(ctx: &Context) -> Vec<Worker> {
    let ctx = ctx.clone();
    vec![Worker {
        name: "dispatch-forecast",
        run: Box::new(move |stop| {
            Box::pin(async move {
                while !stop.is_cancelled() {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(ctx.config.board.forecast) => {}
                    }
                    if !stop.is_cancelled()
                        && let Err(error) = planning::forecast::run(&ctx).await
                    {
                        tracing::warn!(%error, "arrivals were not foreseen; tried again later");
                    }
                }
                Ok(())
            })
        }),
    }]
}

/// An offer ran out: it is taken back, counted and told to the dispatcher.
async fn offer(ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let Some(order) = work_order::find(tx, &timer.subject).await? else { return Ok(()) };
    let Some(changed) = order.expire_offer(call.now) else { return Ok(()) };
    let order = work_order::save(tx, call, changed).await?;
    let escalated = order.escalate(Cause::OfferExpired, &ctx.policy, call.now);
    work_order::save(tx, call, escalated).await?;
    Ok(())
}

/// The customer was not reached in time.
async fn contact(ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    apply(tx, call, timer, |order| order.miss_contact(&ctx.policy, call.now)).await
}

/// The window ended, and nobody is there.
async fn late(ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    apply(tx, call, timer, |order| order.miss_window(&ctx.policy, call.now)).await
}

/// Nobody booked what was held: the capacity is free again.
async fn hold_expiry(_ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let Some(hold) = slot_hold::find(tx, &timer.subject).await? else { return Ok(()) };
    if let Some(changed) = hold.expire(call.now) {
        slot_hold::save(tx, call, changed).await?;
    }
    Ok(())
}

/// The process that computed a plan is gone.
async fn plan_watchdog(_ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let Some(lost) = plan::find(tx, &timer.subject).await? else { return Ok(()) };
    if let Some(changed) = lost.fail("worker_lost", call.now) {
        plan::save(tx, call, changed).await?;
    }
    Ok(())
}

/// Nobody assigned it since the step before.
async fn escalation(ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    apply(tx, call, timer, |order| order.escalate_further(&ctx.policy, call.now)).await
}

async fn apply(
    tx: &Tx,
    call: &Call,
    timer: &Timer,
    rule: impl FnOnce(WorkOrder) -> Option<Changed<WorkOrder>>,
) -> Result<()> {
    let Some(order) = work_order::find(tx, &timer.subject).await? else { return Ok(()) };
    if let Some(changed) = rule(order) {
        work_order::save(tx, call, changed).await?;
    }
    Ok(())
}
