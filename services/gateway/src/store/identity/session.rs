//! Sessions and their refresh tokens.

use common::{
    db::{Tx, guarded},
    error::Result,
    store::set,
};
use sea_orm::{IntoActiveModel as _, entity::prelude::*, sea_query::Query};

use crate::domain::identity::{AccountId, SessionId};

/// The table `session`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One sign-in and all that was refreshed from it.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "session")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub account_id: String,
        pub method: String,
        pub address: String,
        pub user_agent: String,
        pub created_at: DateTimeUtc,
        pub last_used_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub revoked_at: Option<DateTimeUtc>,
        pub revoke_reason: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl common::reach::Owned for entity::Entity {
    fn within(reach: &common::reach::Reach) -> sea_orm::Condition {
        common::reach::Owner::only_account(entity::Column::AccountId).within(reach)
    }
}

/// The table `refresh_token`.
pub(crate) mod token {
    use sea_orm::entity::prelude::*;

    /// A refresh token, by its digest.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "refresh_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: Vec<u8>,
        pub session_id: String,
        pub created_at: DateTimeUtc,
        pub used_at: Option<DateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) use entity::Model as Session;

impl Session {
    /// Whether it still holds.
    pub(crate) fn live(&self, now: DateTimeUtc) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// The session of that id.
pub(crate) async fn find(on: &impl ConnectionTrait, id: &SessionId) -> Result<Option<Session>> {
    Ok(entity::Entity::find_by_id(id.as_str()).one(on).await?)
}

/// Adds a session with its first refresh token.
pub(crate) async fn insert(tx: &Tx, session: Session, digest: Vec<u8>) -> Result<()> {
    let (id, now) = (session.id.clone(), session.created_at);
    entity::Entity::insert(session.into_active_model().reset_all()).exec_without_returning(tx).await?;
    add_token(tx, &id, digest, now).await
}

/// Adds a refresh token.
pub(crate) async fn add_token(tx: &Tx, session: &str, digest: Vec<u8>, now: DateTimeUtc) -> Result<()> {
    let row = token::ActiveModel {
        digest: set(digest),
        session_id: set(session.to_owned()),
        created_at: set(now),
        used_at: set(None),
    };
    token::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The refresh token of that digest, with its session.
pub(crate) async fn of_token(on: &impl ConnectionTrait, digest: &[u8]) -> Result<Option<(token::Model, Session)>> {
    let Some(token) = token::Entity::find_by_id(digest.to_vec()).one(on).await? else { return Ok(None) };
    let session = entity::Entity::find_by_id(&*token.session_id).one(on).await?;
    Ok(session.map(|session| (token, session)))
}

/// Uses a refresh token up.
///
/// # Errors
///
/// `CONFLICT` when another call did meanwhile.
pub(crate) async fn use_token(tx: &Tx, digest: &[u8], now: DateTimeUtc) -> Result<()> {
    let row = token::ActiveModel { used_at: set(Some(now)), ..Default::default() };
    let written = token::Entity::update_many()
        .set(row)
        .filter(token::Column::Digest.eq(digest.to_vec()))
        .filter(token::Column::UsedAt.is_null())
        .exec(tx)
        .await?;
    guarded(written.rows_affected)
}

/// Notes that a session was used; `expires_at` moves with it.
pub(crate) async fn touch(tx: &Tx, id: &str, now: DateTimeUtc, expires_at: DateTimeUtc) -> Result<()> {
    let row = entity::ActiveModel { last_used_at: set(now), expires_at: set(expires_at), ..Default::default() };
    entity::Entity::update_many().set(row).filter(entity::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Which sessions end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
    /// This one.
    One(&'a str),
    /// All of the account.
    All(&'a AccountId),
    /// All of the account that began in this way.
    Begun(&'a AccountId, &'a str),
    /// All of the account but this one.
    Others(&'a AccountId, &'a str),
}

/// Ends sessions that have not ended; gives how many.
pub(crate) async fn end(tx: &Tx, which: Which<'_>, why: &str, now: DateTimeUtc) -> Result<u64> {
    use entity::Column;
    let row =
        entity::ActiveModel { revoked_at: set(Some(now)), revoke_reason: set(why.to_owned()), ..Default::default() };
    let ending = entity::Entity::update_many().set(row).filter(Column::RevokedAt.is_null());
    let ending = match which {
        Which::One(id) => ending.filter(Column::Id.eq(id)),
        Which::All(account) => ending.filter(Column::AccountId.eq(account.as_str())),
        Which::Begun(account, method) => {
            ending.filter(Column::AccountId.eq(account.as_str())).filter(Column::Method.eq(method))
        }
        Which::Others(account, id) => ending.filter(Column::AccountId.eq(account.as_str())).filter(Column::Id.ne(id)),
    };
    Ok(ending.exec(tx).await?.rows_affected)
}

/// Sweeps sessions that ended before, with their tokens.
pub(crate) async fn sweep(tx: &Tx, before: DateTimeUtc) -> Result<()> {
    let old = Query::select()
        .column(entity::Column::Id)
        .from(entity::Entity)
        .and_where(entity::Column::ExpiresAt.lt(before))
        .to_owned();
    token::Entity::delete_many().filter(token::Column::SessionId.in_subquery(old)).exec(tx).await?;
    entity::Entity::delete_many().filter(entity::Column::ExpiresAt.lt(before)).exec(tx).await?;
    Ok(())
}
