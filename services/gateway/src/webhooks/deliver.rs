//! Sends what is due. One replica serves an endpoint at a time, by a lease; of one endpoint several cases go out at once,
//! of one case always the first that is pending. Whatever is sent twice (a lease that was slept through, a crash between
//! the answer and the row) has the same message id.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use common::{error::Result, id::Ids, lease::Lease, service::Call};
use rand::RngExt as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    enqueue_again,
    sender::{Outcome, Post},
    signature,
};
use crate::{
    domain::webhook::{Endpoint, EndpointId, Why, retry},
    service::Context,
    store::{
        self,
        webhook::{
            self, delivery,
            delivery::{DELIVERED, Next, PARKED, attempt},
            lane,
        },
    },
};

/// Term of the lease of one endpoint: longer than a call may take.
const TERM: Duration = Duration::from_secs(40);
/// Changes that a replay looks through at once.
const REPLAY_PAGE: u64 = 200;
/// How often old deliveries are looked for.
const SWEEP: Duration = Duration::from_secs(3600);

/// Sends until it is stopped.
pub(crate) async fn run(ctx: Context, stop: CancellationToken) {
    let serving = Arc::new(Mutex::new(HashSet::<String>::new()));
    let mut tasks = JoinSet::new();
    while !stop.is_cancelled() {
        while tasks.try_join_next().is_some() {}
        match due(&ctx).await {
            Ok(endpoints) => {
                for id in endpoints {
                    if serving.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone()) {
                        let (ctx, stop, serving) = (ctx.clone(), stop.clone(), serving.clone());
                        tasks.spawn(async move {
                            if let Err(error) = serve(&ctx, &id, &stop).await {
                                tracing::warn!(%error, cause = ?error.cause(), endpoint = id, "webhooks wait");
                            }
                            serving.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                        });
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "webhooks wait: the database does not answer"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(ctx.config.webhooks.poll) => {}
        }
    }
    // Calls in work come to their end, within their time.
    while tasks.join_next().await.is_some() {}
}

async fn due(ctx: &Context) -> Result<HashSet<String>> {
    let db = ctx.core.db.read();
    let mut endpoints: HashSet<String> = delivery::due(db, ctx.core.clock.now()).await?.into_iter().collect();
    endpoints.extend(lane::replaying(db).await?);
    Ok(endpoints)
}

/// Serves one endpoint until nothing of it is due.
async fn serve(ctx: &Context, id: &str, stop: &CancellationToken) -> Result<()> {
    let holder = ctx.core.ids.uuid(ctx.core.clock.now()).simple().to_string();
    let mut lease = Lease::new(ctx.core.db.clone(), format!("webhook/{id}"), holder, TERM);
    if !lease.acquire().await? {
        return Ok(());
    }
    let served = served(ctx, id, stop, &mut lease).await;
    lease.release().await?;
    served
}

async fn served(ctx: &Context, id: &str, stop: &CancellationToken, lease: &mut Lease) -> Result<()> {
    let concurrency = ctx.config.webhooks.concurrency;
    while !stop.is_cancelled() && lease.keep().await? {
        let Some(endpoint) = active(ctx, id).await? else { return Ok(()) };
        replay(ctx, &endpoint).await?;
        let heads = delivery::heads(&ctx.core.db, id, ctx.core.clock.now(), concurrency).await?;
        if heads.is_empty() {
            return Ok(());
        }
        let sending = heads.iter().map(|head| one(ctx, &endpoint, head));
        futures::future::join_all(sending).await.into_iter().collect::<Result<()>>()?;
    }
    Ok(())
}

/// The endpoint, when it is to be called.
async fn active(ctx: &Context, id: &str) -> Result<Option<Endpoint>> {
    let endpoints = webhook::active(ctx.core.db.read()).await?;
    Ok(endpoints.into_iter().find(|endpoint| endpoint.id.as_str() == id))
}

/// Puts down the next part of a replay.
async fn replay(ctx: &Context, endpoint: &Endpoint) -> Result<()> {
    let id = endpoint.id.as_str();
    let call = Call::internal(&ctx.core, ctx.core.service, "webhook.replay");
    let tx = ctx.core.db.begin().await?;
    let Some(lane) = lane::of(&tx, id).await? else { return Ok(()) };
    let (Some(after), Some(until)) = (lane.replay_after, lane.replay_until) else { return Ok(()) };
    let changes = store::feed::after(&tx, after, REPLAY_PAGE).await?;
    let mut reached = until;
    for change in changes.iter().filter(|change| change.number <= until) {
        enqueue_again(&call, &tx, endpoint, change).await?;
    }
    if changes.len() as u64 == REPLAY_PAGE
        && let Some(last) = changes.last()
    {
        reached = last.number;
    }
    if reached >= until {
        lane::set_replay(&tx, id, None, None).await?;
    } else {
        lane::set_replay(&tx, id, Some(reached), Some(until)).await?;
    }
    tx.commit().await
}

/// Sends one delivery and writes down what came of it.
async fn one(ctx: &Context, endpoint: &Endpoint, head: &delivery::entity::Model) -> Result<()> {
    let outcome = send(ctx, endpoint, &head.message_id, &head.payload).await;
    metrics::counter!("aftercare_webhook_tries_total", "taken" => if outcome.taken() { "yes" } else { "no" })
        .increment(1);
    let now = ctx.core.clock.now();
    let next = if outcome.taken() {
        Next::Over(DELIVERED)
    } else {
        let tries = u32::try_from(head.round_tries + 1).unwrap_or(u32::MAX);
        let chance = rand::rng().random_range(0.0..1.0);
        retry::next(tries, head.round_at, now, chance, outcome.retry_after).map_or(Next::Over(PARKED), Next::At)
    };
    let row = attempt::ActiveModel {
        delivery_id: common::store::set(head.id.clone()),
        attempt: common::store::set(head.tries + 1),
        at: common::store::set(now),
        status: common::store::set(i32::from(outcome.status)),
        latency_ms: common::store::set(i32::try_from(outcome.latency.as_millis()).unwrap_or(i32::MAX)),
        error: common::store::set(outcome.error.to_owned()),
        snippet: common::store::set(outcome.snippet.clone()),
    };
    let tx = ctx.core.db.begin().await?;
    delivery::tried(&tx, head, row, next).await?;
    let why = fares(ctx, &tx, endpoint, &outcome).await?;
    if let Some(why) = why {
        let call = Call::internal(&ctx.core, ctx.core.service, "webhook.disable");
        // Somebody may have disabled it meanwhile.
        let present = webhook::load(&tx, &common::reach::Reach::All, &endpoint.id).await?;
        if let Ok(changed) = present.disable(why, now) {
            let disabled = webhook::save(&tx, &call, changed).await?;
            super::disabled(ctx, &call, &tx, &disabled, why).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Keeps how the endpoint fares; says whether, and why, it is to be disabled.
async fn fares(ctx: &Context, tx: &common::db::Tx, endpoint: &Endpoint, outcome: &Outcome) -> Result<Option<Why>> {
    if outcome.taken() {
        lane::well(tx, endpoint.id.as_str()).await?;
        return Ok(None);
    }
    let now = ctx.core.clock.now();
    let since = lane::ill(tx, endpoint.id.as_str(), now).await?;
    let patience = chrono::Duration::from_std(ctx.config.webhooks.disable_after).unwrap_or(chrono::Duration::MAX);
    Ok(if outcome.status == 410 {
        Some(Why::Gone)
    } else if now - since >= patience {
        Some(Why::Failing)
    } else {
        None
    })
}

/// Signs and sends one message.
pub(crate) async fn send(ctx: &Context, endpoint: &Endpoint, message_id: &str, payload: &str) -> Outcome {
    let now = ctx.core.clock.now();
    let headers = vec![
        ("webhook-id".to_owned(), message_id.to_owned()),
        ("webhook-timestamp".to_owned(), now.timestamp().to_string()),
        (
            "webhook-signature".to_owned(),
            signature::header(&ctx.config.webhooks.key, endpoint, message_id, now, payload),
        ),
    ];
    ctx.sender.send(&Post { url: endpoint.url.clone(), headers, body: payload.to_owned() }).await
}

/// A ping: it has no delivery, is tried once, and somebody waits for what comes of it.
pub(crate) async fn ping(ctx: &Context, call: &Call, endpoint: &Endpoint) -> Outcome {
    let id: EndpointId = endpoint.id.clone();
    let message = Ids::uuid(&call.ids, call.now).simple().to_string();
    let at = call.now.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let body = serde_json::json!({ "type": "ping", "timestamp": at, "data": { "endpointId": id.as_str() } });
    send(ctx, endpoint, &message, &body.to_string()).await
}

/// Deletes deliveries that came to their end long ago.
pub(crate) async fn sweep(ctx: Context, stop: CancellationToken) {
    let kept = chrono::Duration::from_std(ctx.config.webhooks.kept).unwrap_or(chrono::Duration::MAX);
    while !stop.is_cancelled() {
        if let Some(before) = ctx.core.clock.now().checked_sub_signed(kept)
            && let Err(error) = delivery::sweep(&ctx.core.db, before).await
        {
            tracing::warn!(%error, "old deliveries could not be deleted");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(SWEEP) => {}
        }
    }
}
