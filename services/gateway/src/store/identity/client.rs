//! Rows of partners' programs, of their secrets, and of what they called per day.

use std::collections::HashMap;

use common::{
    db::Tx,
    error::Result,
    reach::{Owned, Owner, Reach},
    record::Changed,
    service::Call,
    store::{self, Table, set},
};
use sea_orm::{Condition, ExprTrait as _, QueryOrder as _, entity::prelude::*, sea_query::OnConflict};

use crate::{
    domain::identity::{ClientId, client::Client},
    store::event,
};

/// The table `client`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// A partner's program; the body is the truth.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "client")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub name: String,
        pub partner_id: String,
        pub state: String,
        pub org_unit_id: String,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `client_secret`.
pub(crate) mod secret {
    use sea_orm::entity::prelude::*;

    /// A secret, by its beginning and its digest.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "client_secret")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub prefix: String,
        pub client_id: String,
        pub digest: Vec<u8>,
        pub created_at: DateTimeUtc,
        pub last_used_at: Option<DateTimeUtc>,
        pub retired_at: Option<DateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `client_usage`.
pub(crate) mod usage {
    use sea_orm::entity::prelude::*;

    /// What a client called on one day.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "client_usage")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub client_id: String,
        /// YYYY-MM-DD, UTC.
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: String,
        pub calls: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) use secret::Model as Secret;

impl Owned for entity::Entity {
    fn within(reach: &Reach) -> Condition {
        Owner::unit(entity::Column::OrgUnitId).within(reach)
    }
}

impl Table for entity::Entity {
    type Record = Client;
    const ID: entity::Column = entity::Column::Id;
    const VERSION: entity::Column = entity::Column::Version;

    fn row(client: &Client) -> Result<entity::ActiveModel> {
        Ok(entity::ActiveModel {
            id: set(client.id.to_string()),
            version: set(client.version),
            name: set(client.name.clone()),
            partner_id: set(client.partner_id.clone()),
            state: set(client.state.name().to_owned()),
            org_unit_id: set(client.org_unit_id.clone()),
            created_at: set(client.created_at),
            updated_at: set(client.updated_at),
            body: set(store::body(client)?),
        })
    }

    fn record(row: entity::Model) -> Result<Client> {
        store::from_body(row.body)
    }
}

/// The client of that id, whoever asks: for letting it in, not for showing.
pub(crate) async fn find(on: &impl ConnectionTrait, id: &str) -> Result<Option<Client>> {
    entity::Entity::find_by_id(id).one(on).await?.map(entity::Entity::record).transpose()
}

/// Adds a client.
pub(crate) async fn insert(tx: &Tx, call: &Call, client: Client) -> Result<Client> {
    let changed = Changed::new(client, "create", "", "");
    let event = event(&changed);
    store::insert::<entity::Entity, _>(tx, call, changed.record, "create", "", &event).await
}

/// Saves a change.
pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<Client>) -> Result<Client> {
    let event = event(&changed);
    store::save::<entity::Entity, _>(tx, call, changed, &event).await
}

/// The secret of that beginning, live or not.
pub(crate) async fn secret_of(on: &impl ConnectionTrait, prefix: &str) -> Result<Option<Secret>> {
    Ok(secret::Entity::find_by_id(prefix).one(on).await?)
}

/// The live secrets of a client, the oldest first.
pub(crate) async fn secrets(on: &impl ConnectionTrait, client: &ClientId) -> Result<Vec<Secret>> {
    use secret::Column;
    let live = secret::Entity::find().filter(Column::ClientId.eq(client.as_str())).filter(Column::RetiredAt.is_null());
    Ok(live.order_by_asc(Column::CreatedAt).order_by_asc(Column::Prefix).all(on).await?)
}

/// The live secrets of these clients, by client.
pub(crate) async fn secrets_of(
    on: &impl ConnectionTrait,
    clients: impl Iterator<Item = &ClientId>,
) -> Result<HashMap<String, Vec<Secret>>> {
    use secret::Column;
    let ids: Vec<&str> = clients.map(ClientId::as_str).collect();
    let live = secret::Entity::find().filter(Column::ClientId.is_in(ids)).filter(Column::RetiredAt.is_null());
    let mut all: HashMap<String, Vec<Secret>> = HashMap::new();
    for secret in live.order_by_asc(Column::CreatedAt).order_by_asc(Column::Prefix).all(on).await? {
        all.entry(secret.client_id.clone()).or_default().push(secret);
    }
    Ok(all)
}

/// Adds a secret.
pub(crate) async fn add_secret(
    tx: &Tx,
    client: &ClientId,
    (prefix, digest): (&str, Vec<u8>),
    now: DateTimeUtc,
) -> Result<()> {
    let row = secret::ActiveModel {
        prefix: set(prefix.to_owned()),
        client_id: set(client.to_string()),
        digest: set(digest),
        created_at: set(now),
        last_used_at: set(None),
        retired_at: set(None),
    };
    secret::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Makes secrets void: one of them, or all. Gives how many.
pub(crate) async fn retire_secrets(tx: &Tx, client: &ClientId, prefix: Option<&str>, now: DateTimeUtc) -> Result<u64> {
    use secret::Column;
    let row = secret::ActiveModel { retired_at: set(Some(now)), ..Default::default() };
    let mut retiring = secret::Entity::update_many()
        .set(row)
        .filter(Column::ClientId.eq(client.as_str()))
        .filter(Column::RetiredAt.is_null());
    if let Some(prefix) = prefix {
        retiring = retiring.filter(Column::Prefix.eq(prefix));
    }
    Ok(retiring.exec(tx).await?.rows_affected)
}

/// Notes that a secret was used.
pub(crate) async fn touch_secret(tx: &Tx, prefix: &str, now: DateTimeUtc) -> Result<()> {
    let row = secret::ActiveModel { last_used_at: set(Some(now)), ..Default::default() };
    secret::Entity::update_many().set(row).filter(secret::Column::Prefix.eq(prefix)).exec(tx).await?;
    Ok(())
}

/// Takes calls out of a day's quota, all of them or none.
pub(crate) async fn take_calls(tx: &Tx, client: &str, day: &str, calls: i64, quota: i64) -> Result<bool> {
    use usage::Column;
    let row = usage::ActiveModel { client_id: set(client.to_owned()), day: set(day.to_owned()), calls: set(0) };
    let keys = [Column::ClientId, Column::Day];
    usage::Entity::insert(row)
        .on_conflict(OnConflict::columns(keys).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    let written = usage::Entity::update_many()
        .col_expr(Column::Calls, Expr::col(Column::Calls).add(calls))
        .filter(Column::ClientId.eq(client))
        .filter(Column::Day.eq(day))
        .filter(Column::Calls.lte(quota - calls))
        .exec(tx)
        .await?;
    Ok(written.rows_affected == 1)
}

/// Sweeps the days before.
pub(crate) async fn sweep(tx: &Tx, day: &str) -> Result<()> {
    usage::Entity::delete_many().filter(usage::Column::Day.lt(day)).exec(tx).await?;
    Ok(())
}
