//! Questionnaires: draft, published, retired. A published version never changes.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result, reason},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{
    QuestionnaireId,
    question::{Question, Texts, whole},
};

/// Most questions a customer is asked to look at.
pub const MOST_QUESTIONS: usize = 15;

/// Where a version stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "name")]
pub enum State {
    /// It is being written.
    Draft,
    /// It is asked.
    Published {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// It is asked no more.
    Retired {
        /// When it was published, if it ever was.
        published_at: Option<DateTime<Utc>>,
    },
}

/// One version of a questionnaire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Questionnaire {
    /// Id.
    pub id: QuestionnaireId,
    /// Version of this record.
    pub version: i64,
    /// Which questionnaire it is a version of.
    pub code: String,
    /// Number of the version, from 1.
    pub number: i32,
    /// Titles.
    pub titles: Texts,
    /// The questions, in order.
    pub questions: Vec<Question>,
    /// Organisation unit that owns it; empty for head office.
    pub org_unit_id: String,
    /// Where it stands.
    pub state: State,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

impl Record for Questionnaire {
    const KIND: &'static str = "questionnaire";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn state(&self) -> &'static str {
        match self.state {
            State::Draft => "draft",
            State::Published { .. } => "published",
            State::Retired { .. } => "retired",
        }
    }
}

/// What a draft says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Titles.
    pub titles: Texts,
    /// The questions, in order.
    pub questions: Vec<Question>,
}

impl Content {
    fn check(&self) -> Result<()> {
        let mut error = Error::new(reason::INVALID_FIELDS);
        if !whole(&self.titles) {
            error = error.field("titles", "texts.every_language");
        }
        if self.questions.is_empty() || self.questions.len() > MOST_QUESTIONS {
            error = error.field("questions", "questionnaire.length");
        }
        for (index, question) in self.questions.iter().enumerate() {
            for (field, rule) in question.faults(&self.questions[..index]) {
                error = error.field(format!("questions[{index}].{field}"), rule);
            }
        }
        if error.fields.is_empty() { Ok(()) } else { Err(error) }
    }
}

impl Questionnaire {
    /// A draft: version `number` of the questionnaire `code`.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` when it could not be asked.
    pub fn draft(
        id: QuestionnaireId,
        code: String,
        number: i32,
        org_unit_id: String,
        content: Content,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        content.check()?;
        let Content { titles, questions } = content;
        let state = State::Draft;
        Ok(Self {
            id,
            version: 0,
            code,
            number,
            titles,
            questions,
            org_unit_id,
            state,
            created_at: now,
            updated_at: now,
        })
    }

    /// Changes a draft.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is a draft; `INVALID_FIELDS` when it could not be asked.
    pub fn update(mut self, content: Content, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state {
            State::Draft => {}
            State::Published { .. } | State::Retired { .. } => return Err(self.refuse("update")),
        }
        content.check()?;
        (self.titles, self.questions, self.updated_at) = (content.titles, content.questions, now);
        Ok(Changed::new(self, "update", "draft", ""))
    }

    /// Publishes a draft.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is a draft.
    pub fn publish(mut self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state {
            State::Draft => {}
            State::Published { .. } | State::Retired { .. } => return Err(self.refuse("publish")),
        }
        (self.state, self.updated_at) = (State::Published { at: now }, now);
        Ok(Changed::new(self, "publish", "draft", ""))
    }

    /// Takes it out of use.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` when it is retired already.
    pub fn retire(mut self, why: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.state();
        let published_at = match self.state {
            State::Draft => None,
            State::Published { at } => Some(at),
            State::Retired { .. } => return Err(self.refuse("retire")),
        };
        (self.state, self.updated_at) = (State::Retired { published_at }, now);
        Ok(Changed::new(self, "retire", from, why))
    }

