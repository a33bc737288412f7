//! Rows of work orders: what lists filter by, and the timers that follow from a state.

use chrono::{DateTime, Utc};
use common::{
    convert::{Position, Window},
    db::Tx,
    error::Result,
    reach::{Owned, Owner, Reach, Scoped, select},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
    timer, whose,
};
use sea_orm::{Condition, FromQueryResult, QueryOrder as _, QuerySelect as _, entity::prelude::*};

use crate::{
    convert,
    domain::{WorkOrderId, eligibility::Visit, work_order::WorkOrder},
};

/// The timer of an offer that runs out.
pub(crate) const OFFER: &str = "offer";
/// The timer of a customer who must have been reached.
pub(crate) const CONTACT: &str = "contact";
/// The timer of a window that ends.
pub(crate) const LATE: &str = "late";
/// The timer of the next step of an escalation.
pub(crate) const ESCALATION: &str = "escalation";

/// States in which the technician's time is taken.
const BUSY: [&str; 6] = ["assigned", "accepted", "en_route", "on_site", "in_progress", "suspended"];
/// States that count for the limits of a day.
const COUNTED: [&str; 9] =
    ["assigned", "accepted", "en_route", "on_site", "in_progress", "suspended", "completed", "failed", "verified"];

/// What stands for the state of a hold.
const HELD: &str = "held";
/// Actions after which others may go.
const SEATING: [&str; 6] = ["assign", "reschedule", "replan", "unassign", "refuse", "expire_offer"];

/// The table `crew_seat`.
pub(crate) mod seat {
    use sea_orm::entity::prelude::*;

