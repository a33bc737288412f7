//! Rows of notifications, changed texts and preferences.

use chrono::{DateTime, Utc};
use common::{
    db::{Db, Tx},
    error::Result,
    reach::Reach,
    record::Changed,
    service::Call,
    store::{self, Table, set},
};
use sea_orm::{Condition, QueryOrder as _, QuerySelect as _, entity::prelude::*};

use crate::domain::notification::{Preferences, Template};

/// To be sent.
pub(crate) const PENDING: &str = "pending";
/// A channel took it.
pub(crate) const SENT: &str = "sent";
/// It was not to be sent.
pub(crate) const SUPPRESSED: &str = "suppressed";
/// Tried for long enough.
pub(crate) const PARKED: &str = "parked";

/// The table `notification`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One notification.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notification")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub kind: String,
        pub recipient_kind: String,
        pub recipient_id: String,
        pub org_unit_id: String,
        pub service_request_id: String,
        /// What fills the text in, JSON; nothing of a person.
        pub words: String,
        pub state: String,
        pub channel: String,
        pub result: String,
        pub tries: i32,
        pub next_try_at: DateTimeUtc,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl common::reach::Owned for Entity {
    fn within(reach: &Reach) -> Condition {
        within(reach)
    }
}

/// The table `notification_template`.
pub(crate) mod template {
    use sea_orm::entity::prelude::*;

    /// A changed text; the body is the truth.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "notification_template")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub updated_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `notification_preferences`.
pub(crate) mod preferences {
    use sea_orm::entity::prelude::*;

    /// What somebody does not want; the body is the truth.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "notification_preferences")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub updated_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl common::reach::Owned for template::Entity {
    /// Texts are everybody's who may change them.
    fn within(_: &Reach) -> Condition {
        common::reach::shared()
    }
}

impl Table for template::Entity {
    type Record = Template;
    const ID: template::Column = template::Column::Id;
    const VERSION: template::Column = template::Column::Version;

