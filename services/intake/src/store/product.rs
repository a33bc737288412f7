//! Registered products.

use common::{
    db::Tx,
    error::{Error, Result},
    reach::{Owned, Owner, Reach, Scoped, like},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
};
use sea_orm::{Condition, entity::prelude::*};

use super::fact;
use crate::{
    domain::{ProductId, product::Product},
    error::SERIAL_TAKEN,
};

/// Rows of the table `product`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One registered product.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "product")]
    pub struct Model {
        /// Id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Version.
        pub version: i64,
        /// Its owner.
        pub customer_id: String,
        /// The unit that owns it.
        pub org_unit_id: String,
        /// Model.
        pub model: String,
        /// Category.
        pub category_code: String,
        /// Serial number.
        pub serial_number: Option<String>,
        /// "registered" or "exchanged".
        pub state: String,
        /// When it was registered.
        pub created_at: DateTimeUtc,
        /// When it last changed.
        pub updated_at: DateTimeUtc,
        /// All of it.
        pub body: Json,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{Column, Entity};

impl Owned for Entity {
    fn within(reach: &Reach) -> Condition {
        match reach {
            Reach::Units(_) => Owner::unit(Column::OrgUnitId).within(reach),
            // Whose the customer is.
            Reach::All
            | Reach::Technician { .. }
            | Reach::Partner(_)
            | Reach::Link(_)
            | Reach::Own(_)
            | Reach::Nothing => {
                like::<super::customer::entity::Entity>(Column::CustomerId, super::customer::entity::Column::Id, reach)
            }
        }
    }
}

impl Table for Entity {
    type Record = Product;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &Product) -> Result<entity::ActiveModel> {
        let plate = &record.plate;
        Ok(entity::ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            customer_id: set(record.customer_id.to_string()),
            org_unit_id: set(record.org_unit_id.clone()),
            model: set(plate.model.clone()),
            category_code: set(plate.category_code.clone()),
            serial_number: set(Some(plate.serial_number.clone()).filter(|serial| !serial.is_empty())),
            state: set(record.state().to_owned()),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: entity::Model) -> Result<Product> {
        store::from_body(row.body)
    }
}

/// The product of that id.
pub(crate) async fn load(on: &impl Scoped, id: &ProductId) -> Result<Product> {
    store::load::<Entity>(on, id.as_str()).await
}

/// The product of that id, if there is one.
pub(crate) async fn find(on: &impl Scoped, id: &ProductId) -> Result<Option<Product>> {
    store::find::<Entity>(on, id.as_str()).await
}

/// Adds a product.
pub(crate) async fn insert(tx: &Tx, call: &Call, product: Product) -> Result<Product> {
    refuse_taken_serial(tx, &product).await?;
    let event = fact(product.id.as_str(), "create", product.state());
    store::insert::<Entity, _>(tx, call, product, "create", "", &event).await
}

/// Saves a product.
pub(crate) async fn save(tx: &Tx, call: &Call, mut changed: Changed<Product>) -> Result<Product> {
    changed.record.updated_at = call.now;
    refuse_taken_serial(tx, &changed.record).await?;
    let event = fact(changed.record.id.as_str(), changed.action, changed.record.state());
    store::save::<Entity, _>(tx, call, changed, &event).await
}

/// The unique index holds it; this gives the better reason.
async fn refuse_taken_serial(tx: &Tx, product: &Product) -> Result<()> {
    let plate = &product.plate;
    if plate.serial_number.is_empty() {
        return Ok(());
    }
    let other = with_serial(&tx.everything(), &plate.model, &plate.serial_number).await?;
    match other.filter(|other| other.id != product.id) {
        None => Ok(()),
        Some(other) => {
            // That the number is taken must be said; whose it is only to who sees that product.
            let seen = find(tx, &other.id).await?.map(|seen| seen.id.to_string()).unwrap_or_default();
            Err(Error::new(SERIAL_TAKEN)
                .with("serial_number", &plate.serial_number)
                .with("model", &plate.model)
                .with("product_id", seen))
        }
    }
}

/// The product of that model with that serial number.
pub(crate) async fn with_serial(on: &impl Scoped, model: &str, serial: &str) -> Result<Option<Product>> {
    let row = Entity::find().filter(Column::Model.eq(model)).filter(Column::SerialNumber.eq(serial)).one(on).await?;
    row.map(Entity::record).transpose()
}

/// All products of a customer.
pub(crate) async fn of_customer(on: &impl Scoped, customer_id: &str) -> Result<Vec<Product>> {
    let rows = Entity::find().filter(Column::CustomerId.eq(customer_id)).all(on).await?;
    rows.into_iter().map(Entity::record).collect()
}
