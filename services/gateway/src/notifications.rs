//! Notifications out: put down in the transaction of the fact they tell of, sent by a worker, so that nobody waits for
//! a mail server. Addresses are asked of their owner when one is sent, and kept nowhere.

pub(crate) mod channel;
pub(crate) mod facts;
pub(crate) mod send;
#[cfg(test)]
mod tests;
pub(crate) mod texts;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use common::{
    config::{Secret, duration},
    db::Tx,
    error::{Error, Result, reason},
    id::{Id as _, Ids},
    service::Call,
    store::set,
};
use proto::aftercare::intake::v1::{GetCustomerRequest, intake_service_client::IntakeServiceClient};
use sea_orm::EntityTrait as _;
use serde::Deserialize;
use tonic::Code;

use self::{channel::Channels, texts::Texts};
use crate::{
    domain::notification::{Audience, CustomerId, LANGUAGES, NotificationId, Words, find, quiet::Quiet},
    service::Context,
    store::notification::{PENDING, entity},
};

/// Notifications.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationConfig {
    /// Time zone of quiet hours and of the times in texts.
    pub time_zone: String,
    /// When quiet hours begin, local time.
    pub quiet_from: String,
    /// When they end; the same time as the beginning for none.
    pub quiet_until: String,
    /// Notifications to one customer a day, urgent ones not counted against it.
    pub per_day: u64,
    /// Escalations within this become one mail.
    #[serde(with = "duration")]
    pub digest: Duration,
    /// What could not be sent for so long is not sent any more.
    #[serde(with = "duration")]
    pub stale_after: Duration,
    /// How often due notifications are looked for.
    #[serde(with = "duration")]
    pub poll: Duration,
    /// How long their results are kept.
    #[serde(with = "duration")]
    pub kept: Duration,
    /// A file that takes everything instead of the channels: development.
    pub file: String,
    /// Language of what goes to staff: "zh-CN" or "en".
    pub staff_language: String,
    /// E-mail addresses of those who run the platform.
    pub operators: Vec<String>,
    /// E-mail addresses of those responsible for an organisation unit; `*` for units that are not named.
    pub units: BTreeMap<String, Vec<String>>,
    /// The mail server.
    pub smtp: SmtpConfig,
    /// Channels by HTTP: "sms", "wechat", "push".
    pub http: BTreeMap<String, HttpConfig>,
}

/// A mail server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    /// Its name; empty for none.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// "tls", "starttls" or "none".
    pub tls: String,
    /// Who we are there; empty when it does not ask.
    pub username: String,
    /// Our password there.
    pub password: Secret,
    /// The sender of our mails, for example "Service <service@example.com>".
    pub from: String,
}

/// A channel by HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Where messages are posted.
    pub url: String,
    /// Headers, for example an API key.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// The body, JSON, with {to}, {text}, {kind}, {language} and {id} to be filled in.
    pub body: String,
}

/// What sending needs.
#[derive(Clone, Debug)]
pub(crate) struct Notifications {
    pub(crate) channels: Channels,
    pub(crate) texts: Arc<Texts>,
    pub(crate) quiet: Quiet,
    pub(crate) staff_language: &'static str,
}

impl Notifications {
    /// Checks the configuration and opens the channels.
    pub(crate) fn new(config: &NotificationConfig) -> anyhow::Result<Self> {
        let language = LANGUAGES.into_iter().find(|known| *known == config.staff_language);
        Ok(Self {
            staff_language: language.context("notifications.staff_language is \"zh-CN\" or \"en\"")?,
            channels: Channels::new(config)?,
            texts: Arc::new(Texts::load()?),
            quiet: Quiet::new(&config.time_zone, &config.quiet_from, &config.quiet_until)?,
        })
    }
}

/// A notification to be put down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notification {
    /// Its kind, one of `domain::notification::KINDS`.
    pub(crate) kind: &'static str,
    /// The customer, or the organisation unit; empty for operators.
    pub(crate) recipient_id: String,
    pub(crate) org_unit_id: String,
    pub(crate) service_request_id: String,
    pub(crate) words: Words,
}

/// Puts a notification down, in the transaction of what it tells of. Without any channel there is nobody to tell.
pub(crate) async fn enqueue(ctx: &Context, call: &Call, tx: &Tx, notification: Notification) -> Result<()> {
    let unknown = || Error::internal(anyhow::anyhow!("no notification is called {}", notification.kind));
    let kind = find(notification.kind).ok_or_else(unknown)?;
    if ctx.notifications.channels.is_empty() {
        return Ok(());
    }
    let wait = if kind.digest { ctx.config.notifications.digest } else { Duration::ZERO };
    let due = call.now + chrono::Duration::from_std(wait).unwrap_or_default();
    let id: NotificationId = Ids::make(&call.ids, call.now);
    let recipient = match kind.audience {
        Audience::Customer | Audience::Unit => notification.recipient_id,
        Audience::Operators => Audience::Operators.as_str().to_owned(),
    };
    let row = entity::ActiveModel {
        id: set(id.to_string()),
        kind: set(kind.name.to_owned()),
        recipient_kind: set(kind.audience.as_str().to_owned()),
        recipient_id: set(recipient),
        org_unit_id: set(notification.org_unit_id),
        service_request_id: set(notification.service_request_id),
        words: set(serde_json::to_string(&notification.words).map_err(Error::internal)?),
        state: set(PENDING.to_owned()),
        channel: set(String::new()),
        result: set(String::new()),
        tries: set(0),
        next_try_at: set(due),
        created_at: set(call.now),
        updated_at: set(call.now),
    };
    entity::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Refuses a customer that the caller does not see, as intake refuses one that is not there.
pub(crate) async fn sees(ctx: &Context, call: &Call, customer_id: &str) -> Result<()> {
    CustomerId::parse(customer_id)?;
    let mut intake = IntakeServiceClient::new(ctx.core.way("intake", &call.actor, call.language)?);
    let asked = GetCustomerRequest { customer_id: customer_id.to_owned() };
    match intake.get_customer(asked).await {
        Ok(_) => Ok(()),
        Err(status) => Err(match status.code() {
            Code::NotFound | Code::InvalidArgument => Error::not_found("customer", customer_id),
            Code::PermissionDenied => Error::new(reason::NOT_ALLOWED).with("role", call.actor.role.as_str()),
            _ => Error::new(reason::UNAVAILABLE).caused_by(status),
        }),
    }
}
