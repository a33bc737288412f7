//! Invitations.

use common::{
    db::Tx,
    error::Result,
    reach::{Owned, Owner, Reach, Scoped},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
};
use proto::aftercare::survey::v1::InvitationFact;
use sea_orm::{Condition, ExprTrait as _, entity::prelude::*};

use crate::{
    Context,
    domain::{InvitationId, invitation::Invitation},
    events,
};

/// One invitation.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "invitation")]
pub struct Model {
    /// Id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Version of the record.
    pub version: i64,
    /// What it asks about, once.
    pub occasion_key: String,
    /// What kind of thing it asks about.
    pub topic: String,
    /// State.
    pub state: String,
    /// The customer.
    pub customer_id: String,
    /// The service request.
    pub service_request_id: Option<String>,
    /// The complaint.
    pub complaint_id: Option<String>,
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
    /// When the occasion was.
    pub occasion_at: DateTimeUtc,
    /// When it is or was to be sent.
    pub send_at: DateTimeUtc,
    /// When the customer was asked.
    pub asked_at: Option<DateTimeUtc>,
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
        Owner::unit(Column::OrgUnitId).link(Column::Id).within(reach)
    }
}

impl Table for Entity {
    type Record = Invitation;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &Invitation) -> Result<ActiveModel> {
        let occasion = &record.occasion;
        Ok(ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            occasion_key: set(occasion.key.clone()),
            topic: set(occasion.trigger.as_str().to_owned()),
            state: set(record.state().to_owned()),
            customer_id: set(occasion.customer_id.clone()),
            service_request_id: set(occasion.service_request_id.clone()),
            complaint_id: set(occasion.complaint_id.clone()),
            technician_id: set(record.technician_id.clone()),
            service_point_id: set(record.service_point_id.clone()),
            org_unit_id: set(occasion.org_unit_id.clone()),
            kind: set(occasion.kind.clone()),
            month: set(occasion.month.clone()),
            occasion_at: set(occasion.at),
            send_at: set(record.send_at().unwrap_or(record.created_at)),
            asked_at: set(record.asked().map(|asked| asked.at)),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: Model) -> Result<Invitation> {
        store::from_body(row.body)
    }
}

pub(crate) async fn find(on: &impl Scoped, id: &str) -> Result<Option<Invitation>> {
    store::find::<Entity>(on, id).await
}

pub(crate) async fn load(on: &impl Scoped, id: &InvitationId) -> Result<Invitation> {
    store::load::<Entity>(on, id.as_str()).await
}

/// Whether that occasion was planned already: an occasion is asked about at most once.
pub(crate) async fn known(on: &impl Scoped, occasion_key: &str) -> Result<bool> {
    Ok(Entity::find().filter(Column::OccasionKey.eq(occasion_key)).one(on).await?.is_some())
}

pub(crate) async fn insert(tx: &Tx, call: &Call, record: Invitation) -> Result<Invitation> {
    let (action, fact) = match record.waiting() {
        Some(_) => ("plan", InvitationFact::Planned),
        None => ("suppress", InvitationFact::Suppressed),
    };
    let event = events::invitation(fact, &record);
    let why = record.reason().to_owned();
    store::insert::<Entity, _>(tx, call, record, action, &why, &event).await
}

pub(crate) async fn save(
    tx: &Tx,
    call: &Call,
    fact: InvitationFact,
    changed: Changed<Invitation>,
) -> Result<Invitation> {
    let event = events::invitation(fact, &changed.record);
    store::save::<Entity, _>(tx, call, changed, &event).await
}

/// The planned invitations that a filter holds, the oldest first.
pub(crate) async fn planned(on: &impl Scoped, filter: sea_orm::sea_query::SimpleExpr) -> Result<Vec<Invitation>> {
    use sea_orm::QueryOrder as _;
    let rows = Entity::find()
        .filter(filter)
        .filter(Column::State.eq("planned"))
        .order_by_asc(Column::CreatedAt)
        .all(on)
        .await?;
    rows.into_iter().map(Entity::record).collect()
}

/// The link of an invitation; empty unless it can be used.
pub(crate) fn link_path(ctx: &Context, invitation: &Invitation) -> String {
    invitation
        .link_until()
        .map(|until| format!("/s/{}", ctx.rules.keys.sign(&invitation.id, until)))
        .unwrap_or_default()
}

/// Of this customer.
pub(crate) fn of_customer(id: &str) -> sea_orm::sea_query::SimpleExpr {
    Column::CustomerId.eq(id)
}

/// About how this service request was solved. The closing of a complaint about it is another matter.
pub(crate) fn of_service_request(id: &str) -> sea_orm::sea_query::SimpleExpr {
    Column::ServiceRequestId.eq(id).and(Column::Topic.ne("complaint_closed"))
}

/// About the closing of this complaint. A request that the complaint asked for is another matter.
pub(crate) fn of_closed_complaint(id: &str) -> sea_orm::sea_query::SimpleExpr {
    Column::ComplaintId.eq(id).and(Column::Topic.eq("complaint_closed"))
}
