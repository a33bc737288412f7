//! Failed sign-ins in a row, by account and by address.

use chrono::Duration;
use common::{
    db::{Tx, guarded},
    error::Result,
    store::set,
};
use sea_orm::entity::prelude::*;

use crate::domain::identity::lockout::{Failures, Terms};

/// The table `sign_in_guard`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// The failures of one key.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sign_in_guard")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub failures: i32,
        pub last_at: DateTimeUtc,
        pub locked_until: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Counts a try of this key before it is judged. `Ok(Err(wait))` when it is too early for one.
///
/// # Errors
///
/// `CONFLICT` when another try of the same key was counted meanwhile.
pub(crate) async fn count(
    tx: &Tx,
    key: &str,
    terms: &Terms,
    now: DateTimeUtc,
) -> Result<std::result::Result<(), Duration>> {
    let row = entity::Entity::find_by_id(key).one(tx).await?;
    let failures = row.as_ref().map_or_else(|| Failures::none(now), failures);
    let next = match failures.try_at(now, terms) {
        Ok(next) => next,
        Err(wait) => return Ok(Err(wait)),
    };
    match row {
        Some(row) => write(tx, &row, next).await?,
        None => {
            let row = entity::ActiveModel {
                key: set(key.to_owned()),
                failures: set(next.count),
                last_at: set(next.last_at),
                locked_until: set(next.locked_until),
            };
            entity::Entity::insert(row).exec_without_returning(tx).await?;
        }
    }
    Ok(Ok(()))
}

/// Takes back what [`count`] wrote, after a try that turned out well: all failures of an account, one of an address.
pub(crate) async fn succeed(tx: &Tx, account: &str, address: Option<&str>) -> Result<()> {
    entity::Entity::delete_by_id(account).exec(tx).await?;
    match address {
        Some(address) => succeed_one(tx, address).await,
        None => Ok(()),
    }
}

/// Takes one try of a key back.
pub(crate) async fn succeed_one(tx: &Tx, key: &str) -> Result<()> {
    if let Some(row) = entity::Entity::find_by_id(key).one(tx).await? {
        write(tx, &row, failures(&row).forgive_one()).await?;
    }
    Ok(())
}

/// Takes a lock away.
pub(crate) async fn forget(tx: &Tx, key: &str) -> Result<()> {
    entity::Entity::delete_by_id(key).exec(tx).await?;
    Ok(())
}

/// Sweeps what is forgotten anyway.
pub(crate) async fn sweep(tx: &Tx, before: DateTimeUtc) -> Result<()> {
    entity::Entity::delete_many().filter(entity::Column::LastAt.lt(before)).exec(tx).await?;
    Ok(())
}

fn failures(row: &entity::Model) -> Failures {
    Failures { count: row.failures, last_at: row.last_at, locked_until: row.locked_until }
}

async fn write(tx: &Tx, row: &entity::Model, next: Failures) -> Result<()> {
    let values = entity::ActiveModel {
        failures: set(next.count),
        last_at: set(next.last_at),
        locked_until: set(next.locked_until),
        ..Default::default()
    };
    let written = entity::Entity::update_many()
        .set(values)
        .filter(entity::Column::Key.eq(&*row.key))
        .filter(entity::Column::Failures.eq(row.failures))
        .filter(entity::Column::LastAt.eq(row.last_at))
        .exec(tx)
        .await?;
    guarded(written.rows_affected)
}
