//! The ways out: e-mail by SMTP, everything else by a configured HTTP call, or a file for development.

use std::{collections::BTreeMap, fmt::Debug, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message as Mail, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::authentication::Credentials,
};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, sync::Mutex};

use super::{HttpConfig, NotificationConfig, SmtpConfig, texts::EMAIL};
use crate::{
    domain::notification::{CHANNELS, Words},
    webhooks::sender::{Post, Sender},
};

/// Time for one message.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What goes out.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Our id, which channels may use to tell repeats.
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) language: &'static str,
    /// An e-mail address or a telephone number.
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// Why a channel did not take a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// A repeat cannot help.
    pub(crate) permanent: bool,
    /// What went wrong, without anything of a person.
    pub(crate) why: String,
}

impl Failure {
    fn passing(why: impl Into<String>) -> Self {
        Self { permanent: false, why: why.into() }
    }

    fn permanent(why: impl Into<String>) -> Self {
        Self { permanent: true, why: why.into() }
    }
}

/// A way out.
#[async_trait]
pub(crate) trait Channel: Debug + Send + Sync {
    /// Sends, and gives back the channel's own id of the message, or an empty text.
    async fn send(&self, message: &Message) -> Result<String, Failure>;
}

/// The ways out that are there, by name.
#[derive(Clone, Debug)]
pub(crate) struct Channels(BTreeMap<&'static str, Arc<dyn Channel>>);

impl Channels {
    /// Opens what is configured.
    pub(crate) fn new(config: &NotificationConfig) -> anyhow::Result<Self> {
        let mut channels: BTreeMap<&'static str, Arc<dyn Channel>> = BTreeMap::new();
        if !config.file.is_empty() {
            let file = Arc::new(FileChannel { path: config.file.clone().into(), one_at_a_time: Mutex::new(()) });
            channels.extend(CHANNELS.map(|name| (name, file.clone() as Arc<dyn Channel>)));
            return Ok(Self(channels));
        }
        if !config.smtp.host.is_empty() {
            channels.insert(EMAIL, Arc::new(Smtp::new(&config.smtp)?));
        }
        for (name, http) in &config.http {
            let known = CHANNELS.into_iter().find(|known| known == name && *known != EMAIL);
            let name = known.with_context(|| format!("notifications.http.{name}: no such channel"))?;
            channels.insert(name, Arc::new(Http::new(http)?));
        }
        Ok(Self(channels))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<dyn Channel>> {
        self.0.get(name)
    }
}

/// A mail server.
#[derive(Debug)]
struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    fn new(config: &SmtpConfig) -> anyhow::Result<Self> {
        let builder = match &*config.tls {
            "tls" => AsyncSmtpTransport::<Tokio1Executor>::relay(&config.host)?,
            "starttls" => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&config.host)?,
            "none" => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host),
            other => anyhow::bail!("notifications.smtp.tls is \"tls\", \"starttls\" or \"none\", not {other:?}"),
        };
        let mut builder = builder.port(config.port).timeout(Some(TIMEOUT));
        if !config.username.is_empty() {
            builder =
                builder.credentials(Credentials::new(config.username.clone(), config.password.expose().to_owned()));
        }
        let from = config.from.parse().context("notifications.smtp.from is no e-mail address")?;
        Ok(Self { transport: builder.build(), from })
    }
}

