//! What time brings: deadlines of complaints, checks of corrective actions, the authority's clocks. A timer that finds
//! nothing to do any more does nothing.

use common::{
    db::Tx,
    error::Result,
    handler,
    id::Id as _,
    service::Call,
    timer::{Handler, Timer},
};

use crate::{
    Context,
    domain::{ComplaintId, CorrectiveActionId, RegulatorCaseId},
    store::{self, complaint::DEADLINE, corrective::CHECK, regulator::CLOCK},
};

/// What this service's timers do.
pub(crate) fn timers(context: &Context) -> Vec<(&'static str, Handler)> {
    vec![
        (DEADLINE, handler!(context, deadline)),
        (CHECK, handler!(context, check)),
        (CLOCK, handler!(context, clock)),
    ]
}

/// Climbs one step; saving sets the timer of the next one.
async fn deadline(ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let complaint = store::complaint::load(tx, &ComplaintId::parse(&timer.subject)?).await?;
    match complaint.clone().escalate(&ctx.policy, call.now) {
        Some(changed) => store::complaint::save(tx, call, &ctx.policy, changed).await.map(|_| ()),
        // The timer rang before the step, for example after a changed configuration: ring again in time.
        None => store::wake(tx, DEADLINE, complaint.id.as_str(), complaint.wake_at(&ctx.policy)).await,
    }
}

/// Calls for the check of the effect.
async fn check(_ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let action = store::corrective::load(tx, &CorrectiveActionId::parse(&timer.subject)?).await?;
    match action.call_check(call.now) {
        Some(changed) => store::corrective::save(tx, call, changed).await.map(|_| ()),
        None => Ok(()),
    }
}

/// Tells of a clock that ran out.
async fn clock(_ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let case = store::regulator::load(tx, &RegulatorCaseId::parse(&timer.subject)?).await?;
    match case.overrun(call.now) {
        Some(changed) => store::regulator::save(tx, call, changed).await.map(|_| ()),
        None => Ok(()),
    }
}
