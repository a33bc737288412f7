//! The way of messages to customers. Delivery by SMS, WeChat and e-mail belongs to the gateway; here is its seam.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::Context as _;
use common::error::{Error, Result, reason};
use serde::{Deserialize, Serialize};

use crate::domain::question::{Texts, text, whole};

/// Where messages go.
#[derive(Clone, Debug)]
pub enum Channel {
    /// Nowhere; the link is read with `GetInvitation`.
    None,
    /// Into a folder, one file each.
    Folder(PathBuf),
}

/// What is told to a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// The invitation.
    Invite,
    /// The reminder.
    Remind,
}

/// A message to a customer. Who delivers it asks intake for the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The invitation.
    pub invitation_id: String,
    /// The customer.
    pub customer_id: String,
    /// What it is.
    pub occasion: Occasion,
    /// Its language.
    pub language: String,
    /// Path of the customer's page.
    pub path: String,
    /// The text.
    pub text: String,
}

/// The texts of messages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    invite: Texts,
    remind: Texts,
}

impl Messages {
    /// Reads them from TOML.
    ///
    /// # Errors
    ///
    /// When a text is missing or does not name the link.
    pub fn read(toml: &str) -> anyhow::Result<Self> {
        let messages: Self = toml::from_str(toml).context("texts.toml")?;
        for texts in [&messages.invite, &messages.remind] {
            anyhow::ensure!(whole(texts), "a message lacks a language");
            anyhow::ensure!(texts.values().all(|text| text.contains("{link}")), "a message lacks its {{link}}");
        }
        Ok(messages)
    }

    /// The text of a message.
    #[must_use]
    pub fn text(&self, occasion: Occasion, language: &str, path: &str) -> String {
        let texts: &BTreeMap<_, _> = match occasion {
            Occasion::Invite => &self.invite,
            Occasion::Remind => &self.remind,
        };
        text(texts, language).replace("{link}", path)
    }
}

impl Channel {
    /// The channel of a configured folder; none when it is empty.
    #[must_use]
    pub fn folder(folder: &str) -> Self {
        if folder.is_empty() { Self::None } else { Self::Folder(PathBuf::from(folder)) }
    }

    /// Hands a message over. Doing it twice does no harm: the same message is the same file.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the folder cannot be written.
    pub async fn deliver(&self, message: &Message) -> Result<()> {
        let Self::Folder(folder) = self else { return Ok(()) };
        let name = match message.occasion {
            Occasion::Invite => "invite",
            Occasion::Remind => "remind",
        };
        let write = async {
            tokio::fs::create_dir_all(folder).await?;
            let body = serde_json::to_vec_pretty(message)?;
            tokio::fs::write(folder.join(format!("{}-{name}.json", message.invitation_id)), body).await?;
            anyhow::Ok(())
        };
        write.await.map_err(|error| Error::new(reason::UNAVAILABLE).caused_by(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_texts_are_whole() {
        let messages = Messages::read(include_str!("../data/texts.toml")).unwrap();
        assert!(messages.text(Occasion::Invite, "zh-CN", "/s/x").ends_with("/s/x"));
        assert!(messages.text(Occasion::Remind, "en", "/s/x").contains("reminder"));
        assert!(Messages::read("[invite]\nen = \"{link}\"\n[remind]\nen = \"{link}\"").is_err());
    }
}