#[async_trait]
impl Channel for Smtp {
    async fn send(&self, message: &Message) -> Result<String, Failure> {
        let to: Mailbox = message.to.parse().map_err(|_| Failure::permanent("no e-mail address"))?;
        let mail = Mail::builder()
            .from(self.from.clone())
            .to(to)
            .message_id(Some(format!("<{}@aftercare>", message.id)))
            .subject(&message.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(message.text.clone())
            .map_err(|_| Failure::permanent("the mail cannot be written"))?;
        match tokio::time::timeout(TIMEOUT * 2, self.transport.send(mail)).await {
            // What the server says may hold the address; only its code is kept.
            Ok(Ok(answer)) => Ok(answer.code().to_string()),
            Ok(Err(error)) => {
                let code = error.status().map_or_else(|| "no answer".to_owned(), |code| code.to_string());
                tracing::debug!(permanent = error.is_permanent(), code, "a mail was not taken");
                Err(Failure { permanent: error.is_permanent(), why: code })
            }
            Err(_) => Err(Failure::passing("timeout")),
        }
    }
}

/// A service that takes messages by HTTP.
#[derive(Debug)]
struct Http {
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    sender: Sender,
}

impl Http {
    fn new(config: &HttpConfig) -> anyhow::Result<Self> {
        let words = ["to", "text", "kind", "language", "id"];
        let example: Words = words.iter().map(|word| ((*word).to_owned(), (*word).to_owned())).collect();
        let filled = fill_json(&config.body, &example);
        ensure!(
            serde_json::from_str::<serde_json::Value>(&filled).is_ok(),
            "notifications.http: the body is no JSON once it is filled in"
        );
        ensure!(config.body.contains("{to}"), "notifications.http: the body has no {{to}}");
        Ok(Self {
            url: config.url.clone(),
            headers: config.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect(),
            body: config.body.clone(),
            sender: Sender::unguarded(TIMEOUT)?,
        })
    }
}

/// Fills JSON in: only `{word}` in a text of it is taken for a word, and what goes in stays inside the text.
fn fill_json(body: &str, words: &Words) -> String {
    let mut out = body.to_owned();
    for (word, value) in words {
        let quoted = json!(value).to_string();
        let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        out = out.replace(&format!("{{{word}}}"), &inner.replace('{', "\\u007b"));
    }
    out
}

#[async_trait]
impl Channel for Http {
    async fn send(&self, message: &Message) -> Result<String, Failure> {
        let words = Words::from([
            ("to".to_owned(), message.to.clone()),
            ("text".to_owned(), message.text.clone()),
            ("kind".to_owned(), message.kind.to_owned()),
            ("language".to_owned(), message.language.to_owned()),
            ("id".to_owned(), message.id.clone()),
        ]);
        let body = fill_json(&self.body, &words);
        let post = Post { url: self.url.clone(), headers: self.headers.clone(), body };
        let outcome = self.sender.send(&post).await;
        match outcome.status {
            _ if outcome.taken() => Ok(outcome.status.to_string()),
            // Too many, or not ready: later. Other refusals of the client's making stay.
            400..=499 if !matches!(outcome.status, 408 | 425 | 429) => {
                Err(Failure::permanent(outcome.status.to_string()))
            }
            0 => Err(Failure::passing(outcome.error)),
            status => Err(Failure::passing(status.to_string())),
        }
    }
}

/// A file, one JSON object a line.
#[derive(Debug)]
struct FileChannel {
    path: PathBuf,
    one_at_a_time: Mutex<()>,
}

#[async_trait]
impl Channel for FileChannel {
    async fn send(&self, message: &Message) -> Result<String, Failure> {
        let line = json!({
            "id": message.id, "kind": message.kind, "language": message.language, "to": message.to,
            "subject": message.subject, "text": message.text,
        });
        let _turn = self.one_at_a_time.lock().await;
        let written = async {
            if let Some(folder) = self.path.parent() {
                tokio::fs::create_dir_all(folder).await?;
            }
            let mut file = tokio::fs::OpenOptions::new().create(true).append(true).open(&self.path).await?;
            file.write_all(format!("{line}\n").as_bytes()).await?;
            file.flush().await
        };
        written
            .await
            .map(|()| String::new())
            .map_err(|error: std::io::Error| Failure::passing(error.kind().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_into_json_stays_a_text() {
        let words = Words::from([
            ("text".to_owned(), "a \"quote\", \\ and\nlines {to}".to_owned()),
            ("to".to_owned(), "+86".to_owned()),
        ]);
        let filled = fill_json(r#"{"mobile":"{to}","content":"{text}","n":{"x":1}}"#, &words);
        let value: serde_json::Value = serde_json::from_str(&filled).unwrap();
        assert_eq!(value["content"], "a \"quote\", \\ and\nlines {to}");
        assert_eq!((&value["mobile"], &value["n"]["x"]), (&json!("+86"), &json!(1)));
        let config = |body: &str| HttpConfig { url: String::new(), headers: BTreeMap::new(), body: body.to_owned() };
        assert!(Http::new(&config(r#"{"mobile": {to}}"#)).is_err(), "an unquoted word");
        assert!(Http::new(&config(r#"{"content":"{text}"}"#)).is_err(), "nobody to send to");
    }
}
