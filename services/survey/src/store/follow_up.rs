//! Follow-ups.

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
    domain::{FollowUpId, follow_up::FollowUp},
    events,
};

/// One follow-up.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "follow_up")]
pub struct Model {
    /// Id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Version of the record.
    pub version: i64,
    /// State.
    pub state: String,
    /// Who deals with it.
    pub route: String,
    /// The answer that opened it.
    pub response_id: String,
    /// The customer.
    pub customer_id: String,
    /// Owner.
    pub org_unit_id: String,
    /// The complaint that deals with it.
    pub complaint_id: Option<String>,
    /// To be closed by then.
    pub due_at: DateTimeUtc,
    /// When it was closed.
    pub closed_at: Option<DateTimeUtc>,
    /// Whole minutes from the answer to the close.
    pub minutes_to_close: Option<i64>,
    /// When it was opened.
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
    type Record = FollowUp;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &FollowUp) -> Result<ActiveModel> {
        Ok(ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            state: set(record.state().to_owned()),
            route: set(record.route.as_str().to_owned()),
            response_id: set(record.response_id.to_string()),
            customer_id: set(record.customer_id.clone()),
            org_unit_id: set(record.org_unit_id.clone()),
            complaint_id: set(record.complaint_id.clone()),
            due_at: set(record.due_at),
            closed_at: set(record.closed_at()),
            minutes_to_close: set(record.closed_at().map(|at| (at - record.created_at).num_minutes())),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: Model) -> Result<FollowUp> {
        store::from_body(row.body)
    }
}

pub(crate) async fn find(on: &impl Scoped, id: &str) -> Result<Option<FollowUp>> {
    store::find::<Entity>(on, id).await
}

pub(crate) async fn load(on: &impl Scoped, id: &FollowUpId) -> Result<FollowUp> {
    store::load::<Entity>(on, id.as_str()).await
}

pub(crate) async fn insert(tx: &Tx, call: &Call, record: FollowUp) -> Result<FollowUp> {
    let event = events::record(&record, "open");
    store::insert::<Entity, _>(tx, call, record, "open", "", &event).await
}

pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<FollowUp>) -> Result<FollowUp> {
    let event = events::record(&changed.record, changed.action);
    store::save::<Entity, _>(tx, call, changed, &event).await
}

/// The follow-ups that a complaint deals with.
pub(crate) async fn of_complaint(on: &impl Scoped, complaint_id: &str) -> Result<Vec<FollowUp>> {
    let rows = Entity::find().filter(Column::ComplaintId.eq(complaint_id)).all(on).await?;
    rows.into_iter().map(Entity::record).collect()
}
