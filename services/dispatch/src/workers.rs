//! What the timers of dispatch do. Each runs in the transaction that takes the timer away, so it acts once.

use common::{
    db::Tx,
    error::Result,
    handler,
    record::Changed,
    service::Call,
    timer::{Handler, Timer},
};

use crate::{
    Context,
    domain::work_order::{Cause, WorkOrder},
    store::work_order::{self, CONTACT, ESCALATION, LATE, OFFER},
};

/// The handlers, by kind of timer.
pub(crate) fn timers(ctx: &Context) -> Vec<(&'static str, Handler)> {
    vec![
        (OFFER, handler!(ctx, offer)),
        (CONTACT, handler!(ctx, contact)),
        (LATE, handler!(ctx, late)),
        (ESCALATION, handler!(ctx, escalation)),
    ]
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
