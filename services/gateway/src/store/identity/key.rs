//! The keys that access tokens and links are signed with.

use common::{db::Tx, error::Result, store::set};
use sea_orm::{ExprTrait as _, QueryOrder as _, entity::prelude::*, sea_query::OnConflict};

/// The table `signing_key`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// A key. Its id stands in the header of what it signed.
    #[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "signing_key")]
    pub struct Model {
        /// Purpose and generation: `access-3`.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub purpose: String,
        pub secret: Vec<u8>,
        /// From when on it signs; it verifies from the beginning.
        pub active_at: DateTimeUtc,
        /// From when on it verifies no more.
        pub retired_at: Option<DateTimeUtc>,
    }

    impl std::fmt::Debug for Model {
        fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(out, "Key({})", self.id)
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) use entity::Model as Key;

/// All keys, the earliest first.
pub(crate) async fn all(on: &impl ConnectionTrait) -> Result<Vec<Key>> {
    Ok(entity::Entity::find().order_by_asc(entity::Column::ActiveAt).all(on).await?)
}

/// Adds a key, unless one of its id is there: two replicas that make the first one at once keep one.
pub(crate) async fn add(tx: &Tx, key: Key) -> Result<()> {
    let row = entity::ActiveModel {
        id: set(key.id),
        purpose: set(key.purpose),
        secret: set(key.secret),
        active_at: set(key.active_at),
        retired_at: set(key.retired_at),
    };
    entity::Entity::insert(row)
        .on_conflict(OnConflict::column(entity::Column::Id).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The keys of a purpose that are not retired yet verify until `at`.
pub(crate) async fn retire(tx: &Tx, purpose: &str, at: DateTimeUtc) -> Result<()> {
    let row = entity::ActiveModel { retired_at: set(Some(at)), ..Default::default() };
    entity::Entity::update_many()
        .set(row)
        .filter(entity::Column::Purpose.eq(purpose))
        .filter(entity::Column::RetiredAt.is_null().or(entity::Column::RetiredAt.gt(at)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets keys that have not verified anything for long.
pub(crate) async fn sweep(tx: &Tx, before: DateTimeUtc) -> Result<()> {
    entity::Entity::delete_many().filter(entity::Column::RetiredAt.lt(before)).exec(tx).await?;
    Ok(())
}
