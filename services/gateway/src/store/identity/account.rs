//! Rows of accounts.

use common::{
    db::Tx,
    error::{Error, Result},
    reach::{Owned, Owner, Reach},
    record::Changed,
    service::Call,
    store::{self, Table, set},
};
use sea_orm::{Condition, entity::prelude::*};

use crate::{
    domain::identity::{AccountId, account::Account},
    error::{EMAIL_TAKEN, USERNAME_TAKEN},
    store::{event, identity::provider},
};

/// The table `account`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// An account; the body is the truth.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "account")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub username: String,
        pub email: Option<String>,
        pub role: String,
        pub state: String,
        pub org_unit_id: String,
        pub person_id: String,
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

impl Owned for entity::Entity {
    fn within(reach: &Reach) -> Condition {
        Owner::unit(entity::Column::OrgUnitId).account(entity::Column::Id).within(reach)
    }
}

impl Table for entity::Entity {
    type Record = Account;
    const ID: entity::Column = entity::Column::Id;
    const VERSION: entity::Column = entity::Column::Version;

    fn row(account: &Account) -> Result<entity::ActiveModel> {
        Ok(entity::ActiveModel {
            id: set(account.id.to_string()),
            version: set(account.version),
            username: set(account.username.clone()),
            email: set(Some(account.email.clone()).filter(|email| !email.is_empty())),
            role: set(account.role.as_str().to_owned()),
            state: set(account.state.name().to_owned()),
            org_unit_id: set(account.org_unit_id.clone()),
            person_id: set(account.person_id.clone()),
            partner_id: set(account.partner_id.clone()),
            created_at: set(account.created_at),
            updated_at: set(account.updated_at),
            body: set(store::body(account)?),
        })
    }

    fn record(row: entity::Model) -> Result<Account> {
        store::from_body(row.body)
    }
}

/// The account of that id, whoever asks: for signing in, not for showing.
pub(crate) async fn find(on: &impl ConnectionTrait, id: &AccountId) -> Result<Option<Account>> {
    entity::Entity::find_by_id(id.as_str()).one(on).await?.map(entity::Entity::record).transpose()
}

/// The account that this name or e-mail address signs in.
pub(crate) async fn named(on: &impl ConnectionTrait, name: &str) -> Result<Option<Account>> {
    let column = if name.contains('@') { entity::Column::Email } else { entity::Column::Username };
    entity::Entity::find().filter(column.eq(name)).one(on).await?.map(entity::Entity::record).transpose()
}

/// How many administrators may sign in.
pub(crate) async fn active_admins(on: &impl ConnectionTrait) -> Result<u64> {
    use entity::Column;
    let admins = entity::Entity::find().filter(Column::Role.eq("admin")).filter(Column::State.eq("active"));
    Ok(admins.count(on).await?)
}

/// Adds an account.
pub(crate) async fn insert(tx: &Tx, call: &Call, account: Account) -> Result<Account> {
    refuse_taken(tx, &account).await?;
    let changed = Changed::new(account, "create", "", "");
    let event = event(&changed);
    let made = store::insert::<entity::Entity, _>(tx, call, changed.record, "create", "", &event).await?;
    provider::keep(tx, &made).await?;
    Ok(made)
}

/// Saves a change.
pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<Account>) -> Result<Account> {
    refuse_taken(tx, &changed.record).await?;
    let event = event(&changed);
    let saved = store::save::<entity::Entity, _>(tx, call, changed, &event).await?;
    provider::keep(tx, &saved).await?;
    Ok(saved)
}

async fn refuse_taken(tx: &Tx, account: &Account) -> Result<()> {
    let other = |found: Option<Account>| found.is_some_and(|found| found.id != account.id);
    if other(named(tx, &account.username).await?) {
        return Err(Error::new(USERNAME_TAKEN).with("username", &account.username));
    }
    if !account.email.is_empty() && other(named(tx, &account.email).await?) {
        return Err(Error::new(EMAIL_TAKEN));
    }
    Ok(())
}
