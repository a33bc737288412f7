//! The texts: those that came with the program, and those that were changed.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use common::error::{Error, Result};
use sea_orm::ConnectionTrait;
use serde::Deserialize;

use crate::{
    domain::notification::{CHANNELS, KINDS, Kind, LANGUAGES, Template, Words, check, fill, find, template_id},
    store::notification,
};

const EMBEDDED: &str = include_str!("../../data/notifications.toml");

/// The channel whose texts have a subject and room.
pub(crate) const EMAIL: &str = "email";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    subject: String,
    text: String,
    short: String,
}

/// The texts that came with the program.
#[derive(Clone, Debug)]
pub(crate) struct Texts(BTreeMap<String, BTreeMap<String, Entry>>);

/// A subject and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// One place in the table of texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) kind: &'static Kind,
    pub(crate) language: &'static str,
    pub(crate) channel: &'static str,
}

impl Place {
    /// The place of these names.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND`.
    pub(crate) fn find(kind: &str, language: &str, channel: &str) -> Result<Self> {
        let known = |all: &[&'static str], name: &str| all.iter().find(|known| **known == name).copied();
        match (find(kind), known(&LANGUAGES, language), known(&CHANNELS, channel)) {
            (Some(kind), Some(language), Some(channel)) => Ok(Self { kind, language, channel }),
            _ => Err(Error::not_found("notification_template", template_id(kind, language, channel))),
        }
    }

    /// All places, in order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().flat_map(|kind| {
            LANGUAGES
                .into_iter()
                .flat_map(move |language| CHANNELS.into_iter().map(move |channel| Self { kind, language, channel }))
        })
    }

    pub(crate) fn id(&self) -> String {
        template_id(self.kind.name, self.language, self.channel)
    }

    /// Examples for all of its words.
    pub(crate) fn examples(&self) -> Words {
        self.kind.words.iter().map(|(word, example)| ((*word).to_owned(), (*example).to_owned())).collect()
    }
}

impl Texts {
    /// Reads them and checks that none is missing and all can be filled in.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let texts = Self(toml::from_str(EMBEDDED).context("data/notifications.toml")?);
        for kind in &KINDS {
            for language in LANGUAGES {
                let entry = texts.0.get(kind.name).and_then(|languages| languages.get(language));
                let entry = entry.with_context(|| format!("no text for {} in {language}", kind.name))?;
                for text in [&entry.subject, &entry.text, &entry.short] {
                    ensure!(!text.is_empty(), "an empty text for {} in {language}", kind.name);
                    check(kind, "text", text)
                        .map_err(|error| anyhow::anyhow!("{} in {language}: {error}", kind.name))?;
                }
            }
        }
        Ok(texts)
    }

    /// What came with the program.
    pub(crate) fn embedded(&self, place: Place) -> Text {
        let entry = self.0.get(place.kind.name).and_then(|languages| languages.get(place.language));
        let Some(entry) = entry else { return Text { subject: String::new(), text: String::new() } };
        if place.channel == EMAIL {
            Text { subject: entry.subject.clone(), text: entry.text.clone() }
        } else {
            Text { subject: String::new(), text: entry.short.clone() }
        }
    }

    /// The text that is good now.
    pub(crate) async fn present(&self, on: &impl ConnectionTrait, place: Place) -> Result<(Text, Option<Template>)> {
        let changed = notification::template(on, &place.id()).await?;
        Ok((self.with(place, changed.as_ref()), changed))
    }

    /// What came with the program, unless it was changed.
    pub(crate) fn with(&self, place: Place, changed: Option<&Template>) -> Text {
        let embedded = self.embedded(place);
        match changed {
            Some(changed) if !changed.text.is_empty() => {
                let subject = if changed.subject.is_empty() { embedded.subject } else { changed.subject.clone() };
                Text { subject, text: changed.text.clone() }
            }
            Some(_) | None => embedded,
        }
    }
}

impl Text {
    /// Filled in.
    pub(crate) fn filled(&self, words: &Words) -> Self {
        Self { subject: fill(&self.subject, words), text: fill(&self.text, words) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_texts_in_both_languages() {
        let texts = Texts::load().unwrap();
        for place in Place::all() {
            let filled = texts.embedded(place).filled(&place.examples());
            assert!(!filled.text.is_empty() && !filled.text.contains(['{', '}']), "{}: {filled:?}", place.id());
        }
        assert!(Place::find("appointment_booked", "fr", "sms").is_err());
        assert!(Place::find("birthday", "en", "sms").is_err());
    }
}
