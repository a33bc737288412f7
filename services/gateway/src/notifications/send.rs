//! Sends what is due. One replica does, by a lease; each notification has one row that says what became of it.

use std::time::Duration;

use common::{
    db::Tx,
    error::{Error, Result},
    lease::Lease,
    record::Actor,
};
use proto::aftercare::intake::v1::{GetCustomerRequest, intake_service_client::IntakeServiceClient};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::{
    channel::Message,
    texts::{EMAIL, Place},
};
use crate::{
    domain::notification::{Audience, CHANNELS, Kind, Preferences, Words, find, next_try},
    service::Context,
    store::notification::{self, Fate, PARKED, PENDING, SENT, SUPPRESSED, entity::Model},
};

/// Term of the lease.
const TERM: Duration = Duration::from_secs(60);
/// Notifications taken at one look.
const BATCH: u64 = 50;

/// Sends until it is stopped.
pub(crate) async fn run(ctx: Context, stop: CancellationToken) {
    let holder = ctx.core.ids.uuid(ctx.core.clock.now()).simple().to_string();
    let mut lease = Lease::new(ctx.core.db.clone(), "notifications", holder, TERM);
    while !stop.is_cancelled() {
        let more = match round(&ctx, &mut lease, &stop).await {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!(%error, cause = ?error.cause(), "notifications wait");
                false
            }
        };
        let pause = if more { Duration::ZERO } else { ctx.config.notifications.poll };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    let _ = lease.release().await;
}

/// One look; says whether there may be more.
async fn round(ctx: &Context, lease: &mut Lease, stop: &CancellationToken) -> Result<bool> {
    if !lease.keep().await? && !lease.acquire().await? {
        return Ok(false);
    }
    let config = &ctx.config.notifications;
    let now = ctx.core.clock.now();
    let span = |length| chrono::Duration::from_std(length).unwrap_or(chrono::Duration::days(365));
    notification::expire(&ctx.core.db, now - span(config.stale_after), now).await?;
    notification::sweep(&ctx.core.db, now - span(config.kept)).await?;
    let due = notification::due(ctx.core.db.read(), now, BATCH).await?;
    for row in &due {
        if stop.is_cancelled() || !lease.keep().await? {
            return Ok(false);
        }
        one(ctx, row).await?;
    }
    Ok(due.len() as u64 == BATCH)
}

/// Sends one notification, or decides not to.
async fn one(ctx: &Context, row: &Model) -> Result<()> {
    let now = ctx.core.clock.now();
    let Some(kind) = find(&row.kind) else {
        return keep(ctx, vec![row.id.clone()], suppressed("unknown_kind")).await;
    };
    let mut words: Words = serde_json::from_str(&row.words).map_err(Error::internal)?;
    let mut ids = vec![row.id.clone()];
    if kind.digest {
        // All that waits goes along; a row that went along with one before is not pending any more.
        let waiting = notification::waiting(ctx.core.db.read(), kind.name, &row.recipient_id).await?;
        if !waiting.iter().any(|one| one.id == row.id) {
            return Ok(());
        }
        let lines = waiting.iter().filter_map(|one| serde_json::from_str::<Words>(&one.words).ok()?.remove("line"));
        let lines: Vec<String> = lines.collect();
        words = Words::from([("count".to_owned(), lines.len().to_string()), ("lines".to_owned(), lines.join("\n"))]);
        ids = waiting.into_iter().map(|one| one.id).collect();
    }
    if !kind.urgent {
        let allowed = ctx.notifications.quiet.next_allowed(now);
        if allowed > now {
            let later = Fate { next_try_at: Some(allowed), ..fate(PENDING, "", "quiet_hours") };
            return keep(ctx, ids, later).await;
        }
    }
    let fate = match recipients(ctx, kind, row).await? {
        Ok(recipients) => deliver(ctx, kind, row, &recipients, &words).await?,
        Err(why) => suppressed(why),
    };
    keep(ctx, ids, fate).await
}

/// Where one recipient can be reached.
struct Recipient {
    language: &'static str,
    /// Channel and address, the preferred first.
    ways: Vec<(&'static str, String)>,
}

/// Who gets it, or why nobody does.
async fn recipients(ctx: &Context, kind: &Kind, row: &Model) -> Result<Result<Vec<Recipient>, &'static str>> {
    let config = &ctx.config.notifications;
    let staff = |addresses: &[String]| {
        let one = |address: &String| Recipient {
            language: ctx.notifications.staff_language,
            ways: vec![(EMAIL, address.clone())],
        };
        let all: Vec<Recipient> = addresses.iter().map(one).collect();
        if all.is_empty() { Err("no_contact") } else { Ok(all) }
    };
    match kind.audience {
        Audience::Operators => Ok(staff(&config.operators)),
        Audience::Unit => {
            let of_unit = config.units.get(&row.recipient_id).or_else(|| config.units.get("*"));
            Ok(staff(of_unit.map(Vec::as_slice).unwrap_or_default()))
        }
        Audience::Customer => customer(ctx, kind, row).await,
    }
}

