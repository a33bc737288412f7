//! What the gateway does beside its calls.

use std::time::Duration;

use common::{handler, service::Worker, timer};
use tokio_util::sync::CancellationToken;

use crate::{exchange::jobs, notifications::send, service::Context, store, webhooks::deliver};

/// How often the feed is looked through for old changes.
const TRIM: Duration = Duration::from_secs(600);

/// What the timers do, by kind.
pub(crate) fn timers(ctx: &Context) -> Vec<(&'static str, timer::Handler)> {
    vec![(jobs::EXPIRE, handler!(ctx, jobs::expire))]
}

/// All of it.
pub(crate) fn workers(ctx: &Context) -> Vec<Worker> {
    vec![
        worker("feed", ctx, |ctx, stop| async move {
            ctx.hub.run(ctx.core.db.clone(), ctx.config.push.poll, stop).await;
        }),
        worker("feed.trim", ctx, trim),
        jobs::worker(ctx),
        worker("webhooks", ctx, deliver::run),
        worker("webhooks.sweep", ctx, deliver::sweep),
        worker("notifications", ctx, send::run),
    ]
}

fn worker<F>(
    name: &'static str,
    ctx: &Context,
    run: impl FnOnce(Context, CancellationToken) -> F + Send + 'static,
) -> Worker
where
    F: Future<Output = ()> + Send + 'static,
{
    let ctx = ctx.clone();
    Worker {
        name,
        run: Box::new(move |stop| {
            Box::pin(async move {
                run(ctx, stop).await;
                Ok(())
            })
        }),
    }
}

/// Deletes changes that are older than they are kept.
async fn trim(ctx: Context, stop: CancellationToken) {
    let kept = chrono::Duration::from_std(ctx.config.push.kept).unwrap_or(chrono::Duration::MAX);
    while !stop.is_cancelled() {
        if let Some(before) = ctx.core.clock.now().checked_sub_signed(kept)
            && let Err(error) = store::feed::trim(&ctx.core.db, before).await
        {
            tracing::warn!(%error, "old changes could not be deleted");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TRIM) => {}
        }
    }
}
