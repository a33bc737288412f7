//! Articles: knowledge that answers a question without a visit.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{ArticleId, names::names};
use crate::error::ARTICLE_NOT_PUBLISHED;

names! {
    /// Where an article stands.
    pub enum ArticleState {
        /// Being written.
        Draft = "draft",
        /// To be used.
        Published = "published",
        /// No longer to be used.
        Retired = "retired",
    }
}

/// What an article says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Title.
    pub title: String,
    /// Body, in Markdown.
    pub body: String,
    /// Category codes it speaks of.
    pub category_codes: Vec<String>,
    /// Fault codes it speaks of.
    pub fault_codes: Vec<String>,
    /// Language.
    pub language: String,
}

/// An article.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    /// Id.
    pub id: ArticleId,
    /// Version.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Organisation unit that owns it.
    pub org_unit_id: String,
    /// What it says.
    pub text: Text,
    /// Where it stands.
    pub state: ArticleState,
    /// How often it was published.
    pub revision: i32,
    /// How many requests it answered.
    pub answered: i64,
}

impl Record for Article {
    const KIND: &'static str = "article";

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
        self.state.as_str()
    }
}

impl Article {
    fn allowed(&self) -> &'static [&'static str] {
        match self.state {
            ArticleState::Draft => &["update", "publish"],
            ArticleState::Published => &["retire"],
            ArticleState::Retired => &["publish"],
        }
    }

    fn check(&self, action: &'static str) -> Result<()> {
        if self.allowed().contains(&action) {
            return Ok(());
        }
        Err(Error::illegal(Self::KIND, action, self.state.as_str(), self.allowed()))
    }

    /// Changes a draft.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `INVALID_FIELDS` when title or body are gone.
    pub fn update(mut self, text: Text) -> Result<Changed<Self>> {
        self.check("update")?;
        for (field, value) in [("title", &text.title), ("body", &text.body)] {
            if value.trim().is_empty() {
                return Err(Error::invalid(field, "string.min_len"));
            }
        }
        self.text = text;
        Ok(Changed::new(self, "update", "draft", ""))
    }

    /// Publishes it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn publish(mut self) -> Result<Changed<Self>> {
        self.check("publish")?;
        let from = self.state.as_str();
        self.state = ArticleState::Published;
        self.revision += 1;
        Ok(Changed::new(self, "publish", from, ""))
    }

    /// Retires it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn retire(mut self, reason: &str) -> Result<Changed<Self>> {
        self.check("retire")?;
        self.state = ArticleState::Retired;
        Ok(Changed::new(self, "retire", "published", reason))
    }

    /// Counts a request that it answered.
    ///
    /// # Errors
    ///
    /// `ARTICLE_NOT_PUBLISHED`.
    pub fn count_answer(mut self) -> Result<Changed<Self>> {
        if self.state != ArticleState::Published {
            return Err(Error::new(ARTICLE_NOT_PUBLISHED).with("article_id", &self.id));
        }
        self.answered += 1;
        Ok(Changed::new(self, "answered", "published", ""))
    }
}

#[cfg(test)]
mod tests {
    use common::{error::reason, id::Ids};

    use super::*;

    fn article(state: ArticleState) -> Article {
        let now = DateTime::UNIX_EPOCH;
        Article {
            id: Ids::random().make(now),
            version: 1,
            created_at: now,
            updated_at: now,
            org_unit_id: String::new(),
            text: Text {
                title: "Beeps".to_owned(),
                body: "Descale it.".to_owned(),
                category_codes: vec![],
                fault_codes: vec![],
                language: "en".to_owned(),
            },
            state,
            revision: 0,
            answered: 0,
        }
    }

    #[test]
    fn every_edge_and_no_other() {
        type Edge = fn(Article) -> Result<Changed<Article>>;
        let edges: [(&str, Edge); 3] = [
            ("update", |one| {
                let text = one.text.clone();
                one.update(text)
            }),
            ("publish", Article::publish),
            ("retire", |one| one.retire("old")),
        ];
        for state in ArticleState::ALL {
            for (name, edge) in edges {
                let wanted = match (*state, name) {
                    (ArticleState::Draft, "update") => Some(ArticleState::Draft),
                    (ArticleState::Draft | ArticleState::Retired, "publish") => Some(ArticleState::Published),
                    (ArticleState::Published, "retire") => Some(ArticleState::Retired),
                    _ => None,
                };
                match (edge(article(*state)), wanted) {
                    (Ok(changed), Some(wanted)) => assert_eq!(changed.record.state, wanted),
                    (Err(error), None) => assert_eq!(error.reason, reason::ILLEGAL_TRANSITION),
                    (got, wanted) => panic!("{state} {name}: {got:?}, wanted {wanted:?}"),
                }
            }
        }
    }

    #[test]
    fn only_a_published_article_answers() {
        assert_eq!(article(ArticleState::Published).count_answer().unwrap().record.answered, 1);
        assert_eq!(article(ArticleState::Draft).count_answer().unwrap_err().reason, ARTICLE_NOT_PUBLISHED);
    }
}
