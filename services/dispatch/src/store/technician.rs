//! Rows of technicians and their skills.

use common::{
    db::Tx,
    error::Result,
    reach::{Owned, Owner, Reach, Scoped},
    record::Changed,
    service::Call,
    store::{self, Table, set},
};
use sea_orm::{Condition, entity::prelude::*};

use crate::domain::{TechnicianId, technician::Technician};

/// The table `technician`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// A technician; the body is the truth.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "technician")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub number: String,
        pub state: String,
        pub org_unit_id: String,
        pub service_point_id: String,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `technician_skill`.
pub(crate) mod skill {
    use sea_orm::entity::prelude::*;

    /// A skill of a technician.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "technician_skill")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub technician_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub code: String,
        pub level: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl Owned for entity::Entity {
    fn within(reach: &Reach) -> Condition {
        use entity::Column;
        Owner::unit(Column::OrgUnitId).technician(Column::Id).within(reach)
    }
}

impl Table for entity::Entity {
    type Record = Technician;
    const ID: entity::Column = entity::Column::Id;
    const VERSION: entity::Column = entity::Column::Version;

    fn row(technician: &Technician) -> Result<entity::ActiveModel> {
        Ok(entity::ActiveModel {
            id: set(technician.id.to_string()),
            version: set(technician.version),
            number: set(technician.number.clone()),
            state: set(technician.state.name().to_owned()),
            org_unit_id: set(technician.org_unit_id.clone()),
            service_point_id: set(technician.service_point_id.to_string()),
            created_at: set(technician.created_at),
            updated_at: set(technician.updated_at),
            body: set(store::body(technician)?),
        })
    }

    fn record(row: entity::Model) -> Result<Technician> {
        store::from_body(row.body)
    }
}

/// The technician of that id.
pub(crate) async fn load(on: &impl Scoped, id: &TechnicianId) -> Result<Technician> {
    store::load::<entity::Entity>(on, id.as_str()).await
}

/// Adds a technician.
pub(crate) async fn insert(tx: &Tx, call: &Call, technician: Technician) -> Result<Technician> {
    let changed = Changed::new(technician, "create", "", "");
    let event = super::event(&changed);
    let technician = store::insert::<entity::Entity, _>(tx, call, changed.record, "create", "", &event).await?;
    write_skills(tx, &technician).await?;
    Ok(technician)
}

/// Saves a change, and the skills that lists filter by.
pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<Technician>) -> Result<Technician> {
    let (action, event) = (changed.action, super::event(&changed));
    let technician = store::save::<entity::Entity, _>(tx, call, changed, &event).await?;
    if action == "update" {
        skill::Entity::delete_many().filter(skill::Column::TechnicianId.eq(technician.id.as_str())).exec(tx).await?;
        write_skills(tx, &technician).await?;
    }
    Ok(technician)
}

async fn write_skills(tx: &Tx, technician: &Technician) -> Result<()> {
    for skill in &technician.skills {
        let row = skill::ActiveModel {
            technician_id: set(technician.id.to_string()),
            code: set(skill.code.clone()),
            level: set(skill.level),
        };
        skill::Entity::insert(row).exec_without_returning(tx).await?;
    }
    Ok(())
}
