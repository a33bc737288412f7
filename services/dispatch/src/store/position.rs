//! Where technicians were last.

use chrono::{DateTime, Utc};
use common::{convert::Position, db::Tx, error::Result, reach::Scoped, store::set};
use sea_orm::{entity::prelude::*, sea_query::OnConflict};

/// The table `technician_position`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// The last report of a technician.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "technician_position")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub technician_id: String,
        pub latitude: f64,
        pub longitude: f64,
        pub at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Keeps a report; an older one than that known changes nothing.
pub(crate) async fn report(tx: &Tx, technician_id: &str, place: Position, at: DateTime<Utc>) -> Result<()> {
    use entity::Column;
    let known = entity::Entity::find_by_id(technician_id.to_owned()).one(tx).await?;
    if known.is_some_and(|known| known.at > at) {
        return Ok(());
    }
    let row = entity::ActiveModel {
        technician_id: set(technician_id.to_owned()),
        latitude: set(place.latitude),
        longitude: set(place.longitude),
        at: set(at),
    };
    let moved = OnConflict::column(Column::TechnicianId)
        .update_columns([Column::Latitude, Column::Longitude, Column::At])
        .to_owned();
    entity::Entity::insert(row).on_conflict(moved).exec_without_returning(tx).await?;
    Ok(())
}

/// Forgets where somebody was: the consent was taken back.
pub(crate) async fn forget(tx: &Tx, technician_id: &str) -> Result<()> {
    entity::Entity::delete_by_id(technician_id.to_owned()).exec(tx).await?;
    Ok(())
}

/// Reports since an instant.
pub(crate) async fn since(on: &impl Scoped, at: DateTime<Utc>) -> Result<Vec<entity::Model>> {
    Ok(entity::Entity::find().filter(entity::Column::At.gte(at)).all(on).await?)
}
