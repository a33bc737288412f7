//! Rows of holds: capacity that is kept, and the timer that frees it.

use chrono::{DateTime, Utc};
use common::{
    convert::{Position, Window},
    db::Tx,
    error::Result,
    reach::{Owned, Owner, Reach, Scoped},
    record::Changed,
    service::Call,
    store::{self, Table, set},
    timer,
};
use sea_orm::{Condition, QueryOrder as _, QuerySelect as _, entity::prelude::*};

use crate::domain::{
    SlotHoldId,
    eligibility::Visit,
    slot::{SlotHold, State},
};

/// The timer of a hold that runs out.
pub(crate) const EXPIRY: &str = "slot_hold";

/// States that keep others out.
pub(crate) const OPEN: [&str; 2] = ["held", "booked"];

/// The table `slot_hold`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// A hold; the body is the truth.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "slot_hold")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub state: String,
        pub org_unit_id: String,
        pub service_point_id: String,
        /// Empty when there is none.
        pub service_request_id: String,
        /// Empty when there is none yet.
        pub work_order_id: String,
        pub planned_start: DateTimeUtc,
        pub planned_end: DateTimeUtc,
        pub latitude: Option<f64>,
        pub longitude: Option<f64>,
        pub expires_at: DateTimeUtc,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `hold_seat`.
pub(crate) mod seat {
    use sea_orm::entity::prelude::*;

    /// Somebody whom a hold keeps.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "hold_seat")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub slot_hold_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub technician_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl Owned for entity::Entity {
    fn within(reach: &Reach) -> Condition {
        Owner::unit(entity::Column::OrgUnitId).within(reach)
    }
}

impl Table for entity::Entity {
    type Record = SlotHold;
    const ID: entity::Column = entity::Column::Id;
    const VERSION: entity::Column = entity::Column::Version;

    fn row(hold: &SlotHold) -> Result<entity::ActiveModel> {
        Ok(entity::ActiveModel {
            id: set(hold.id.to_string()),
            version: set(hold.version),
            state: set(hold.state.name().to_owned()),
            org_unit_id: set(hold.org_unit_id.clone()),
            service_point_id: set(hold.service_point_id.to_string()),
            service_request_id: set(hold.service_request_id.clone().unwrap_or_default()),
            work_order_id: set(hold.work_order_id.clone().unwrap_or_default()),
            planned_start: set(hold.planned.start),
            planned_end: set(hold.planned.end),
            latitude: set(hold.position.map(|place| place.latitude)),
            longitude: set(hold.position.map(|place| place.longitude)),
            expires_at: set(hold.expires_at),
            created_at: set(hold.created_at),
            updated_at: set(hold.updated_at),
            body: set(store::body(hold)?),
        })
    }

    fn record(row: entity::Model) -> Result<SlotHold> {
        store::from_body(row.body)
    }
}

/// The hold of that id.
pub(crate) async fn load(on: &impl Scoped, id: &SlotHoldId) -> Result<SlotHold> {
    store::load::<entity::Entity>(on, id.as_str()).await
}

/// The hold of that id, if there is one.
pub(crate) async fn find(on: &impl Scoped, id: &str) -> Result<Option<SlotHold>> {
    store::find::<entity::Entity>(on, id).await
}

/// Adds a hold with its timer.
pub(crate) async fn insert(tx: &Tx, call: &Call, hold: SlotHold) -> Result<SlotHold> {
    let changed = Changed::new(hold, "hold", "", "");
    let event = super::event(&changed);
    let hold = store::insert::<entity::Entity, _>(tx, call, changed.record, "hold", "", &event).await?;
    for technician in &hold.technicians {
        let row =
            seat::ActiveModel { slot_hold_id: set(hold.id.to_string()), technician_id: set(technician.to_string()) };
        seat::Entity::insert(row).exec_without_returning(tx).await?;
    }
    timer::schedule(tx, EXPIRY, hold.id.as_str(), hold.expires_at).await?;
    Ok(hold)
}

