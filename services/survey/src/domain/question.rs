//! Questions: how each kind is answered, and which are asked after which answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::{Answer, Value};

/// Texts by language; whole when every language of [`LANGUAGES`] is there.
pub type Texts = BTreeMap<String, String>;

/// The languages every questionnaire speaks.
pub const LANGUAGES: [&str; 2] = ["zh-CN", "en"];

/// Longest free text when the question does not say, in characters.
pub const TEXT_LENGTH: u32 = 1_000;

/// How a question is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// 0 to 10: would recommend.
    Nps,
    /// 1 to 5: satisfied.
    Csat,
    /// 1 to 7: easy.
    Ces,
    /// 1 to 5 stars.
    Stars,
    /// One option.
    Choice,
    /// Some options.
    SeveralChoice,
    /// Free text.
    Text,
}

impl QuestionKind {
    /// Lowest and highest score; `None` for kinds without one.
    #[must_use]
    pub fn scores(self) -> Option<(i32, i32)> {
        match self {
            Self::Nps => Some((0, 10)),
            Self::Csat | Self::Stars => Some((1, 5)),
            Self::Ces => Some((1, 7)),
            Self::Choice | Self::SeveralChoice | Self::Text => None,
        }
    }

    /// Whether options are chosen.
    #[must_use]
    pub fn has_options(self) -> bool {
        match self {
            Self::Choice | Self::SeveralChoice => true,
            Self::Nps | Self::Csat | Self::Ces | Self::Stars | Self::Text => false,
        }
    }
}

/// One option of a choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionOption {
    /// Key, unique in the question.
    pub key: String,
    /// Its texts.
    pub texts: Texts,
}

/// How an earlier answer is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// The score is at most this.
    AtMost(i32),
    /// The score is at least this.
    AtLeast(i32),
    /// This option was chosen.
    Chosen(String),
}

/// When a question is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Key of an earlier question.
    pub question: String,
    /// How its answer is compared.
    pub test: Test,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Key, unique in the questionnaire.
    pub key: String,
    /// How it is answered.
    pub kind: QuestionKind,
    /// What is asked.
    pub texts: Texts,
    /// Whether it must be answered when it is asked.
    #[serde(default)]
    pub required: bool,
    /// Options of a choice.
    #[serde(default)]
    pub options: Vec<QuestionOption>,
    /// Longest text, in characters; 0 means 1000.
    #[serde(default)]
    pub max_length: u32,
    /// When it is asked; always when there is none.
    #[serde(default)]
    pub show_when: Option<Condition>,
}

impl Question {
    /// Longest text accepted, in characters.
    #[must_use]
    pub fn longest_text(&self) -> u32 {
        if self.max_length == 0 { TEXT_LENGTH } else { self.max_length }
    }

    /// Whether it is asked, given the answers to the questions before it.
    #[must_use]
    pub fn asked(&self, before: &[Answer]) -> bool {
        let Some(condition) = &self.show_when else { return true };
        let answer = before.iter().find(|answer| answer.question == condition.question);
        match (answer.map(|answer| &answer.value), &condition.test) {
            (Some(Value::Score(score)), Test::AtMost(most)) => score <= most,
            (Some(Value::Score(score)), Test::AtLeast(least)) => score >= least,
            (Some(Value::Options(options)), Test::Chosen(option)) => options.contains(option),
            (None | Some(Value::Score(_) | Value::Options(_) | Value::Text(_)), _) => false,
        }
    }

    /// What is wrong with it as a question, as the field and the rule it breaks; `before` are the questions above it.
    #[must_use]
    pub fn faults(&self, before: &[Self]) -> Vec<(String, &'static str)> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, rule| faults.push((field.to_owned(), rule));
        if before.iter().any(|other| other.key == self.key) {
            fault("key", "question.key_unique");
        }
        if !whole(&self.texts) {
            fault("texts", "texts.every_language");
        }
        if self.kind.has_options() == (self.options.len() < 2) {
            fault("options", "question.options_of_choices_only");
        }
        for (index, option) in self.options.iter().enumerate() {
            if self.options[..index].iter().any(|other| other.key == option.key) {
                fault("options", "option.key_unique");
            }
            if !whole(&option.texts) {
                fault("options", "texts.every_language");
            }
        }
        if self.max_length > 0 && self.kind != QuestionKind::Text {
            fault("max_length", "question.length_of_texts_only");
        }
        if let Some(condition) = &self.show_when
            && !before.iter().any(|earlier| earlier.key == condition.question && condition.fits(earlier))
        {
            fault("show_when", "condition.earlier_question_that_fits");
        }
        faults
    }
}

impl Condition {
    fn fits(&self, question: &Question) -> bool {
        match &self.test {
            Test::AtMost(score) | Test::AtLeast(score) => {
                question.kind.scores().is_some_and(|(low, high)| (low..=high).contains(score))
            }
            Test::Chosen(key) => question.options.iter().any(|option| option.key == *key),
        }
    }
}

/// Whether every language has its text.
#[must_use]
pub fn whole(texts: &Texts) -> bool {
    LANGUAGES.iter().all(|language| texts.get(*language).is_some_and(|text| !text.trim().is_empty()))
}

/// The text in that language, or in the first one there is.
#[must_use]
pub fn text<'a>(texts: &'a Texts, language: &str) -> &'a str {
    texts.get(language).or_else(|| texts.values().next()).map_or("", String::as_str)
}