    /// The actions its state allows.
    #[must_use]
    pub fn allowed(&self) -> &'static [&'static str] {
        match self.state {
            State::Draft => &["update", "publish", "retire"],
            State::Published { .. } => &["retire"],
            State::Retired { .. } => &[],
        }
    }

    /// When it was published.
    #[must_use]
    pub fn published_at(&self) -> Option<DateTime<Utc>> {
        match self.state {
            State::Draft => None,
            State::Published { at } => Some(at),
            State::Retired { published_at } => published_at,
        }
    }

    fn refuse(&self, action: &str) -> Error {
        Error::illegal(Self::KIND, action, self.state(), self.allowed())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use common::id::Ids;

    use super::*;
    use crate::domain::question::{Condition, QuestionKind, QuestionOption, Test};

    pub(crate) fn texts(text: &str) -> Texts {
        Texts::from([("en".to_owned(), text.to_owned()), ("zh-CN".to_owned(), text.to_owned())])
    }

    pub(crate) fn question(key: &str, kind: QuestionKind) -> Question {
        Question {
            key: key.to_owned(),
            kind,
            texts: texts(key),
            required: false,
            options: Vec::new(),
            max_length: 0,
            show_when: None,
        }
    }

    fn content() -> Content {
        Content { titles: texts("title"), questions: vec![question("nps", QuestionKind::Nps)] }
    }

    fn now() -> DateTime<Utc> {
        "2026-11-20T06:00:00Z".parse().unwrap()
    }

    fn draft() -> Questionnaire {
        Questionnaire::draft(Ids::seeded(1).make(now()), "visit".to_owned(), 1, String::new(), content(), now())
            .unwrap()
    }

    #[test]
    fn every_edge_of_the_table_and_no_other() {
        let published = draft().publish(now()).unwrap().record;
        let retired = published.clone().retire("old", now()).unwrap().record;
        for (record, legal) in
            [(draft(), vec!["update", "publish", "retire"]), (published, vec!["retire"]), (retired, vec![])]
        {
            for action in ["update", "publish", "retire"] {
                let from = record.state();
                let result = match action {
                    "update" => record.clone().update(content(), now()),
                    "publish" => record.clone().publish(now()),
                    _ => record.clone().retire("why", now()),
                };
                match result {
                    Ok(changed) => {
                        assert!(legal.contains(&action), "{action} out of {from}");
                        assert_eq!((changed.action, changed.from), (action, from));
                    }
                    Err(error) => {
                        assert!(!legal.contains(&action), "{action} out of {from}");
                        assert_eq!(error.reason, reason::ILLEGAL_TRANSITION);
                        assert_eq!(error.facts["allowed"], legal.join(", "));
                    }
                }
            }
        }
    }

    #[test]
    fn what_could_not_be_asked_is_refused_field_by_field() {
        let option = |key: &str| QuestionOption { key: key.to_owned(), texts: texts(key) };
        let after = |question: &str, test| Some(Condition { question: question.to_owned(), test });
        let nps = || question("nps", QuestionKind::Nps);
        for (questions, rule) in [
            (vec![], "questionnaire.length"),
            (
                (0..16).map(|number| question(&format!("q{number}"), QuestionKind::Text)).collect(),
                "questionnaire.length",
            ),
            (vec![nps(), nps()], "question.key_unique"),
            (
                vec![Question { texts: Texts::from([("en".to_owned(), "x".to_owned())]), ..nps() }],
                "texts.every_language",
            ),
            (vec![question("c", QuestionKind::Choice)], "question.options_of_choices_only"),
            (vec![Question { options: vec![option("a"), option("b")], ..nps() }], "question.options_of_choices_only"),
            (
                vec![Question { options: vec![option("a"), option("a")], ..question("c", QuestionKind::Choice) }],
                "option.key_unique",
            ),
            (vec![Question { max_length: 5, ..nps() }], "question.length_of_texts_only"),
            (
                vec![Question { show_when: after("nps", Test::AtMost(6)), ..nps() }],
                "condition.earlier_question_that_fits",
            ),
            (
                vec![
                    nps(),
                    Question { show_when: after("nps", Test::AtMost(11)), ..question("w", QuestionKind::Text) },
                ],
                "condition.earlier_question_that_fits",
            ),
            (
                vec![
                    nps(),
                    Question { show_when: after("nps", Test::Chosen("a".into())), ..question("w", QuestionKind::Text) },
                ],
                "condition.earlier_question_that_fits",
            ),
        ] {
            let error = draft().update(Content { questions, ..content() }, now()).unwrap_err();
            assert!(error.fields.iter().any(|field| field.rule == rule), "{rule}: {error}");
        }
    }
}
