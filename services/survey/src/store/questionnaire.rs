//! Questionnaires.

use common::{
    db::Tx,
    error::{Error, Result},
    reach::{Owned, Reach, Scoped, shared},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
};
use sea_orm::{Condition, QueryOrder as _, entity::prelude::*};

use crate::{
    domain::{QuestionnaireId, questionnaire::Questionnaire},
    error::NO_QUESTIONNAIRE,
    events,
};

/// One version of a questionnaire.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "questionnaire")]
pub struct Model {
    /// Id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Version of the record.
    pub version: i64,
    /// Which questionnaire.
    pub code: String,
    /// Number of the version.
    pub number: i32,
    /// State.
    pub state: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was changed last.
    pub updated_at: DateTimeUtc,
    /// The whole record.
    pub body: Json,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    fn within(_: &Reach) -> Condition {
        shared()
    }
}

impl Table for Entity {
    type Record = Questionnaire;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &Questionnaire) -> Result<ActiveModel> {
        Ok(ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            code: set(record.code.clone()),
            number: set(record.number),
            state: set(record.state().to_owned()),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: Model) -> Result<Questionnaire> {
        store::from_body(row.body)
    }
}

pub(crate) async fn load(on: &impl Scoped, id: &QuestionnaireId) -> Result<Questionnaire> {
    store::load::<Entity>(on, id.as_str()).await
}

pub(crate) async fn insert(tx: &Tx, call: &Call, record: Questionnaire, action: &'static str) -> Result<Questionnaire> {
    let event = events::record(&record, action);
    store::insert::<Entity, _>(tx, call, record, action, "", &event).await
}

pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<Questionnaire>) -> Result<Questionnaire> {
    let event = events::record(&changed.record, changed.action);
    store::save::<Entity, _>(tx, call, changed, &event).await
}

/// The published version of that code, if there is one.
pub(crate) async fn find_published(on: &impl Scoped, code: &str) -> Result<Option<Questionnaire>> {
    let row = Entity::find().filter(Column::Code.eq(code)).filter(Column::State.eq("published")).one(on).await?;
    row.map(Entity::record).transpose()
}

/// The published version of that code.
pub(crate) async fn published(on: &impl Scoped, code: &str) -> Result<Questionnaire> {
    find_published(on, code).await?.ok_or_else(|| Error::new(NO_QUESTIONNAIRE).with("code", code))
}

/// The number of the latest version of that code; 0 when there is none.
pub(crate) async fn latest_number(on: &impl Scoped, code: &str) -> Result<i32> {
    let row = Entity::find().filter(Column::Code.eq(code)).order_by_desc(Column::Number).one(on).await?;
    Ok(row.map_or(0, |row| row.number))
}
