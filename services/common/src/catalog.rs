//! Message catalogues: the text of every reason, per language. Texts live in `messages/*.toml`, never in code.

use std::collections::BTreeMap;

use crate::error::Error;

/// A language the platform speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English; also the answer to every language we do not speak.
    #[default]
    English,
    /// Chinese as written in mainland China.
    Chinese,
}

impl Language {
    /// The first language of an `Accept-Language` list that we speak.
    #[must_use]
    pub fn negotiate(accept: &str) -> Self {
        for tag in accept.split(',') {
            let tag = tag.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            if tag == "zh" || tag.starts_with("zh-") {
                return Self::Chinese;
            }
            if tag == "en" || tag.starts_with("en-") {
                return Self::English;
            }
        }
        Self::English
    }

    /// The BCP 47 tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }
}

/// The texts of one service and of the plumbing.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    english: BTreeMap<String, String>,
    chinese: BTreeMap<String, String>,
}

impl Catalog {
    /// Reads a service's two files and adds the plumbing's own texts.
    ///
    /// # Errors
    ///
    /// When a file is not TOML of the form `REASON = "text"`.
    pub fn load(english: &str, chinese: &str) -> anyhow::Result<Self> {
        let mut catalog = Self::default();
        for (ours, theirs, into) in [
            (include_str!("../messages/en.toml"), english, &mut catalog.english),
            (include_str!("../messages/zh-CN.toml"), chinese, &mut catalog.chinese),
        ] {
            into.extend(toml::from_str::<BTreeMap<String, String>>(ours)?);
            into.extend(toml::from_str::<BTreeMap<String, String>>(theirs)?);
        }
        Ok(catalog)
    }

    /// Only the plumbing's own texts.
    ///
    /// # Errors
    ///
    /// As [`Catalog::load`].
    pub fn common() -> anyhow::Result<Self> {
        Self::load("", "")
    }

    /// Every reason with its English and Chinese text.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.english.iter().map(|(reason, english)| {
            (reason.as_str(), english.as_str(), self.chinese.get(reason).map_or("", String::as_str))
        })
    }

    /// The text of an error, its `{placeholders}` filled with the error's facts.
    #[must_use]
    pub fn text(&self, language: Language, error: &Error) -> String {
        let texts = match language {
            Language::English => &self.english,
            Language::Chinese => &self.chinese,
        };
        let mut text = texts.get(error.reason.name).cloned().unwrap_or_else(|| error.reason.name.to_owned());
        for (name, value) in &error.facts {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        if !error.fields.is_empty() {
            let fields: Vec<_> = error.fields.iter().map(|field| field.field.as_str()).collect();
            text = text.replace("{fields}", &fields.join(", "));
        }
        text
    }

    /// Reasons that lack a text in one of the languages; empty when the catalogue is whole.
    #[must_use]
    pub fn missing(&self, reasons: &[crate::error::Reason]) -> Vec<&'static str> {
        reasons
            .iter()
            .map(|reason| reason.name)
            .filter(|name| !self.english.contains_key(*name) || !self.chinese.contains_key(*name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::reason;

    #[test]
    fn every_common_reason_has_both_texts() {
        assert_eq!(Catalog::common().unwrap().missing(reason::ALL), Vec::<&str>::new());
    }

    #[test]
    fn the_first_language_we_speak_is_taken() {
        assert_eq!(Language::negotiate("fr, zh-TW;q=0.8, en"), Language::Chinese);
        assert_eq!(Language::negotiate("de"), Language::English);
    }

    #[test]
    fn placeholders_are_filled() {
        let error = Error::illegal("work_order", "depart", "assigned", &["accept", "refuse"]);
        let text = Catalog::common().unwrap().text(Language::English, &error);
        assert!(text.contains("depart") && text.contains("assigned") && text.contains("accept, refuse"), "{text}");
    }
}