    fn row(record: &Template) -> Result<template::ActiveModel> {
        Ok(template::ActiveModel {
            id: set(record.id.clone()),
            version: set(record.version),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: template::Model) -> Result<Template> {
        store::from_body(row.body)
    }
}

impl common::reach::Owned for preferences::Entity {
    /// The RPC asks intake for the customer as the caller first.
    fn within(_: &Reach) -> Condition {
        common::reach::shared()
    }
}

impl Table for preferences::Entity {
    type Record = Preferences;
    const ID: preferences::Column = preferences::Column::Id;
    const VERSION: preferences::Column = preferences::Column::Version;

    fn row(record: &Preferences) -> Result<preferences::ActiveModel> {
        Ok(preferences::ActiveModel {
            id: set(record.id.clone()),
            version: set(record.version),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: preferences::Model) -> Result<Preferences> {
        store::from_body(row.body)
    }
}

use entity::{Column, Entity, Model};

/// The notifications that somebody sees: all, or those of the own units.
pub(crate) fn within(reach: &Reach) -> Condition {
    match reach {
        Reach::All => Condition::all(),
        Reach::Units(units) if !units.is_empty() => {
            Condition::all().add(Column::OrgUnitId.is_in(units.iter().map(String::as_str)))
        }
        _ => Condition::all().add(Expr::cust("1 = 0")),
    }
}

/// What is due, the oldest first.
pub(crate) async fn due(on: &impl ConnectionTrait, now: DateTime<Utc>, limit: u64) -> Result<Vec<Model>> {
    let due = Condition::all().add(Column::State.eq(PENDING)).add(Column::NextTryAt.lte(now));
    Ok(Entity::find().filter(due).order_by_asc(Column::NextTryAt).order_by_asc(Column::Id).limit(limit).all(on).await?)
}

/// All that waits for one recipient, of one kind.
pub(crate) async fn waiting(on: &impl ConnectionTrait, kind: &str, recipient: &str) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::State.eq(PENDING))
        .filter(Column::Kind.eq(kind))
        .filter(Column::RecipientId.eq(recipient))
        .order_by_asc(Column::CreatedAt)
        .all(on)
        .await?)
}

/// How many a recipient got since an instant.
pub(crate) async fn sent_since(on: &impl ConnectionTrait, recipient: &str, since: DateTime<Utc>) -> Result<u64> {
    Ok(Entity::find()
        .filter(Column::RecipientId.eq(recipient))
        .filter(Column::State.eq(SENT))
        .filter(Column::UpdatedAt.gte(since))
        .count(on)
        .await?)
}

/// What one try, or the decision not to try, came to.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    pub(crate) state: &'static str,
    pub(crate) channel: String,
    pub(crate) result: String,
    pub(crate) tried: bool,
    pub(crate) next_try_at: Option<DateTime<Utc>>,
}

/// Writes down what became of some notifications.
pub(crate) async fn keep(tx: &Tx, ids: Vec<String>, fate: &Fate, now: DateTime<Utc>) -> Result<()> {
    let mut update = Entity::update_many()
        .col_expr(Column::State, Expr::value(fate.state))
        .col_expr(Column::Channel, Expr::value(fate.channel.clone()))
        .col_expr(Column::Result, Expr::value(fate.result.clone()))
        .col_expr(Column::UpdatedAt, Expr::value(now));
    if fate.tried {
        update = update.col_expr(Column::Tries, sea_orm::sea_query::ExprTrait::add(Expr::col(Column::Tries), 1));
    }
    if let Some(at) = fate.next_try_at {
        update = update.col_expr(Column::NextTryAt, Expr::value(at));
    }
    update.filter(Column::Id.is_in(ids)).filter(Column::State.eq(PENDING)).exec(tx).await?;
    Ok(())
}

/// What is older than anybody wants to hear of is not sent any more.
pub(crate) async fn expire(db: &Db, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64> {
    let expired = Entity::update_many()
        .col_expr(Column::State, Expr::value(SUPPRESSED))
        .col_expr(Column::Result, Expr::value("stale"))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::State.eq(PENDING))
        .filter(Column::CreatedAt.lt(before))
        .exec(db.write())
        .await?;
    Ok(expired.rows_affected)
}

/// Deletes notifications that came to their end before an instant.
pub(crate) async fn sweep(db: &Db, before: DateTime<Utc>) -> Result<u64> {
    let old = Condition::all().add(Column::State.ne(PENDING)).add(Column::UpdatedAt.lt(before));
    Ok(Entity::delete_many().filter(old).exec(db.write()).await?.rows_affected)
}

/// The changed text of that id, if there is one.
pub(crate) async fn template(on: &impl ConnectionTrait, id: &str) -> Result<Option<Template>> {
    template::Entity::find_by_id(id.to_owned()).one(on).await?.map(template::Entity::record).transpose()
}

/// All changed texts.
pub(crate) async fn templates(on: &impl ConnectionTrait) -> Result<Vec<Template>> {
    template::Entity::find().all(on).await?.into_iter().map(template::Entity::record).collect()
}

/// Keeps a changed text: its first version, or its next.
pub(crate) async fn keep_template(tx: &Tx, call: &Call, changed: Changed<Template>) -> Result<Template> {
    let event = super::event_of(&changed.record, changed.action);
    if changed.record.version == 0 {
        return store::insert::<template::Entity, _>(tx, call, changed.record, "update", "", &event).await;
    }
    store::save::<template::Entity, _>(tx, call, changed, &event).await
}

/// What somebody does not want, if anything was ever said.
pub(crate) async fn preferences(on: &impl ConnectionTrait, person: &str) -> Result<Option<Preferences>> {
    preferences::Entity::find_by_id(person.to_owned()).one(on).await?.map(preferences::Entity::record).transpose()
}

/// Keeps what somebody does not want.
pub(crate) async fn keep_preferences(tx: &Tx, call: &Call, kept: Preferences) -> Result<Preferences> {
    let event = super::event_of(&kept, "update");
    if kept.version == 0 {
        return store::insert::<preferences::Entity, _>(tx, call, kept, "update", "", &event).await;
    }
    store::save::<preferences::Entity, _>(tx, call, Changed::new(kept, "update", "", ""), &event).await
}
