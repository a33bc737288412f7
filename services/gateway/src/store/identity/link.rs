//! Rows of signed links.

use common::{
    db::Tx,
    error::Result,
    reach::{Owned, Owner, Reach},
    record::Changed,
    service::Call,
    store::{self, Table, set},
};
use sea_orm::{Condition, entity::prelude::*};

use crate::{domain::identity::link::Link, store::event};

/// The table `link`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// A link; the body is the truth.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "link")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub purpose: String,
        pub record_id: String,
        pub org_unit_id: String,
        pub created_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
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
    type Record = Link;
    const ID: entity::Column = entity::Column::Id;
    const VERSION: entity::Column = entity::Column::Version;

    fn row(link: &Link) -> Result<entity::ActiveModel> {
        Ok(entity::ActiveModel {
            id: set(link.id.to_string()),
            version: set(link.version),
            purpose: set(link.purpose.name().to_owned()),
            record_id: set(link.record_id.clone()),
            org_unit_id: set(link.org_unit_id.clone()),
            created_at: set(link.created_at),
            expires_at: set(link.expires_at),
            body: set(store::body(link)?),
        })
    }

    fn record(row: entity::Model) -> Result<Link> {
        store::from_body(row.body)
    }
}

/// The link of that id, whoever asks: for opening it, not for showing.
pub(crate) async fn find(on: &impl ConnectionTrait, id: &str) -> Result<Option<Link>> {
    entity::Entity::find_by_id(id).one(on).await?.map(entity::Entity::record).transpose()
}

/// Adds a link.
pub(crate) async fn insert(tx: &Tx, call: &Call, link: Link) -> Result<Link> {
    let changed = Changed::new(link, "create", "", "");
    let event = event(&changed);
    store::insert::<entity::Entity, _>(tx, call, changed.record, "create", "", &event).await
}

/// Saves a change.
pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<Link>) -> Result<Link> {
    let event = event(&changed);
    store::save::<entity::Entity, _>(tx, call, changed, &event).await
}
