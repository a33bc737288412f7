//! Rows of the audit trail.
//!
//! Who has something to say writes it into `audit_pending`, in the transaction of what it is about, and never waits for
//! the chain. One sealer takes what waits there, in batches, and chains it behind the head. Were callers to chain by
//! themselves, every transaction of the gateway would queue for one row.

pub(crate) mod chain;
pub(crate) mod check;

use chrono::{DateTime, Utc};
use common::{
    db::Tx,
    error::{Error, Result},
    store::set,
};
use sea_orm::{ActiveValue::NotSet, entity::prelude::*};

use crate::domain::audit::{Entry, Hash, Outcome, Sealed};

/// The table `audit_entry`: append-only, chained.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One entry in its place.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_entry")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub id: String,
        pub at: DateTimeUtc,
        pub actor_id: String,
        pub actor_role: String,
        pub actor_org_unit_id: String,
        pub action: String,
        pub service: String,
        pub subject_kind: String,
        pub subject_id: String,
        pub subject_version: i64,
        pub customer_id: String,
        pub from_address: String,
        pub trace_id: String,
        pub outcome: String,
        pub reason: String,
        pub digest: String,
        pub previous: Vec<u8>,
        pub hash: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What people of the own units did.
impl common::reach::Owned for entity::Entity {
    fn within(reach: &common::reach::Reach) -> sea_orm::Condition {
        common::reach::Owner::unit(entity::Column::ActorOrgUnitId).within(reach)
    }
}

/// The table `audit_pending`: written with what it is about, not chained yet.
pub(crate) mod pending {
    use sea_orm::entity::prelude::*;

    /// One entry that waits for its place.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_pending")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub seq: i64,
        pub id: String,
        pub at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub entry: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `audit_head`: one row.
pub(crate) mod head {
    use sea_orm::entity::prelude::*;

    /// Where the chain begins and ends, signed.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_head")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub seq: i64,
        pub hash: Vec<u8>,
        pub base_seq: i64,
        pub base_hash: Vec<u8>,
        pub anchored_seq: i64,
        pub anchored_at: DateTimeUtc,
        pub mac: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `audit_anchor`.
pub(crate) mod anchor {
    use sea_orm::entity::prelude::*;

    /// The hash that one entry had at some instant, signed.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_anchor")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub hash: Vec<u8>,
        pub at: DateTimeUtc,
        pub mac: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Entries of one statement: more would hold a thread for milliseconds while they are chained and the statement is put
/// together, and every call of that thread with it.
const TOGETHER: usize = 16;
/// Stands for a hash that fits nothing.
const NO_HASH: Hash = [0xff; 32];

/// A hash as a column, and back; one of another length fits nothing.
pub(crate) fn hash(column: &[u8]) -> Hash {
    column.try_into().unwrap_or(NO_HASH)
}

/// Writes entries into the queue of the transaction.
pub(crate) async fn append(tx: &Tx, entries: impl IntoIterator<Item = (String, DateTime<Utc>, Entry)>) -> Result<()> {
    let mut entries = entries.into_iter().peekable();
    while entries.peek().is_some() {
        let rows = entries
            .by_ref()
            .take(TOGETHER)
            .map(|(id, at, entry)| {
                let entry = serde_json::to_value(entry).map_err(Error::internal)?;
                Ok(pending::ActiveModel { seq: NotSet, id: set(id), at: set(at), entry: set(entry) })
            })
            .collect::<Result<Vec<_>>>()?;
        pending::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// The entry of a row.
pub(crate) fn sealed(row: entity::Model) -> Sealed {
    // An outcome that we do not know was never written by us: no hash fits it.
    let outcome = Outcome::parse(&row.outcome);
    Sealed {
        seq: row.seq,
        id: row.id,
        at: row.at,
        entry: Entry {
            actor_id: row.actor_id,
            actor_role: row.actor_role,
            actor_org_unit_id: row.actor_org_unit_id,
            action: row.action,
            service: row.service,
            subject_kind: row.subject_kind,
            subject_id: row.subject_id,
            subject_version: row.subject_version,
            customer_id: row.customer_id,
            from_address: row.from_address,
            trace_id: row.trace_id,
            outcome: outcome.unwrap_or(Outcome::Failed),
            reason: row.reason,
            digest: row.digest,
        },
        previous: hash(&row.previous),
        hash: outcome.map_or(NO_HASH, |_| hash(&row.hash)),
    }
}

/// The row of an entry.
fn row(sealed: Sealed) -> entity::ActiveModel {
    let Sealed { seq, id, at, entry, previous, hash } = sealed;
    entity::ActiveModel {
        seq: set(seq),
        id: set(id),
        at: set(at),
        actor_id: set(entry.actor_id),
        actor_role: set(entry.actor_role),
        actor_org_unit_id: set(entry.actor_org_unit_id),
        action: set(entry.action),
        service: set(entry.service),
        subject_kind: set(entry.subject_kind),
        subject_id: set(entry.subject_id),
        subject_version: set(entry.subject_version),
        customer_id: set(entry.customer_id),
        from_address: set(entry.from_address),
        trace_id: set(entry.trace_id),
        outcome: set(entry.outcome.as_str().to_owned()),
        reason: set(entry.reason),
        digest: set(entry.digest),
        previous: set(previous.to_vec()),
        hash: set(hash.to_vec()),
    }
}
