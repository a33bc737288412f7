//! Rows of service points.

use common::{
    db::Tx,
    error::Result,
    reach::{Owned, Owner, Reach, Scoped},
    record::Changed,
    service::Call,
    store::{self, Table, set},
};
use sea_orm::{Condition, QuerySelect as _, QueryTrait as _, entity::prelude::*};

use crate::domain::{ServicePointId, service_point::ServicePoint};

/// The table `service_point`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// A service point; the body is the truth.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "service_point")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub number: String,
        pub state: String,
        pub org_unit_id: String,
        pub name: String,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `service_point_territory`.
pub(crate) mod territory {
    use sea_orm::entity::prelude::*;

    /// A division prefix of a contract in force.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "service_point_territory")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub service_point_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub prefix: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl Owned for entity::Entity {
    fn within(reach: &Reach) -> Condition {
        use super::technician::entity as technician;
        use entity::Column;
        match reach {
            // The point that the technician works for.
            Reach::Technician { .. } => {
                let own = technician::Entity::find().filter(<technician::Entity as Owned>::within(reach)).select_only();
                let own = own.column(technician::Column::ServicePointId).into_query();
                Condition::all().add(Column::Id.in_subquery(own))
            }
            Reach::All | Reach::Units(_) | Reach::Partner(_) | Reach::Link(_) | Reach::Own(_) | Reach::Nothing => {
                Owner::unit(Column::OrgUnitId).within(reach)
            }
        }
    }
}

impl Table for entity::Entity {
    type Record = ServicePoint;
    const ID: entity::Column = entity::Column::Id;
    const VERSION: entity::Column = entity::Column::Version;

    fn row(point: &ServicePoint) -> Result<entity::ActiveModel> {
        Ok(entity::ActiveModel {
            id: set(point.id.to_string()),
            version: set(point.version),
            number: set(point.number.clone()),
            state: set(point.state.name().to_owned()),
            org_unit_id: set(point.org_unit_id.clone()),
            name: set(point.name.clone()),
            created_at: set(point.created_at),
            updated_at: set(point.updated_at),
            body: set(store::body(point)?),
        })
    }

    fn record(row: entity::Model) -> Result<ServicePoint> {
        store::from_body(row.body)
    }
}

/// The service point of that id.
pub(crate) async fn load(on: &impl Scoped, id: &ServicePointId) -> Result<ServicePoint> {
    store::load::<entity::Entity>(on, id.as_str()).await
}

/// Adds an application.
pub(crate) async fn insert(tx: &Tx, call: &Call, point: ServicePoint) -> Result<ServicePoint> {
    let changed = Changed::new(point, "apply", "", "");
    let event = super::event(&changed);
    store::insert::<entity::Entity, _>(tx, call, changed.record, "apply", "", &event).await
}

/// Saves a change, and the territories of its contract.
pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<ServicePoint>) -> Result<ServicePoint> {
    let (action, event) = (changed.action, super::event(&changed));
    let point = store::save::<entity::Entity, _>(tx, call, changed, &event).await?;
    if action == "contract" {
        territory::Entity::delete_many()
            .filter(territory::Column::ServicePointId.eq(point.id.as_str()))
            .exec(tx)
            .await?;
        let mut prefixes = point.contract.as_ref().map(|contract| contract.territories.clone()).unwrap_or_default();
        prefixes.sort();
        prefixes.dedup();
        for prefix in prefixes {
            let row = territory::ActiveModel { service_point_id: set(point.id.to_string()), prefix: set(prefix) };
            territory::Entity::insert(row).exec_without_returning(tx).await?;
        }
    }
    Ok(point)
}

/// Every beginning of a division code that a territory may be.
pub(crate) fn prefixes(code: &str) -> Vec<String> {
    (2..=code.len()).filter_map(|end| code.get(..end)).map(str::to_owned).collect()
}