/// Saves a change; a hold that keeps nobody any more needs no timer.
pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<SlotHold>) -> Result<SlotHold> {
    let event = super::event(&changed);
    let hold = store::save::<entity::Entity, _>(tx, call, changed, &event).await?;
    match hold.state {
        State::Held | State::Booked => timer::schedule(tx, EXPIRY, hold.id.as_str(), hold.expires_at).await?,
        State::Used | State::Released | State::Expired => timer::cancel(tx, EXPIRY, hold.id.as_str()).await?,
    }
    Ok(hold)
}

/// The booked hold of a request that waits for its work order: of the request's own unit, or of somebody who sees all of
/// them. A request that another unit only named is not disturbed.
pub(crate) async fn waiting_for(on: &impl Scoped, request_id: &str, org_unit_id: &str) -> Result<Option<SlotHold>> {
    use entity::Column;
    let row = entity::Entity::find()
        .filter(Column::ServiceRequestId.eq(request_id))
        .filter(Column::OrgUnitId.is_in(["", org_unit_id]))
        .filter(Column::State.eq("booked"))
        .order_by_desc(Column::UpdatedAt)
        .limit(1)
        .one(on)
        .await?;
    row.map(<entity::Entity as Table>::record).transpose()
}

/// Holds that keep a technician, or a service point, in a span; without one hold.
pub(crate) async fn open_in(
    on: &impl Scoped,
    span: &Window,
    now: DateTime<Utc>,
    without: &str,
    of: Option<(&str, &str)>,
) -> Result<Vec<(String, String, Visit)>> {
    use entity::Column;
    let mut select = entity::Entity::find()
        .find_with_related_seats()
        .filter(Column::State.is_in(OPEN))
        .filter(Column::ExpiresAt.gt(now))
        .filter(Column::PlannedStart.lt(span.end))
        .filter(Column::PlannedEnd.gt(span.start));
    if !without.is_empty() {
        select = select.filter(Column::Id.ne(without));
    }
    if let Some((technician, point)) = of {
        let either =
            Condition::any().add(seat::Column::TechnicianId.eq(technician)).add(Column::ServicePointId.eq(point));
        select = select.filter(either);
    }
    let rows: Vec<Kept> = select.into_model::<Kept>().all(on).await?;
    Ok(rows.into_iter().map(Kept::visit).collect())
}

trait Seats {
    fn find_with_related_seats(self) -> Self;
}

impl Seats for Select<entity::Entity> {
    /// One row for every technician of a hold.
    fn find_with_related_seats(self) -> Self {
        use entity::Column;
        self.select_only()
            .columns([Column::Id, Column::ServicePointId, Column::PlannedStart, Column::PlannedEnd])
            .columns([Column::Latitude, Column::Longitude])
            .column_as(seat::Column::TechnicianId, "technician_id")
            .join(
                sea_orm::JoinType::InnerJoin,
                entity::Entity::belongs_to(seat::Entity).from(Column::Id).to(seat::Column::SlotHoldId).into(),
            )
    }
}

#[derive(Debug, sea_orm::FromQueryResult)]
struct Kept {
    id: String,
    service_point_id: String,
    technician_id: String,
    planned_start: DateTime<Utc>,
    planned_end: DateTime<Utc>,
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl Kept {
    fn visit(self) -> (String, String, Visit) {
        let position = self.latitude.zip(self.longitude).map(|(latitude, longitude)| Position { latitude, longitude });
        let planned = Window { start: self.planned_start, end: self.planned_end };
        (self.technician_id, self.service_point_id, Visit { number: self.id, planned, position })
    }
}

/// What is held, and not booked, for a work order.
pub(crate) async fn held_for(on: &impl Scoped, work_order_id: &str) -> Result<Vec<SlotHold>> {
    use entity::Column;
    let rows = entity::Entity::find()
        .filter(Column::WorkOrderId.eq(work_order_id))
        .filter(Column::State.eq("held"))
        .all(on)
        .await?;
    rows.into_iter().map(<entity::Entity as Table>::record).collect()
}