/// A customer, as intake knows how to reach them at this moment.
async fn customer(ctx: &Context, kind: &Kind, row: &Model) -> Result<Result<Vec<Recipient>, &'static str>> {
    let db = ctx.core.db.read();
    let now = ctx.core.clock.now();
    if row.recipient_id.is_empty() {
        return Ok(Err("no_contact"));
    }
    let preferences = notification::preferences(db, &row.recipient_id).await?.unwrap_or_default();
    if preferences.mutes(kind) {
        return Ok(Err("opted_out"));
    }
    if !kind.urgent {
        let midnight = ctx.notifications.quiet.midnight(now);
        if notification::sent_since(db, &row.recipient_id, midnight).await? >= ctx.config.notifications.per_day {
            return Ok(Err("too_many"));
        }
    }
    let actor = Actor::service(ctx.core.service);
    let mut intake = IntakeServiceClient::new(ctx.core.way("intake", &actor, common::catalog::Language::English)?);
    let asked = GetCustomerRequest { customer_id: row.recipient_id.clone() };
    let file = match intake.get_customer(asked).await {
        Ok(answer) => answer.into_inner(),
        Err(status) if matches!(status.code(), Code::NotFound | Code::InvalidArgument) => return Ok(Err("no_contact")),
        Err(status) => return Err(Error::new(common::error::reason::UNAVAILABLE).caused_by(status)),
    };
    let phone = file.phones.iter().find(|phone| phone.primary).or(file.phones.first());
    let phone = phone.map(|phone| phone.number.clone()).unwrap_or_default();
    let email = file.emails.first().cloned().unwrap_or_default();
    let ways = CHANNELS.into_iter().filter_map(|channel| {
        let address = if channel == EMAIL { &email } else { &phone };
        (!address.is_empty()).then(|| (channel, address.clone()))
    });
    let language = if file.language.starts_with("en") { "en" } else { "zh-CN" };
    Ok(Ok(vec![Recipient { language, ways: wanted(ways, &preferences) }]))
}

fn wanted(
    ways: impl Iterator<Item = (&'static str, String)>,
    preferences: &Preferences,
) -> Vec<(&'static str, String)> {
    ways.filter(|(channel, _)| !preferences.mutes_channel(channel)).collect()
}

/// Sends to everybody, each by the first of their ways that is there.
async fn deliver(
    ctx: &Context,
    kind: &'static Kind,
    row: &Model,
    recipients: &[Recipient],
    words: &Words,
) -> Result<Fate> {
    let channels = &ctx.notifications.channels;
    if recipients.iter().all(|recipient| recipient.ways.is_empty()) {
        return Ok(suppressed("no_contact"));
    }
    let mut taken = None;
    let mut failed = None;
    for recipient in recipients {
        let way = recipient.ways.iter().find_map(|(name, to)| channels.get(name).map(|channel| (*name, channel, to)));
        let Some((name, channel, to)) = way else { continue };
        let place = Place { kind, language: recipient.language, channel: name };
        let (text, _) = ctx.notifications.texts.present(ctx.core.db.read(), place).await?;
        let filled = text.filled(words);
        let message = Message {
            id: row.id.clone(),
            kind: kind.name,
            language: recipient.language,
            to: to.clone(),
            subject: filled.subject,
            text: filled.text,
        };
        let sent = channel.send(&message).await;
        let label = if sent.is_ok() { "yes" } else { "no" };
        metrics::counter!("aftercare_notifications_total", "channel" => name, "taken" => label).increment(1);
        match sent {
            Ok(receipt) => taken = Some((name, receipt)),
            Err(failure) => failed = Some((name, failure)),
        }
    }
    let now = ctx.core.clock.now();
    Ok(match (taken, failed) {
        // With several recipients one is enough: the others are not to be told twice.
        (Some((name, receipt)), _) => Fate { tried: true, ..fate(SENT, name, &receipt) },
        (None, Some((name, failure))) => {
            let next = if failure.permanent { None } else { next_try(row.tries + 1, now) };
            let state = if next.is_some() { PENDING } else { PARKED };
            Fate { tried: true, next_try_at: next, ..fate(state, name, &failure.why) }
        }
        (None, None) => suppressed("no_channel"),
    })
}

fn fate(state: &'static str, channel: &str, result: &str) -> Fate {
    Fate { state, channel: channel.to_owned(), result: result.to_owned(), tried: false, next_try_at: None }
}

fn suppressed(why: &str) -> Fate {
    fate(SUPPRESSED, "", why)
}

async fn keep(ctx: &Context, ids: Vec<String>, fate: Fate) -> Result<()> {
    let tx: Tx = ctx.core.db.begin().await?;
    notification::keep(&tx, ids, &fate, ctx.core.clock.now()).await?;
    tx.commit().await?;
    Ok(())
}
