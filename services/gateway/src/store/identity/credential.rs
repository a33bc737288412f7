//! Passwords and second factors, one row an account. They change with every use, and no history or event tells of them.

use std::collections::HashMap;

use common::{
    db::{Tx, guarded},
    error::Result,
    store::set,
};
use sea_orm::{IntoActiveModel as _, entity::prelude::*};

use crate::domain::identity::AccountId;

/// The table `credential`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// What an account proves itself by.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "credential")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: String,
        /// Argon2id, as a PHC string; none for who signs in by a provider only.
        pub password_hash: Option<String>,
        pub must_change: bool,
        pub changed_at: DateTimeUtc,
        pub totp_secret: Option<Vec<u8>>,
        pub totp_confirmed: bool,
        /// The last step whose code was used.
        pub totp_last_step: i64,
        /// Digests of the recovery codes that are left, as hexadecimal text.
        #[sea_orm(column_type = "JsonBinary")]
        pub recovery_codes: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) use entity::Model as Credential;

impl Credential {
    /// A new account's.
    pub(crate) fn new(account: &AccountId, password_hash: Option<String>, now: DateTimeUtc) -> Self {
        Self {
            account_id: account.to_string(),
            must_change: password_hash.is_some(),
            password_hash,
            changed_at: now,
            totp_secret: None,
            totp_confirmed: false,
            totp_last_step: 0,
            recovery_codes: Json::Array(Vec::new()),
        }
    }

    /// Nothing at all.
    pub(crate) fn none(account: &AccountId) -> Self {
        Self::new(account, None, DateTimeUtc::UNIX_EPOCH)
    }

    /// The secret of a second factor that is asked for.
    pub(crate) fn totp(&self) -> Option<&[u8]> {
        self.totp_secret.as_deref().filter(|_| self.totp_confirmed)
    }

    /// Takes the recovery code of this digest away, if it is there.
    pub(crate) fn use_recovery(&mut self, digest: &str) -> bool {
        let Json::Array(codes) = &mut self.recovery_codes else { return false };
        let before = codes.len();
        codes.retain(|code| code.as_str() != Some(digest));
        codes.len() < before
    }

    /// Takes the second factor away.
    pub(crate) fn without_totp(mut self) -> Self {
        self.totp_secret = None;
        self.totp_confirmed = false;
        self.recovery_codes = Json::Array(Vec::new());
        self
    }
}

/// An account's credential. Every account has a row; an empty one proves nothing.
pub(crate) async fn of(on: &impl ConnectionTrait, account: &AccountId) -> Result<Credential> {
    let found = entity::Entity::find_by_id(account.as_str()).one(on).await?;
    Ok(found.unwrap_or_else(|| Credential::none(account)))
}

/// The credentials of these accounts, by account.
pub(crate) async fn of_all(
    on: &impl ConnectionTrait,
    accounts: impl Iterator<Item = &AccountId>,
) -> Result<HashMap<String, Credential>> {
    let ids: Vec<&str> = accounts.map(AccountId::as_str).collect();
    let found = entity::Entity::find().filter(entity::Column::AccountId.is_in(ids)).all(on).await?;
    Ok(found.into_iter().map(|credential| (credential.account_id.clone(), credential)).collect())
}

/// Adds a new account's.
pub(crate) async fn insert(tx: &Tx, credential: Credential) -> Result<()> {
    entity::Entity::insert(credential.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes all of it.
pub(crate) async fn save(tx: &Tx, credential: Credential) -> Result<()> {
    let id = credential.account_id.clone();
    let mut row = credential.into_active_model().reset_all();
    row.account_id = sea_orm::ActiveValue::NotSet;
    let written = entity::Entity::update_many().set(row).filter(entity::Column::AccountId.eq(id)).exec(tx).await?;
    guarded(written.rows_affected)
}

/// Writes a better hash of the same password, if nobody changed it meanwhile.
pub(crate) async fn rehash(tx: &Tx, account: &str, old: &str, new: String) -> Result<()> {
    let row = entity::ActiveModel { password_hash: set(Some(new)), ..Default::default() };
    entity::Entity::update_many()
        .set(row)
        .filter(entity::Column::AccountId.eq(account))
        .filter(entity::Column::PasswordHash.eq(old))
        .exec(tx)
        .await?;
    Ok(())
}

/// Uses a step of the second factor up, if no other call did: a code is good once.
pub(crate) async fn use_step(tx: &Tx, account: &str, step: i64) -> Result<bool> {
    let row = entity::ActiveModel { totp_last_step: set(step), ..Default::default() };
    let written = entity::Entity::update_many()
        .set(row)
        .filter(entity::Column::AccountId.eq(account))
        .filter(entity::Column::TotpLastStep.lt(step))
        .exec(tx)
        .await?;
    Ok(written.rows_affected == 1)
}
