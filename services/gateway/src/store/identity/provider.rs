//! Who is whom at providers of identities, and what a sign-in there leaves behind for minutes.

use common::{
    db::Tx,
    error::{Error, Result},
    id::Id as _,
    store::set,
};
use sea_orm::{IntoActiveModel as _, entity::prelude::*};

use crate::{
    domain::identity::{AccountId, account::Account},
    error::IDENTITY_TAKEN,
};

/// The table `provider_identity`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// Whose account an identity is; drawn from the accounts' bodies.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_identity")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub issuer: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject: String,
        pub account_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `provider_round`.
pub(crate) mod round {
    use sea_orm::entity::prelude::*;

    /// A browser that is on its way to a provider and back.
    #[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_round")]
    pub struct Model {
        /// Digest of the state in the address.
        #[sea_orm(primary_key, auto_increment = false)]
        pub state: Vec<u8>,
        pub provider: String,
        pub nonce: String,
        pub verifier: String,
        /// Digest of the cookie of the browser that began.
        pub browser: Vec<u8>,
        /// What the page that began will prove itself by.
        pub challenge: String,
        pub page: String,
        pub expires_at: DateTimeUtc,
    }

    impl std::fmt::Debug for Model {
        fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(out, "Round({})", self.provider)
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `provider_ticket`.
pub(crate) mod ticket {
    use sea_orm::entity::prelude::*;

    /// What a provider said of somebody whose page has not fetched the session yet.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_ticket")]
    pub struct Model {
        /// Digest of the code that the page was given.
        #[sea_orm(primary_key, auto_increment = false)]
        pub code: Vec<u8>,
        pub challenge: String,
        pub expires_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) use round::Model as Round;
pub(crate) use ticket::Model as Ticket;

/// The account of an identity.
pub(crate) async fn account(on: &impl ConnectionTrait, issuer: &str, subject: &str) -> Result<Option<AccountId>> {
    let found = entity::Entity::find_by_id((issuer.to_owned(), subject.to_owned())).one(on).await?;
    found.map(|found| AccountId::parse(&found.account_id)).transpose()
}

/// Writes an account's identities as its record has them.
///
/// # Errors
///
/// `IDENTITY_TAKEN` when another account has one of them.
pub(super) async fn keep(tx: &Tx, of: &Account) -> Result<()> {
    entity::Entity::delete_many().filter(entity::Column::AccountId.eq(of.id.as_str())).exec(tx).await?;
    for identity in &of.identities {
        if account(tx, &identity.issuer, &identity.subject).await?.is_some() {
            return Err(Error::new(IDENTITY_TAKEN).with("issuer", &identity.issuer));
        }
        let row = entity::ActiveModel {
            issuer: set(identity.issuer.clone()),
            subject: set(identity.subject.clone()),
            account_id: set(of.id.to_string()),
        };
        entity::Entity::insert(row).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Sends a browser on its way.
pub(crate) async fn begin(tx: &Tx, round: Round) -> Result<()> {
    round::Entity::insert(round.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Whether there is a round of this state: invented ones cost no transaction.
pub(crate) async fn is_there(on: &impl ConnectionTrait, state: &[u8]) -> Result<bool> {
    Ok(round::Entity::find_by_id(state.to_vec()).one(on).await?.is_some())
}

/// Takes a browser's round: it is there once, whatever comes of it.
pub(crate) async fn take(tx: &Tx, state: &[u8]) -> Result<Option<Round>> {
    let Some(found) = round::Entity::find_by_id(state.to_vec()).one(tx).await? else { return Ok(None) };
    let deleted = round::Entity::delete_by_id(state.to_vec()).exec(tx).await?;
    Ok((deleted.rows_affected == 1).then_some(found))
}

/// Keeps what a provider said until the page asks for it.
pub(crate) async fn hand_over(tx: &Tx, ticket: Ticket) -> Result<()> {
    ticket::Entity::insert(ticket.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// What a provider said, by the digest of the page's code.
pub(crate) async fn ticket(on: &impl ConnectionTrait, code: &[u8]) -> Result<Option<Ticket>> {
    Ok(ticket::Entity::find_by_id(code.to_vec()).one(on).await?)
}

/// Uses a ticket up; whether it was there.
pub(crate) async fn tear(tx: &Tx, code: &[u8]) -> Result<bool> {
    Ok(ticket::Entity::delete_by_id(code.to_vec()).exec(tx).await?.rows_affected == 1)
}

/// Sweeps what nobody came back for.
pub(crate) async fn sweep(tx: &Tx, before: DateTimeUtc) -> Result<()> {
    round::Entity::delete_many().filter(round::Column::ExpiresAt.lt(before)).exec(tx).await?;
    ticket::Entity::delete_many().filter(ticket::Column::ExpiresAt.lt(before)).exec(tx).await?;
    Ok(())
}
