//! Agents who make callbacks, and their load.

use std::collections::HashMap;

use common::{
    db::Tx,
    error::Result,
    reach::{Owned, Owner, Reach, Scoped},
    record::Changed,
    service::Call,
    store::{self, Table, set},
};
use sea_orm::{Condition, QuerySelect as _, entity::prelude::*};

use super::callback;
use crate::{
    domain::agent::{CallbackAgent, Load},
    events,
};

/// One agent.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "callback_agent")]
pub struct Model {
    /// The person's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Version of the record.
    pub version: i64,
    /// Organisation unit worked for.
    pub org_unit_id: String,
    /// Whether callbacks may be given to the agent.
    pub available: bool,
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
    fn within(reach: &Reach) -> Condition {
        Owner::unit(Column::OrgUnitId).within(reach)
    }
}

impl Table for Entity {
    type Record = CallbackAgent;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &CallbackAgent) -> Result<ActiveModel> {
        Ok(ActiveModel {
            id: set(record.id.clone()),
            version: set(record.version),
            org_unit_id: set(record.org_unit_id.clone()),
            available: set(record.available),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: Model) -> Result<CallbackAgent> {
        store::from_body(row.body)
    }
}

pub(crate) async fn find(on: &impl Scoped, id: &str) -> Result<Option<CallbackAgent>> {
    store::find::<Entity>(on, id).await
}

pub(crate) async fn load(on: &impl Scoped, id: &str) -> Result<CallbackAgent> {
    store::load::<Entity>(on, id).await
}

pub(crate) async fn insert(tx: &Tx, call: &Call, record: CallbackAgent) -> Result<CallbackAgent> {
    let event = events::record(&record, "set");
    store::insert::<Entity, _>(tx, call, record, "set", "", &event).await
}

pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<CallbackAgent>) -> Result<CallbackAgent> {
    let event = events::record(&changed.record, changed.action);
    store::save::<Entity, _>(tx, call, changed, &event).await
}

/// The agents to whom callbacks may be given, with their load.
pub(crate) async fn loads(on: &impl Scoped) -> Result<Vec<Load>> {
    let open = open_callbacks(on).await?;
    let rows = Entity::find().filter(Column::Available.eq(true)).all(on).await?;
    rows.into_iter()
        .map(|row| {
            let agent = Entity::record(row)?;
            let open = open.get(&agent.id).copied().unwrap_or_default();
            Ok(Load { agent, open })
        })
        .collect()
}

/// How many open callbacks each agent has.
pub(crate) async fn open_callbacks(on: &impl Scoped) -> Result<HashMap<String, u64>> {
    let counts: Vec<(Option<String>, i64)> = callback::Entity::find()
        .select_only()
        .column(callback::Column::AgentId)
        .column_as(callback::Column::Id.count(), "open")
        .filter(callback::Column::State.eq("open"))
        .filter(callback::Column::AgentId.is_not_null())
        .group_by(callback::Column::AgentId)
        .into_tuple()
        .all(on)
        .await?;
    let known = |(agent, open): (Option<String>, i64)| Some((agent?, u64::try_from(open).unwrap_or_default()));
    Ok(counts.into_iter().filter_map(known).collect())
}
