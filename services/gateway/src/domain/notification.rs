//! Notifications: which there are, what their texts may say, and when they may go out.

pub(crate) mod quiet;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
    typed_id,
};
use serde::{Deserialize, Serialize};

typed_id! {
    /// A notification.
    NotificationId = "nt";
    /// A customer, who is intake's.
    CustomerId = "cu";
}

/// The ways out, in the order in which they are tried for a customer.
pub(crate) const CHANNELS: [&str; 4] = ["wechat", "sms", "push", "email"];
/// The languages there are texts in.
pub(crate) const LANGUAGES: [&str; 2] = ["zh-CN", "en"];

/// Whom a notification is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// The customer of the case.
    Customer,
    /// Those responsible for the case's organisation unit.
    Unit,
    /// Those who run the platform.
    Operators,
}

impl Audience {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Unit => "unit",
            Self::Operators => "operators",
        }
    }
}

/// One kind of notification.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) audience: Audience,
    /// It goes out at any hour and to everybody.
    pub(crate) urgent: bool,
    /// Several within an interval become one.
    pub(crate) digest: bool,
    /// Words that its texts may have in braces, each with an example.
    pub(crate) words: &'static [(&'static str, &'static str)],
}

const NUMBER: (&str, &str) = ("number", "SR-2026-000123");
const FROM: (&str, &str) = ("from", "2026-03-02 14:00");
const UNTIL: (&str, &str) = ("until", "16:00");

/// All of them.
pub(crate) static KINDS: [Kind; 8] = [
    kind("appointment_booked", Audience::Customer, false, &[NUMBER, FROM, UNTIL]),
    kind("appointment_moved", Audience::Customer, false, &[NUMBER, FROM, UNTIL]),
    kind("technician_on_the_way", Audience::Customer, true, &[NUMBER, FROM, UNTIL]),
    kind("visit_late", Audience::Customer, true, &[NUMBER, FROM, UNTIL]),
    kind("quote_waiting", Audience::Customer, false, &[NUMBER]),
    kind("request_resolved", Audience::Customer, false, &[NUMBER]),
    Kind {
        name: "escalation",
        audience: Audience::Unit,
        urgent: true,
        digest: true,
        words: &[("count", "2"), ("lines", "WO-2026-000123 · late · 2")],
    },
    kind("webhook_disabled", Audience::Operators, true, &[("url", "https://hooks.example.com/"), ("why", "failing")]),
];

const fn kind(
    name: &'static str,
    audience: Audience,
    urgent: bool,
    words: &'static [(&'static str, &'static str)],
) -> Kind {
    Kind { name, audience, urgent, digest: false, words }
}

/// The kind of that name.
pub(crate) fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// What fills a text in.
pub(crate) type Words = BTreeMap<String, String>;

/// Fills a text in. A word that is not there leaves nothing behind.
pub(crate) fn fill(text: &str, words: &Words) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}') {
            Some((word, behind)) => {
                out.push_str(words.get(word).map_or("", String::as_str));
                rest = behind;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Refuses a text with words that nothing fills in.
pub(crate) fn check(kind: &Kind, field: &str, text: &str) -> Result<()> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let (word, behind) = after.split_once('}').ok_or_else(|| Error::invalid(field, "template.brace_is_closed"))?;
        if !kind.words.iter().any(|(known, _)| *known == word) {
            return Err(Error::invalid(field, "template.placeholder_is_known"));
        }
        rest = behind;
    }
    Ok(())
}

/// A text that was changed. Its id is kind, language and channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) updated_at: DateTime<Utc>,
    /// Both empty: what came with the program is good again.
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// The id of the text for a kind, a language and a channel.
pub(crate) fn template_id(kind: &str, language: &str, channel: &str) -> String {
    format!("{kind}.{language}.{channel}")
}

impl Record for Template {
    const KIND: &'static str = "notification_template";

    fn id(&self) -> &str {
        &self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }
}

impl Template {
    /// Changes the text.
    pub(crate) fn update(self, subject: String, text: String, now: DateTime<Utc>) -> Changed<Self> {
        Changed::new(Self { subject, text, updated_at: now, ..self }, "update", "", "")
    }
}

/// What somebody does not want to be told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) muted_kinds: Vec<String>,
    pub(crate) muted_channels: Vec<String>,
}

impl Record for Preferences {
    const KIND: &'static str = "notification_preferences";

    fn id(&self) -> &str {
        &self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn subject_id(&self) -> Option<&str> {
        Some(&self.id)
    }
}

impl Preferences {
    /// Whether the kind is not wanted. What is urgent is only muted by its own name.
    pub(crate) fn mutes(&self, kind: &Kind) -> bool {
        self.muted_kinds.iter().any(|muted| muted == kind.name || (muted == "*" && !kind.urgent))
    }

    /// Whether a channel is not wanted.
    pub(crate) fn mutes_channel(&self, channel: &str) -> bool {
        self.muted_channels.iter().any(|muted| muted == channel)
    }
}

/// Pauses in seconds after the first, second, … failed try; then it is parked.
const PAUSES: [i64; 6] = [30, 120, 600, 1_800, 7_200, 21_600];

/// When a failed try is made again; `None` when it is time to give up.
pub(crate) fn next_try(tries: i32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let place = usize::try_from(tries.checked_sub(1)?).ok()?;
    PAUSES.get(place).map(|pause| now + chrono::Duration::seconds(*pause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_filled_in_and_checked() {
        let words = Words::from([("number".to_owned(), "SR-1".to_owned()), ("from".to_owned(), "{number}".to_owned())]);
        assert_eq!(fill("no {number}, {from}{until}.", &words), "no SR-1, {number}.");
        assert_eq!(fill("100 % {", &words), "100 % {");
        let booked = find("appointment_booked").unwrap();
        assert!(check(booked, "text", "{number}: {from} – {until}").is_ok());
        for bad in ["{name}", "{number", "{}", "{{number}}"] {
            assert!(check(booked, "text", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn who_does_not_want_it_is_left_alone() {
        let muted = |kinds: &[&str]| Preferences {
            muted_kinds: kinds.iter().map(|&kind| kind.to_owned()).collect(),
            ..Preferences::default()
        };
        let (booked, way) = (find("appointment_booked").unwrap(), find("technician_on_the_way").unwrap());
        assert!(muted(&["*"]).mutes(booked) && !muted(&["*"]).mutes(way));
        assert!(muted(&["technician_on_the_way"]).mutes(way) && !muted(&["technician_on_the_way"]).mutes(booked));
        assert!(!muted(&[]).mutes(booked));
    }

    #[test]
    fn tries_end() {
        let now = DateTime::UNIX_EPOCH;
        let pauses: Vec<_> = (1..=6).map(|tries| next_try(tries, now).unwrap() - now).collect();
        assert!(pauses.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!((next_try(7, now), next_try(0, now)), (None, None));
    }
}
