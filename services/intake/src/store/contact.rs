//! Contacts and promises.

use common::{
    db::Tx,
    error::Result,
    reach::{Owned, Owner, Reach, Scoped, like},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
    timer,
};
use sea_orm::{Condition, entity::prelude::*};

use super::{fact, never};
use crate::{
    Context,
    domain::{
        ContactId,
        contact::{Contact, PromiseState},
    },
};

/// The timer of a promise.
pub(crate) const PROMISE: &str = "promise";

/// Rows of the table `contact`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One contact.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "contact")]
    pub struct Model {
        /// Id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Version.
        pub version: i64,
        /// The customer.
        pub customer_id: String,
        /// The unit that owns it.
        pub org_unit_id: String,
        /// The request; empty for none.
        pub service_request_id: String,
        /// Our agent.
        pub agent_id: String,
        /// When it was.
        pub at: DateTimeUtc,
        /// "none", "open", "kept" or "kept_late".
        pub promise: String,
        /// When the promise is due; the far future when nothing is promised.
        pub promise_due_at: DateTimeUtc,
        /// When it was written down.
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
    type Record = Contact;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &Contact) -> Result<entity::ActiveModel> {
        let promise = record.promise.as_ref();
        Ok(entity::ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            customer_id: set(record.customer_id.to_string()),
            org_unit_id: set(record.org_unit_id.clone()),
            service_request_id: set(record.case_id().unwrap_or_default().to_owned()),
            agent_id: set(record.agent_id.clone()),
            at: set(record.at),
            // Whether an open one is overdue depends on the time of the question.
            promise: set(match record.promise_state(record.updated_at) {
                None => "none",
                Some(PromiseState::Open | PromiseState::Overdue) => "open",
                Some(PromiseState::Kept) => "kept",
                Some(PromiseState::KeptLate) => "kept_late",
            }
            .to_owned()),
            promise_due_at: set(promise.map_or_else(never, |promise| promise.due_at)),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: entity::Model) -> Result<Contact> {
        store::from_body(row.body)
    }
}

/// The contact of that id.
pub(crate) async fn load(on: &impl Scoped, id: &ContactId) -> Result<Contact> {
    store::load::<Entity>(on, id.as_str()).await
}

/// Adds a contact and sets the timer of its promise.
pub(crate) async fn insert(ctx: &Context, tx: &Tx, call: &Call, contact: Contact) -> Result<Contact> {
    let event = fact(contact.id.as_str(), "record", contact.state());
    let saved = store::insert::<Entity, _>(tx, call, contact, "record", "", &event).await?;
    watch(ctx, tx, &saved).await?;
    Ok(saved)
}

/// Saves a contact and moves the timer of its promise.
pub(crate) async fn save(ctx: &Context, tx: &Tx, call: &Call, mut changed: Changed<Contact>) -> Result<Contact> {
    changed.record.updated_at = call.now;
    let event = fact(changed.record.id.as_str(), changed.action, changed.record.state());
    let saved = store::save::<Entity, _>(tx, call, changed, &event).await?;
    watch(ctx, tx, &saved).await?;
    Ok(saved)
}

async fn watch(ctx: &Context, tx: &Tx, contact: &Contact) -> Result<()> {
    match contact.attention(&ctx.rules.ladder) {
        Some((_, at)) => timer::schedule(tx, PROMISE, contact.id.as_str(), at).await,
        None => timer::cancel(tx, PROMISE, contact.id.as_str()).await,
    }
}

/// All contacts with a customer.
pub(crate) async fn of_customer(on: &impl Scoped, customer_id: &str) -> Result<Vec<Contact>> {
    let rows = Entity::find().filter(Column::CustomerId.eq(customer_id)).all(on).await?;
    rows.into_iter().map(Entity::record).collect()
}