    /// Somebody who comes along.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "crew_seat")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub work_order_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub technician_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `work_order`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// A work order; the body is the truth.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "work_order")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub number: String,
        pub state: String,
        pub org_unit_id: String,
        pub service_request_id: String,
        pub service_request_number: String,
        pub visit_number: i32,
        pub customer_id: String,
        pub kind: String,
        /// Empty while unassigned.
        pub technician_id: String,
        /// Empty while unassigned.
        pub service_point_id: String,
        /// Start of the window given, promised or wished for; the end of time when there is none.
        pub window_start: DateTimeUtc,
        pub planned_start: Option<DateTimeUtc>,
        pub planned_end: Option<DateTimeUtc>,
        pub latitude: Option<f64>,
        pub longitude: Option<f64>,
        /// The end of time when there is none.
        pub resolution_due_at: DateTimeUtc,
        pub escalated: bool,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Stands for "no such instant" in columns that order lists: 2200-01-01.
pub(crate) fn end_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(7_258_118_400, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl Owned for entity::Entity {
    fn within(reach: &Reach) -> Condition {
        use entity::Column;
        match reach {
            Reach::Partner(_) => whose::cases(Column::ServiceRequestId, reach),
            Reach::All
            | Reach::Units(_)
            | Reach::Technician { .. }
            | Reach::Link(_)
            | Reach::Own(_)
            | Reach::Nothing => Owner::unit(Column::OrgUnitId).technician(Column::TechnicianId).within(reach),
        }
    }
}

impl Table for entity::Entity {
    type Record = WorkOrder;
    const ID: entity::Column = entity::Column::Id;
    const VERSION: entity::Column = entity::Column::Version;

    fn row(order: &WorkOrder) -> Result<entity::ActiveModel> {
        let at = order.state.assignment();
        let window = at.map(|at| at.window).or(order.promised).or(order.request.windows.first().copied());
        Ok(entity::ActiveModel {
            id: set(order.id.to_string()),
            version: set(order.version),
            number: set(order.number.clone()),
            state: set(order.state().to_owned()),
            org_unit_id: set(order.request.org_unit_id.clone()),
            service_request_id: set(order.request.id.clone()),
            service_request_number: set(order.request.number.clone()),
            visit_number: set(order.visit_number),
            customer_id: set(order.request.customer_id.clone()),
            kind: set(order.request.kind.clone()),
            technician_id: set(at.map(|at| at.technician_id.to_string()).unwrap_or_default()),
            service_point_id: set(at.map(|at| at.service_point_id.to_string()).unwrap_or_default()),
            window_start: set(window.map_or_else(end_of_time, |window| window.start)),
            planned_start: set(at.map(|at| at.planned.start)),
            planned_end: set(at.map(|at| at.planned.end)),
            latitude: set(order.request.position.map(|place| place.latitude)),
            longitude: set(order.request.position.map(|place| place.longitude)),
            resolution_due_at: set(order.request.resolution_due_at.unwrap_or_else(end_of_time)),
            escalated: set(order.attention > 0),
            created_at: set(order.created_at),
            updated_at: set(order.updated_at),
            body: set(store::body(order)?),
        })
    }

    fn record(row: entity::Model) -> Result<WorkOrder> {
        store::from_body(row.body)
    }
}

/// The work order of that id.
pub(crate) async fn load(on: &impl Scoped, id: &WorkOrderId) -> Result<WorkOrder> {
    store::load::<entity::Entity>(on, id.as_str()).await
}

/// The work order of that id, if there is one.
pub(crate) async fn find(on: &impl Scoped, id: &str) -> Result<Option<WorkOrder>> {
    store::find::<entity::Entity>(on, id).await
}

/// Adds a work order.
pub(crate) async fn insert(tx: &Tx, call: &Call, order: WorkOrder) -> Result<WorkOrder> {
    let changed = Changed::new(order, "create", "", "");
    let event = convert::work_order::event(&changed);
    store::insert::<entity::Entity, _>(tx, call, changed.record, "create", "", &event).await
}

/// Saves a change and sets the timers that follow from it.
pub(crate) async fn save(tx: &Tx, call: &Call, mut changed: Changed<WorkOrder>) -> Result<WorkOrder> {
    let order = &mut changed.record;
    let (was, is) = (order.timers, order.deadlines());
    order.timers = is;
    for (kind, was, is) in [
        (OFFER, was.offer, is.offer),
        (CONTACT, was.contact, is.contact),
        (LATE, was.late, is.late),
        (ESCALATION, was.escalation, is.escalation),
    ] {
        match is {
            Some(due) if was != is => timer::schedule(tx, kind, order.id(), due).await?,
            None if was.is_some() => timer::cancel(tx, kind, order.id()).await?,
            Some(_) | None => {}
        }
    }
    let event = convert::work_order::event(&changed);
    write_seats(tx, changed.action, &changed.record).await?;
    store::save::<entity::Entity, _>(tx, call, changed, &event).await
}

/// All work orders of a request, the first visit first.
pub(crate) async fn of_request(on: &impl Scoped, request_id: &str) -> Result<Vec<WorkOrder>> {
    let rows = select::<entity::Entity>(on)
        .filter(entity::Column::ServiceRequestId.eq(request_id))
        .order_by_asc(entity::Column::VisitNumber)
        .all(on)
        .await?;
    rows.into_iter().map(<entity::Entity as Table>::record).collect()
}

/// A job that stands in somebody's day.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Booked {
    /// Who does it.
    pub(crate) technician_id: String,
    /// For which service point.
    pub(crate) service_point_id: String,
    number: String,
    state: String,
    /// Planned start.
    pub(crate) planned_start: DateTime<Utc>,
    planned_end: DateTime<Utc>,
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl Booked {
    /// The visit, while it takes the technician's time.
    pub(crate) fn visit(&self) -> Option<Visit> {
        let position = self.latitude.zip(self.longitude).map(|(latitude, longitude)| Position { latitude, longitude });
        let planned = Window { start: self.planned_start, end: self.planned_end };
        (BUSY.contains(&self.state.as_str()) || self.state == HELD).then(|| Visit {
            number: self.number.clone(),
            planned,
            position,
        })
    }
}

/// Whose jobs are asked for, and what is not in the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a> {
    /// The work order that is to be placed.
    pub(crate) without: &'a WorkOrderId,
    /// Its hold; empty when it has none.
    pub(crate) without_hold: &'a str,
    /// Holds that ran out before count no more.
    pub(crate) now: DateTime<Utc>,
    /// One technician and that one's service point; everybody when left out.
    pub(crate) of: Option<(&'a str, &'a str)>,
}

/// Jobs and holds that stand in a span.
pub(crate) async fn booked(on: &impl Scoped, span: &Window, around: Around<'_>) -> Result<Vec<Booked>> {
    use entity::Column;
    let columns = [
        Column::ServicePointId,
        Column::Number,
        Column::State,
        Column::PlannedStart,
        Column::PlannedEnd,
        Column::Latitude,
        Column::Longitude,
    ];
    let in_span = |select: Select<entity::Entity>| {
        select
            .filter(Column::State.is_in(COUNTED))
            .filter(Column::PlannedStart.lt(span.end))
            .filter(Column::PlannedEnd.gt(span.start))
            .filter(Column::Id.ne(around.without.as_str()))
            .select_only()
            .columns(columns)
    };
    let mut select = in_span(entity::Entity::find()).column(Column::TechnicianId);
    // Who comes along with a crew is as busy as who leads it.
    let seats = entity::Entity::belongs_to(seat::Entity).from(Column::Id).to(seat::Column::WorkOrderId);
    let mut along = in_span(entity::Entity::find())
        .join(sea_orm::JoinType::InnerJoin, seats.into())
        .column_as(seat::Column::TechnicianId, "technician_id");
    if let Some((technician, point)) = around.of {
        let either = Condition::any().add(Column::TechnicianId.eq(technician)).add(Column::ServicePointId.eq(point));
        select = select.filter(either);
        along = along.filter(seat::Column::TechnicianId.eq(technician));
    }
    let mut booked = select.into_model::<Booked>().all(on).await?;
    // A visit counts once for its service point, however many go.
    booked.extend(
        along
            .into_model::<Booked>()
            .all(on)
            .await?
            .into_iter()
            .map(|seat| Booked { service_point_id: String::new(), ..seat }),
    );
    let holds = super::slot_hold::open_in(on, span, around.now, around.without_hold, around.of).await?;
    booked.extend(holds.into_iter().map(|(technician_id, service_point_id, visit)| Booked {
        technician_id,
        service_point_id,
        number: visit.number,
        state: HELD.to_owned(),
        planned_start: visit.planned.start,
        planned_end: visit.planned.end,
        latitude: visit.position.map(|place| place.latitude),
        longitude: visit.position.map(|place| place.longitude),
    }));
    Ok(booked)
}

/// Writes who comes along, when a crew goes or went.
async fn write_seats(tx: &Tx, action: &str, order: &WorkOrder) -> Result<()> {
    if !SEATING.contains(&action) {
        return Ok(());
    }
    let crew = order.state.assignment().map(|at| at.crew.as_slice()).unwrap_or_default();
    if order.crew_size <= 1 && crew.is_empty() {
        return Ok(());
    }
    seat::Entity::delete_many().filter(seat::Column::WorkOrderId.eq(order.id())).exec(tx).await?;
    for technician in crew {
        let row =
            seat::ActiveModel { work_order_id: set(order.id().to_owned()), technician_id: set(technician.to_string()) };
        seat::Entity::insert(row).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Takes a visit from its place for the rest of a transaction that gives it another one. The record stays as it is.
pub(crate) async fn vacate(tx: &Tx, order: &WorkOrder) -> Result<()> {
    use entity::Column;
    entity::Entity::update_many()
        .col_expr(Column::TechnicianId, Expr::value(""))
        .col_expr(Column::ServicePointId, Expr::value(""))
        .col_expr(Column::PlannedStart, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::PlannedEnd, Expr::value(None::<DateTime<Utc>>))
        .filter(Column::Id.eq(order.id()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Puts a visit back from which [`vacate`] took its place.
pub(crate) async fn reseat(tx: &Tx, order: &WorkOrder) -> Result<()> {
    let mut row = <entity::Entity as Table>::row(order)?;
    row.not_set(entity::Column::Id);
    entity::Entity::update_many().set(row).filter(entity::Column::Id.eq(order.id())).exec(tx).await?;
    Ok(())
}
