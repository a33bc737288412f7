//! Callbacks.

use common::{
    db::Tx,
    error::Result,
    reach::{Owned, Owner, Reach, Scoped},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
};
use sea_orm::{Condition, entity::prelude::*};

use crate::{
    domain::{
        CallbackId,
        callback::{Callback, State},
    },
    events,
};

/// One callback.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "callback")]
pub struct Model {
    /// Id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Version of the record.
    pub version: i64,
    /// State.
    pub state: String,
    /// The invitation it serves.
    pub invitation_id: String,
    /// The customer.
    pub customer_id: String,
    /// Owner.
    pub org_unit_id: String,
    /// Who has it.
    pub agent_id: Option<String>,
    /// Not before this; when it ended, once it has.
    pub next_try_at: DateTimeUtc,
    /// To be done by then.
    pub due_at: DateTimeUtc,
    /// When it ended.
    pub ended_at: Option<DateTimeUtc>,
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
        Owner::unit(Column::OrgUnitId).link(Column::InvitationId).within(reach)
    }
}

impl Table for Entity {
    type Record = Callback;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &Callback) -> Result<ActiveModel> {
        let next_try_at = match &record.state {
            State::Open { next_try_at, .. } => *next_try_at,
            State::Done { at, .. }
            | State::Refused { at }
            | State::Unreachable { at }
            | State::WrongNumber { at }
            | State::Settled { at } => *at,
        };
        Ok(ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            state: set(record.state().to_owned()),
            invitation_id: set(record.invitation_id.to_string()),
            customer_id: set(record.customer_id.clone()),
            org_unit_id: set(record.org_unit_id.clone()),
            agent_id: set(record.agent_id().map(str::to_owned)),
            next_try_at: set(next_try_at),
            due_at: set(record.due_at),
            ended_at: set(record.ended_at()),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: Model) -> Result<Callback> {
        store::from_body(row.body)
    }
}

pub(crate) async fn find(on: &impl Scoped, id: &str) -> Result<Option<Callback>> {
    store::find::<Entity>(on, id).await
}

pub(crate) async fn load(on: &impl Scoped, id: &CallbackId) -> Result<Callback> {
    store::load::<Entity>(on, id.as_str()).await
}

pub(crate) async fn insert(tx: &Tx, call: &Call, record: Callback) -> Result<Callback> {
    let event = events::record(&record, "open");
    store::insert::<Entity, _>(tx, call, record, "open", "", &event).await
}

pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<Callback>) -> Result<Callback> {
    let event = events::record(&changed.record, changed.action);
    store::save::<Entity, _>(tx, call, changed, &event).await
}
