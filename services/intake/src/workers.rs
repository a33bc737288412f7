//! What the timers do. Each fires once, with any number of replicas, in the transaction that takes it away.

use std::{collections::BTreeMap, time::Duration};

use common::{
    db::Tx,
    error::Result,
    handler,
    id::Id as _,
    service::{Call, Core, Worker},
    timer::{Handler, Timer},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Context,
    domain::{
        ContactId,
        attention::{self, Due},
        contact::PROMISE,
        request::{Action, Stage},
    },
    store,
};

/// How often open requests are counted.
const FIGURES: Duration = Duration::from_secs(30);

/// What each kind of timer does.
pub(crate) fn timers(context: &Context) -> Vec<(&'static str, Handler)> {
    vec![
        (store::service_request::ATTENTION, handler!(context, attend)),
        (store::contact::PROMISE, handler!(context, promise)),
    ]
}

/// What runs beside the RPCs.
pub(crate) fn workers(context: &Context) -> Vec<Worker> {
    let core = context.core.clone();
    vec![Worker { name: "intake.figures", run: Box::new(move |stop| Box::pin(figures(core, stop))) }]
}

/// Tells the dashboards how many requests are open, and how many of them are late.
async fn figures(core: Core, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        match store::service_request::count_open(core.db.read(), core.clock.now()).await {
            Ok((by_state, overdue)) => {
                let by_state: BTreeMap<String, i64> = by_state.into_iter().collect();
                // An empty state is told as 0, it does not fall silent.
                for stage in Stage::ALL.iter().filter(|stage| stage.is_open()) {
                    let open = by_state.get(stage.as_str()).copied().unwrap_or_default();
                    metrics::gauge!("aftercare_service_requests_open", "state" => stage.as_str()).set(open as f64);
                }
                metrics::gauge!("aftercare_service_requests_overdue").set(overdue as f64);
            }
            Err(error) => tracing::warn!(%error, "open requests could not be counted"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(FIGURES) => {}
        }
    }
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
