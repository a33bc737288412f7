//! Customer files: rows, their phones, and the changes of their fields.

use common::{
    db::Tx,
    error::Result,
    id::Id as _,
    reach::{Owned, Owner, Reach, Scoped, select},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
};
use sea_orm::{Condition, QueryOrder as _, QuerySelect as _, QueryTrait as _, entity::prelude::*};

use super::fact;
use crate::domain::{
    CustomerId,
    customer::{Customer, FieldChange},
};

/// Most files with the same phones that are looked at.
const MOST_ALIKE: u64 = 2000;

/// Rows of the table `customer`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One customer file.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customer")]
    pub struct Model {
        /// Id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Version.
        pub version: i64,
        /// Name.
        pub name: String,
        /// Name, in lower case.
        pub search: String,
        /// Tier.
        pub tier: String,
        /// Who looks after it.
        pub agent_id: String,
        /// Who owns it.
        pub org_unit_id: String,
        /// The partner that made it; empty for none.
        pub partner_id: String,
        /// "active" or "merged".
        pub state: String,
        /// When it was made.
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
        use super::{product, service_request};
        let of_requests = |filter: Condition| {
            let requests = service_request::entity::Entity::find().filter(filter).select_only();
            Column::Id.in_subquery(requests.column(service_request::entity::Column::CustomerId).into_query())
        };
        let own = Owner::unit(Column::OrgUnitId).partner(Column::PartnerId).within(reach);
        match reach {
            Reach::All | Reach::Units(_) | Reach::Partner(_) | Reach::Own(_) | Reach::Nothing => own,
            // Whose home the technician goes to.
            Reach::Technician { .. } => {
                Condition::all().add(of_requests(<service_request::entity::Entity as Owned>::within(reach)))
            }
            // A link about the request or the product; whoever holds it acts for this customer and no other.
            Reach::Link(link) => {
                let about = service_request::entity::Column::Id.eq(link.record_id.as_str());
                let product = product::entity::Column::Id.eq(link.record_id.as_str());
                let owners = product::entity::Entity::find().filter(product).select_only();
                let owners = owners.column(product::entity::Column::CustomerId).into_query();
                Condition::any().add(of_requests(Condition::all().add(about))).add(Column::Id.in_subquery(owners))
            }
        }
    }
}

impl Table for Entity {
    type Record = Customer;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &Customer) -> Result<entity::ActiveModel> {
        let profile = &record.profile;
        Ok(entity::ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            name: set(profile.name.clone()),
            search: set(profile.name.to_lowercase()),
            tier: set(profile.tier.to_string()),
            agent_id: set(profile.agent_id.clone()),
            org_unit_id: set(record.org_unit_id.clone()),
            partner_id: set(record.partner_id.clone()),
            state: set(record.state().to_owned()),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: entity::Model) -> Result<Customer> {
        store::from_body(row.body)
    }
}

/// The file of that id, merged or not.
pub(crate) async fn load(on: &impl Scoped, id: &CustomerId) -> Result<Customer> {
    store::load::<Entity>(on, id.as_str()).await
}

/// The file of that id, or the one that was kept when it was merged.
pub(crate) async fn load_living(on: &impl Scoped, id: &CustomerId) -> Result<Customer> {
    let mut customer = load(on, id).await?;
    while let Some(kept) = customer.merged_into {
        customer = load(on, &kept).await?;
    }
    Ok(customer)
}

/// As [`load_living`], for ids that others name: `None` when there is no such file.
pub(crate) async fn find_living(on: &impl Scoped, id: &CustomerId) -> Result<Option<Customer>> {
    match store::find::<Entity>(on, id.as_str()).await? {
        None => Ok(None),
        Some(customer) => load_living(on, &customer.id).await.map(Some),
    }
}

/// Adds a file.
pub(crate) async fn insert(tx: &Tx, call: &Call, customer: Customer) -> Result<Customer> {
    let event = fact(customer.id.as_str(), "create", customer.state());
    let saved = store::insert::<Entity, _>(tx, call, customer, "create", "", &event).await?;
    keep_phones(tx, &saved).await?;
    Ok(saved)
}

/// Saves a file with the changes of its fields.
pub(crate) async fn save(
    tx: &Tx,
    call: &Call,
    mut changed: Changed<Customer>,
    changes: &[FieldChange],
) -> Result<Customer> {
    changed.record.updated_at = call.now;
    let event = fact(changed.record.id.as_str(), changed.action, changed.record.state());
    let saved = store::save::<Entity, _>(tx, call, changed, &event).await?;
    super::customer_phone::Entity::delete_many()
        .filter(super::customer_phone::Column::CustomerId.eq(saved.id.as_str()))
        .exec(tx)
        .await?;
    keep_phones(tx, &saved).await?;
    super::customer_change::add(tx, call, &saved, changes).await?;
    Ok(saved)
}

/// Phones of living files are looked up; a merged file has none.
async fn keep_phones(tx: &Tx, customer: &Customer) -> Result<()> {
    if customer.merged_into.is_some() {
        return Ok(());
    }
    let rows = customer.profile.phones.iter().map(|phone| super::customer_phone::entity::ActiveModel {
        customer_id: set(customer.id.to_string()),
        number: set(phone.number.clone()),
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        super::customer_phone::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Other living files with one of the file's phones.
pub(crate) async fn with_phones(on: &impl Scoped, customer: &Customer) -> Result<Vec<String>> {
    Ok(alike(on, std::slice::from_ref(customer)).await?.pop().unwrap_or_default())
}

/// For each file the other living files with one of its phones, by one question.
pub(crate) async fn alike(on: &impl Scoped, customers: &[Customer]) -> Result<Vec<Vec<String>>> {
    use super::customer_phone::{Column, Entity};
    let numbers =
        |customer: &Customer| customer.profile.phones.iter().map(|phone| phone.number.clone()).collect::<Vec<_>>();
    let wanted: Vec<_> = customers.iter().flat_map(numbers).collect();
    if wanted.is_empty() {
        return Ok(vec![Vec::new(); customers.len()]);
    }
    let rows = select::<Entity>(on)
        .filter(Column::Number.is_in(wanted))
        .order_by_asc(Column::CustomerId)
        .limit(MOST_ALIKE)
        .all(on)
        .await?;
    let others = |customer: &Customer| {
        let numbers = numbers(customer);
        let mut ids: Vec<_> = rows
            .iter()
            .filter(|row| row.customer_id != customer.id.as_str() && numbers.contains(&row.number))
            .map(|row| row.customer_id.clone())
            .collect();
        ids.dedup();
        ids
    };
    Ok(customers.iter().map(others).collect())
}

/// Reads an id that came from outside.
pub(crate) fn id(text: &str) -> Result<CustomerId> {
    CustomerId::parse(text)
}
