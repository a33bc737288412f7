//! Who did the last completed visit of a service request, as dispatch's events say.

use common::{db::Tx, error::Result, reach::Scoped, store::set};
use sea_orm::{ExprTrait as _, entity::prelude::*, sea_query::OnConflict};

use crate::domain::{invitation::Visit, occasion::Occasion};

/// The last completed visit of a service request.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "visit")]
pub struct Model {
    /// The service request.
    #[sea_orm(primary_key, auto_increment = false)]
    pub service_request_id: String,
    /// Which visit of it: 1 for the first.
    pub visit_number: i32,
    /// The work order.
    pub work_order_id: String,
    /// The technician.
    pub technician_id: String,
    /// The service point.
    pub service_point_id: String,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Keeps a visit, unless a later one is known.
pub(crate) async fn remember(tx: &Tx, visit: Model) -> Result<()> {
    let number = visit.visit_number;
    let row = ActiveModel {
        service_request_id: set(visit.service_request_id),
        visit_number: set(visit.visit_number),
        work_order_id: set(visit.work_order_id),
        technician_id: set(visit.technician_id),
        service_point_id: set(visit.service_point_id),
    };
    let replace = OnConflict::column(Column::ServiceRequestId)
        .update_columns([Column::VisitNumber, Column::WorkOrderId, Column::TechnicianId, Column::ServicePointId])
        .action_and_where(Expr::col((Entity, Column::VisitNumber)).lte(number))
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

/// Who did the visit that an occasion is about; nobody when it is about none.
pub(crate) async fn of(on: &impl Scoped, occasion: &Occasion) -> Result<Visit> {
    let Some(request) = &occasion.service_request_id else { return Ok(Visit::default()) };
    let row = Entity::find_by_id(request.clone()).one(on).await?;
    let known = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(row.map_or_else(Visit::default, |row| Visit {
        work_order_id: known(row.work_order_id),
        technician_id: known(row.technician_id),
        service_point_id: known(row.service_point_id),
    }))
}
