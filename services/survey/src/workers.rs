//! Time-driven work: invitations go out, are reminded of, run out or are called; what is overdue is marked. And the
//! questionnaires that a new installation starts with.

use std::time::Duration;

use common::{
    db::Tx,
    error::Result,
    handler,
    service::{Call, Worker},
    timer::{self, Timer},
};
use proto::aftercare::survey::v1::InvitationFact;

use crate::{
    Context,
    channel::Occasion as Told,
    domain::{
        invitation::{Invitation, State},
        occasion::Way,
        span,
        turn::{Verdict, decide},
    },
    store::{asking, callback, customer, follow_up, invitation, turn},
};

pub(crate) mod seed;

/// A planned invitation's time has come.
pub(crate) const SEND: &str = "invitation.send";
/// A sent one is to be reminded of.
pub(crate) const REMIND: &str = "invitation.remind";
/// A link runs out.
pub(crate) const EXPIRE: &str = "invitation.expire";
/// An unanswered one is to be called.
pub(crate) const CALL: &str = "invitation.call";
/// A callback should be done.
pub(crate) const CALLBACK_DUE: &str = "callback.due";
/// A follow-up should be closed.
pub(crate) const FOLLOW_UP_DUE: &str = "follow_up.due";

/// What the timers do, by kind.
pub(crate) fn timers(ctx: &Context) -> Vec<(&'static str, timer::Handler)> {
    vec![
        (SEND, handler!(ctx, send)),
        (REMIND, handler!(ctx, remind)),
        (EXPIRE, handler!(ctx, expire)),
        (CALL, handler!(ctx, call_unanswered)),
        (CALLBACK_DUE, handler!(ctx, callback_due)),
        (FOLLOW_UP_DUE, handler!(ctx, follow_up_due)),
    ]
}

/// Other work beside the RPCs.
pub(crate) fn workers(ctx: &Context) -> Vec<Worker> {
    let ctx = ctx.clone();
    vec![Worker {
        name: "survey.seed",
        run: Box::new(move |stop| {
            Box::pin(async move {
                while let Err(error) = seed::questionnaires(&ctx).await {
                    tracing::warn!(%error, cause = ?error.cause(), "the first questionnaires wait for the database");
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = tokio::time::sleep(Duration::from_secs(1)) => {}
                    }
                }
                stop.cancelled().await;
                Ok(())
            })
        }),
    }]
}

/// Asks, waits for the turn, or lets it be.
async fn send(ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let Some(planned) = invitation::find(tx, &timer.subject).await? else { return Ok(()) };
    let Some(me) = planned.waiting() else { return Ok(()) };
    let customer_id = planned.occasion.customer_id.clone();
    // Consent may have been taken back since it was planned.
    if customer::find(tx, &customer_id).await?.is_some_and(|customer| !customer.consent) {
        asking::suppress(call, tx, planned, "suppress", "no_consent").await?;
        return Ok(());
    }
    if ctx.rules.rest.holds(call.now) {
        return defer(ctx, call, tx, planned, call.now, "rest_hours").await;
    }
    let turns = turn::load(tx, &customer_id).await?;
    let others: Vec<_> = invitation::planned(tx, invitation::of_customer(&customer_id))
        .await?
        .iter()
        .filter(|other| other.id != planned.id)
        .filter_map(Invitation::waiting)
        .collect();
    match decide(call.now, &me, &others, &turns.last, span(ctx.config.invitations.cooldown)) {
        Verdict::Drop { reason } => asking::suppress(call, tx, planned, "suppress", reason).await.map(|_| ()),
        Verdict::Wait { at, reason } => defer(ctx, call, tx, planned, at, reason).await,
        Verdict::Go => {
            let invited = planned.clone();
            let asked = match planned.occasion.first_way(ctx.policy(planned.occasion.trigger)) {
                Way::Link => asking::send(ctx, call, tx, planned).await,
                Way::Callback => asking::open_callback(ctx, call, tx, planned).await.map(|_| ()),
            };
            match asked {
                Ok(()) => asking::take_turn(call, tx, &invited, turns).await,
                // Found out before anything was written.
                Err(error) if asking::nothing_to_ask(&error) => {
                    asking::suppress(call, tx, invited, "suppress", "no_questionnaire").await.map(|_| ())
                }
                Err(error) => Err(error),
            }
        }
    }
}

async fn defer(
    ctx: &Context,
    call: &Call,
    tx: &Tx,
    planned: Invitation,
    to: chrono::DateTime<chrono::Utc>,
    reason: &'static str,
) -> Result<()> {
    let to = ctx.rules.rest.next_allowed(to);
    let deferred = invitation::save(tx, call, InvitationFact::Planned, planned.defer(to, reason, call.now)?).await?;
    timer::schedule(tx, SEND, deferred.id.as_str(), to).await
}

/// Reminds once.
async fn remind(ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let Some(sent) = invitation::find(tx, &timer.subject).await? else { return Ok(()) };
    let open = matches!(sent.state, State::Sent { .. } | State::Started { .. });
    if !open || sent.asked().is_none_or(|asked| asked.reminded_at.is_some()) {
        return Ok(());
    }
    if ctx.rules.rest.holds(call.now) {
        let later = ctx.rules.rest.next_allowed(call.now);
        return timer::schedule(tx, REMIND, &timer.subject, later).await;
    }
    let reminded = invitation::save(tx, call, InvitationFact::Reminded, sent.remind(call.now)?).await?;
    asking::tell(ctx, &reminded, Told::Remind).await
}

/// Ends what nobody answered.
async fn expire(_ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let Some(sent) = invitation::find(tx, &timer.subject).await? else { return Ok(()) };
    if matches!(sent.state, State::Sent { .. } | State::Started { .. }) {
        invitation::save(tx, call, InvitationFact::Expired, sent.expire(call.now)?).await?;
        for kind in [REMIND, CALL] {
            timer::cancel(tx, kind, &timer.subject).await?;
        }
    }
    Ok(())
}

/// Has those called that leave the link unanswered.
async fn call_unanswered(ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let Some(sent) = invitation::find(tx, &timer.subject).await? else { return Ok(()) };
    let consent = customer::find(tx, &sent.occasion.customer_id).await?.is_none_or(|customer| customer.consent);
    if consent && matches!(sent.state, State::Sent { .. } | State::Started { .. }) {
        asking::open_callback(ctx, call, tx, sent).await?;
    }
    Ok(())
}

async fn callback_due(_ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let Some(open) = callback::find(tx, &timer.subject).await? else { return Ok(()) };
    if open.ended_at().is_none() && open.overdue_at.is_none() {
        callback::save(tx, call, open.mark_overdue(call.now)?).await?;
    }
    Ok(())
}

async fn follow_up_due(_ctx: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let Some(open) = follow_up::find(tx, &timer.subject).await? else { return Ok(()) };
    if open.closed_at().is_none() && open.overdue_at.is_none() {
        follow_up::save(tx, call, open.mark_overdue(call.now)?).await?;
    }
    Ok(())
}
