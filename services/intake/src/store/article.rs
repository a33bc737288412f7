//! Articles.

use common::{
    db::Tx,
    error::Result,
    reach::{Owned, Reach, Scoped, shared},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
};

use super::fact;
use sea_orm::Condition;

use crate::domain::{ArticleId, article::Article};

/// Rows of the table `article`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One article.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "article")]
    pub struct Model {
        /// Id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Version.
        pub version: i64,
        /// State.
        pub state: String,
        /// Language.
        pub language: String,
        /// Title and body, in lower case.
        pub search: String,
        /// How many requests it answered.
        pub answered: i64,
        /// When it was made.
        pub created_at: DateTimeUtc,
        /// When it last changed.
        pub updated_at: DateTimeUtc,
        /// All of it.
        pub body: Json,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{Column, Entity};

impl Owned for Entity {
    fn within(_: &Reach) -> Condition {
        shared()
    }
}

impl Table for Entity {
    type Record = Article;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &Article) -> Result<entity::ActiveModel> {
        Ok(entity::ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            state: set(record.state().to_owned()),
            language: set(record.text.language.clone()),
            search: set(format!("{}\n{}", record.text.title, record.text.body).to_lowercase()),
            answered: set(record.answered),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: entity::Model) -> Result<Article> {
        store::from_body(row.body)
    }
}

/// The article of that id.
pub(crate) async fn load(on: &impl Scoped, id: &ArticleId) -> Result<Article> {
    store::load::<Entity>(on, id.as_str()).await
}

/// Adds an article.
pub(crate) async fn insert(tx: &Tx, call: &Call, article: Article) -> Result<Article> {
    let event = fact(article.id.as_str(), "create", article.state());
    store::insert::<Entity, _>(tx, call, article, "create", "", &event).await
}

/// Saves an article.
pub(crate) async fn save(tx: &Tx, call: &Call, mut changed: Changed<Article>) -> Result<Article> {
    changed.record.updated_at = call.now;
    let event = fact(changed.record.id.as_str(), changed.action, changed.record.state());
    store::save::<Entity, _>(tx, call, changed, &event).await
}
