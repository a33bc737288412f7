//! What the timers do. Each fires once, with any number of replicas, in the transaction that takes it away.

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
    domain::{
        ContactId,
        attention::{self, Due},
        contact::PROMISE,
        request::Action,
    },
    store,
};

/// What each kind of timer does.
pub(crate) fn timers(context: &Context) -> Vec<(&'static str, Handler)> {
    vec![
        (store::service_request::ATTENTION, handler!(context, attend)),
        (store::contact::PROMISE, handler!(context, promise)),
    ]
}

/// The next thing that a request wants done: an escalation step, a quote that runs out, the closing. Saving it sets the
/// timer for the one after it.
async fn attend(ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let Some(request) = store::service_request::find(tx, &timer.subject).await? else { return Ok(()) };
    let deadlines = ctx.deadlines(&request, call.now);
    let Some((at, due)) = attention::next(&request, &deadlines, &ctx.rules.ladder, &ctx.rules.times) else {
        return Ok(());
    };
    if at > call.now {
        return common::timer::schedule(tx, store::service_request::ATTENTION, &timer.subject, at).await;
    }
    let (changed, code) = match due {
        Due::Escalate { target, step } => (request.escalate(&target, step, call.now)?, target),
        Due::ExpireQuote => (request.expire_quote(call.now)?, "quote_expired".to_owned()),
        Due::Close => (request.close("no_answer", call.now)?, "no_answer".to_owned()),
    };
    store::service_request::save(ctx, tx, call, changed, &code).await?;
    Ok(())
}

/// A promise that is not kept: the agent is reminded, then supervisor, manager and head office; the request it was
/// about tells of it.
async fn promise(ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let contact = store::contact::load(tx, &ContactId::parse(&timer.subject)?).await?;
    let Some((step, at)) = contact.attention(&ctx.rules.ladder) else { return Ok(()) };
    if at > call.now {
        return common::timer::schedule(tx, store::contact::PROMISE, &timer.subject, at).await;
    }
    let taken = contact.escalations.len();
    let contact = store::contact::save(ctx, tx, call, contact.escalate(step, call.now)).await?;
    let Some(id) = &contact.service_request_id else { return Ok(()) };
    let request = store::service_request::load(tx, id).await?;
    if request.can(Action::Escalate, call.now) {
        let steps = contact.escalations.get(taken..).unwrap_or_default().to_vec();
        let changed = request.tell(steps, PROMISE, call.now)?;
        store::service_request::save(ctx, tx, call, changed, PROMISE).await?;
    }
    Ok(())
}
