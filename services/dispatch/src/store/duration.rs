//! What was learned of durations: samples of completed visits, and the robust figure of each key.

use chrono::{DateTime, Utc};
use common::{
    db::Tx,
    error::Result,
    reach::{Owned, Reach, Scoped, like},
    record::Record as _,
    store::set,
};
use sea_orm::{Condition, QueryOrder as _, QuerySelect as _, entity::prelude::*, sea_query::OnConflict};

use crate::domain::{
    duration::{robust, worked_minutes},
    work_order::WorkOrder,
};

/// So many of the latest visits teach a figure.
const LATEST: u64 = 200;

/// The table `duration_sample`.
pub(crate) mod sample {
    use sea_orm::entity::prelude::*;

    /// How long one completed visit took.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "duration_sample")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub work_order_id: String,
        pub kind: String,
        pub category_code: String,
        pub technician_id: String,
        pub minutes: i32,
        pub at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `duration`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// What was learned for a kind, a category and a technician; empty for all of them.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "duration")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub kind: String,
        pub category_code: String,
        pub technician_id: String,
        pub minutes: i32,
        pub samples: i32,
        pub updated_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What was learned of kinds and categories is everybody's; what was learned of a technician is whose the technician is.
impl Owned for entity::Entity {
    fn within(reach: &Reach) -> Condition {
        use super::technician::entity::{Column, Entity};
        let of_technicians = like::<Entity>(entity::Column::TechnicianId, Column::Id, reach);
        Condition::any().add(entity::Column::TechnicianId.eq("")).add(of_technicians)
    }
}

fn key(kind: &str, category: &str, technician: &str) -> String {
    format!("{kind}|{category}|{technician}")
}

/// Learns from a visit that is completed, in the transaction of the completion.
pub(crate) async fn learn(tx: &Tx, order: &WorkOrder, now: DateTime<Utc>) -> Result<()> {
    let (Some(minutes), Some(at)) = (worked_minutes(order), order.state.assignment()) else { return Ok(()) };
    let technician = at.technician_id.to_string();
    let (kind, category) = (&order.request.kind, &order.request.category_code);
    let row = sample::ActiveModel {
        work_order_id: set(order.id().to_owned()),
        kind: set(kind.clone()),
        category_code: set(category.clone()),
        technician_id: set(technician.clone()),
        minutes: set(minutes),
        at: set(now),
    };
    let again = OnConflict::column(sample::Column::WorkOrderId)
        .update_columns([sample::Column::Minutes, sample::Column::At])
        .to_owned();
    sample::Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    for (category, technician) in
        [(category.as_str(), ""), ("", ""), (category, technician.as_str()), ("", &technician)]
    {
        relearn(tx, kind, category, technician, now).await?;
    }
    Ok(())
}

async fn relearn(tx: &Tx, kind: &str, category: &str, technician: &str, now: DateTime<Utc>) -> Result<()> {
    use sample::Column;
    let mut select = sample::Entity::find().filter(Column::Kind.eq(kind)).order_by_desc(Column::At).limit(LATEST);
    if !category.is_empty() {
        select = select.filter(Column::CategoryCode.eq(category));
    }
    if !technician.is_empty() {
        select = select.filter(Column::TechnicianId.eq(technician));
    }
    let minutes: Vec<i32> = select.select_only().column(Column::Minutes).into_tuple().all(tx).await?;
    let Some(learned) = robust(&minutes, 1) else { return Ok(()) };
    let row = entity::ActiveModel {
        id: set(key(kind, category, technician)),
        kind: set(kind.to_owned()),
        category_code: set(category.to_owned()),
        technician_id: set(technician.to_owned()),
        minutes: set(learned),
        samples: set(i32::try_from(minutes.len()).unwrap_or(i32::MAX)),
        updated_at: set(now),
    };
    let known = OnConflict::column(entity::Column::Id)
        .update_columns([entity::Column::Minutes, entity::Column::Samples, entity::Column::UpdatedAt])
        .to_owned();
    entity::Entity::insert(row).on_conflict(known).exec_without_returning(tx).await?;
    Ok(())
}

/// Minutes learned for a kind and category, by whoever does it; `None` below so many samples.
pub(crate) async fn learned(on: &impl Scoped, kind: &str, category: &str, floor: usize) -> Result<Option<i32>> {
    let row = entity::Entity::find_by_id(key(kind, category, "")).one(on).await?;
    let enough = |row: &entity::Model| usize::try_from(row.samples).unwrap_or_default() >= floor.max(1);
    Ok(row.filter(enough).map(|row| row.minutes))
}
