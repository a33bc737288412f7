//! Given answers.

use common::{
    db::Tx,
    error::Result,
    reach::{Owned, Owner, Reach, Scoped},
    record::Changed,
    service::Call,
    store::{self, Table, set},
};
use proto::aftercare::survey::v1::ResponseFact;
use sea_orm::{Condition, entity::prelude::*};

use crate::{
    domain::{ResponseId, response::Response},
    events,
};

/// One answer.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "response")]
pub struct Model {
    /// Id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Version of the record.
    pub version: i64,
    /// Human number.
    pub number: String,
    /// The invitation it answers.
    pub invitation_id: String,
    /// What kind of thing it is about.
    pub topic: String,
    /// What it opened; empty when nothing.
    pub route: String,
    /// The customer.
    pub customer_id: String,
    /// The service request.
    pub service_request_id: Option<String>,
    /// The technician.
    pub technician_id: Option<String>,
    /// The service point.
    pub service_point_id: Option<String>,
    /// Owner.
    pub org_unit_id: String,
    /// Kind of the service request.
    pub kind: String,
    /// Month of the occasion, local time.
    pub month: String,
    /// NPS.
    pub nps: Option<i32>,
    /// CSAT.
    pub csat: Option<i32>,
    /// CES.
    pub ces: Option<i32>,
    /// When the occasion was.
    pub occasion_at: DateTimeUtc,
    /// When it was given.
    pub created_at: DateTimeUtc,
    /// When a link was added last.
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
    type Record = Response;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &Response) -> Result<ActiveModel> {
        let occasion = &record.occasion;
        Ok(ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            number: set(record.number.clone()),
            invitation_id: set(record.invitation_id.to_string()),
            topic: set(occasion.trigger.as_str().to_owned()),
            route: set(record.route.map(|route| route.as_str().to_owned()).unwrap_or_default()),
            customer_id: set(occasion.customer_id.clone()),
            service_request_id: set(occasion.service_request_id.clone()),
            technician_id: set(record.technician_id.clone()),
            service_point_id: set(record.service_point_id.clone()),
            org_unit_id: set(occasion.org_unit_id.clone()),
            kind: set(occasion.kind.clone()),
            month: set(occasion.month.clone()),
            nps: set(record.scores.nps),
            csat: set(record.scores.csat),
            ces: set(record.scores.ces),
            occasion_at: set(occasion.at),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: Model) -> Result<Response> {
        store::from_body(row.body)
    }
}

pub(crate) async fn find(on: &impl Scoped, id: &str) -> Result<Option<Response>> {
    store::find::<Entity>(on, id).await
}

pub(crate) async fn load(on: &impl Scoped, id: &ResponseId) -> Result<Response> {
    store::load::<Entity>(on, id.as_str()).await
}

pub(crate) async fn insert(tx: &Tx, call: &Call, record: Response) -> Result<Response> {
    let event = events::response(ResponseFact::Answered, &record);
    store::insert::<Entity, _>(tx, call, record, "answer", "", &event).await
}

pub(crate) async fn save(tx: &Tx, call: &Call, fact: ResponseFact, changed: Changed<Response>) -> Result<Response> {
    let event = events::response(fact, &changed.record);
    store::save::<Entity, _>(tx, call, changed, &event).await
}
