//! Rows of endpoints and of what they are sent.

pub(crate) mod delivery;
pub(crate) mod lane;

use common::{
    db::Tx,
    error::{Error, Result},
    reach::Reach,
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
};
use sea_orm::{Condition, entity::prelude::*};

pub(crate) use self::delivery::put_down;
use crate::domain::webhook::{Endpoint, EndpointId};

/// The table `webhook_endpoint`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// An endpoint; the body is the truth.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook_endpoint")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub state: String,
        pub partner_id: String,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl common::reach::Owned for entity::Entity {
    fn within(reach: &Reach) -> Condition {
        within(reach)
    }
}

impl Table for entity::Entity {
    type Record = Endpoint;
    const ID: entity::Column = entity::Column::Id;
    const VERSION: entity::Column = entity::Column::Version;

    fn row(endpoint: &Endpoint) -> Result<entity::ActiveModel> {
        Ok(entity::ActiveModel {
            id: set(endpoint.id.to_string()),
            version: set(endpoint.version),
            state: set(endpoint.state().to_owned()),
            partner_id: set(endpoint.partner_id.clone()),
            created_at: set(endpoint.created_at),
            updated_at: set(endpoint.updated_at),
            body: set(store::body(endpoint)?),
        })
    }

    fn record(row: entity::Model) -> Result<Endpoint> {
        store::from_body(row.body)
    }
}

/// The endpoints that somebody sees: all, or a partner's own.
pub(crate) fn within(reach: &Reach) -> Condition {
    owned(reach, entity::Column::PartnerId)
}

/// Rows of a partner, by the column that says whose they are.
fn owned(reach: &Reach, partner: impl ColumnTrait) -> Condition {
    match reach {
        Reach::All => Condition::all(),
        Reach::Partner(id) if !id.is_empty() => Condition::all().add(partner.eq(id.as_str())),
        _ => Condition::all().add(Expr::cust("1 = 0")),
    }
}

/// The endpoint of that id, if the caller sees it.
pub(crate) async fn load(on: &impl ConnectionTrait, reach: &Reach, id: &EndpointId) -> Result<Endpoint> {
    let row = entity::Entity::find_by_id(id.as_str().to_owned()).filter(within(reach)).one(on).await?;
    let row = row.ok_or_else(|| Error::not_found(Endpoint::KIND, id))?;
    entity::Entity::record(row)
}

/// Every endpoint that is called.
pub(crate) async fn active(on: &impl ConnectionTrait) -> Result<Vec<Endpoint>> {
    let rows = entity::Entity::find().filter(entity::Column::State.eq("active")).all(on).await?;
    rows.into_iter().map(entity::Entity::record).collect()
}

/// Adds an endpoint.
pub(crate) async fn insert(tx: &Tx, call: &Call, endpoint: Endpoint) -> Result<Endpoint> {
    let event = super::event_of(&endpoint, "create");
    store::insert::<entity::Entity, _>(tx, call, endpoint, "create", "", &event).await
}

/// Saves a change.
pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<Endpoint>) -> Result<Endpoint> {
    let event = super::event_of(&changed.record, changed.action);
    store::save::<entity::Entity, _>(tx, call, changed, &event).await
}
