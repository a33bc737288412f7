//! A request id gives the same effect once: the key is claimed first in the effect's own transaction, the answer is
//! kept with it, and a repeat gets that answer. Another body under the same id is refused.

use prost::Message;
use sea_orm::{ActiveValue::Set, EntityTrait as _, entity::prelude::*, sea_query::OnConflict};
use sha2::{Digest as _, Sha256};

use crate::{
    db::Tx,
    error::{Error, Result, reason},
    service::Call,
};

/// Rows of the table `idempotency`.
pub mod entity {
    use sea_orm::entity::prelude::*;

    /// One request id of one caller.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency")]
    pub struct Model {
        /// Account, actor, role, method and request id, joined: nobody ever sees another caller's answer.
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        /// Digest of the request's body.
        pub fingerprint: Vec<u8>,
        /// The encoded answer; empty until the effect is committed.
        pub answer: Vec<u8>,
        /// When it was used first; old rows are swept.
        pub created_at: DateTimeUtc,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// How long an answer is kept, in days: longer than any phone is expected to stay without a network.
const KEPT_DAYS: i64 = 35;

/// A claimed request id.
#[derive(Clone, Debug)]
pub struct Key(String);

/// Claims the request's id inside its transaction. `None` when the caller sent no id.
pub(crate) async fn claim<R: proto::Request + Message>(tx: &Tx, call: &Call, request: &R) -> Result<Option<Key>> {
    if request.request_id().is_empty() {
        return Ok(None);
    }
    let (actor, id) = (&call.actor, request.request_id());
    let key = format!("{}|{}|{}|{}|{id}", actor.account_id, actor.id, actor.role.as_str(), call.method);
    let fingerprint = Sha256::digest(request.encode_to_vec()).to_vec();
    let row = entity::ActiveModel {
        key: Set(key.clone()),
        fingerprint: Set(fingerprint.clone()),
        answer: Set(Vec::new()),
        created_at: Set(call.now),
    };
    let inserted = entity::Entity::insert(row)
        .on_conflict(OnConflict::column(entity::Column::Key).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    if inserted == 1 {
        return Ok(Some(Key(key)));
    }
    let first = entity::Entity::find_by_id(key).one(tx).await?.ok_or_else(|| Error::new(reason::CONFLICT))?;
    if first.fingerprint == fingerprint {
        Err(Error::repeated(first.answer))
    } else {
        Err(Error::new(reason::REQUEST_ID_REUSED).with("request_id", request.request_id()))
    }
}

/// Keeps the answer for repeats.
pub(crate) async fn keep(tx: &Tx, key: &Key, answer: &impl Message) -> Result<()> {
    entity::Entity::update_many()
        .col_expr(entity::Column::Answer, Expr::value(answer.encode_to_vec()))
        .filter(entity::Column::Key.eq(key.0.clone()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Sweeps answers older than 35 days.
///
/// # Errors
///
/// When the database does not answer.
pub async fn sweep(db: &crate::db::Db, now: DateTimeUtc) -> Result<u64> {
    let old = now - chrono::Duration::days(KEPT_DAYS);
    let swept = entity::Entity::delete_many().filter(entity::Column::CreatedAt.lt(old)).exec(db.write()).await?;
    Ok(swept.rows_affected)
}
