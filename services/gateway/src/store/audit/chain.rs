//! Chains what waits, anchors the chain, and lets go of what is too old.

use chrono::{DateTime, Duration, Utc};
use common::{
    db::{Db, Tx, guarded},
    error::{Error, Result},
    store::set,
};
use sea_orm::{
    EntityTrait as _, QueryOrder as _, QuerySelect as _, Statement, entity::prelude::*, sea_query::OnConflict,
};

use super::{TOGETHER, anchor, entity, hash, head, pending, row};
use crate::domain::audit::{Entry, Head, Seal, Sealed};

/// Entries of one transaction.
const BATCH: u64 = 1000;
/// The id of the head's only row.
const ONLY: i32 = 1;
/// Rows deleted by one statement.
const SLICE: u64 = 5000;

/// When an anchor is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchoring {
    /// After this many entries.
    pub(crate) entries: i64,
    /// After this time, if there are entries behind the last anchor.
    pub(crate) every: Duration,
}

/// What one round of sealing did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Round {
    /// Entries chained.
    pub(crate) sealed: u64,
    /// Whether more wait.
    pub(crate) more: bool,
    /// The anchor that was set, as it goes into the log.
    pub(crate) anchor: Option<(i64, String)>,
}

/// Whether there is something to chain, or to anchor by time.
pub(crate) async fn idle(db: &Db, now: DateTime<Utc>, anchoring: Anchoring) -> Result<bool> {
    if pending::Entity::find().one(db.read()).await?.is_some() {
        return Ok(false);
    }
    let head = head::Entity::find_by_id(ONLY).one(db.read()).await?;
    Ok(head.is_none_or(|head| head.seq == head.anchored_seq || now - head.anchored_at < anchoring.every))
}

/// The head, locked for this transaction; made when the chain is new.
async fn lock(tx: &Tx, seal: &Seal) -> Result<head::Model> {
    if let Some(row) = head::Entity::find_by_id(ONLY).lock_exclusive().one(tx).await? {
        return Ok(row);
    }
    let new = Head::default();
    let first = head::ActiveModel {
        id: set(ONLY),
        seq: set(new.seq),
        hash: set(new.hash.to_vec()),
        base_seq: set(new.base_seq),
        base_hash: set(new.base_hash.to_vec()),
        anchored_seq: set(new.anchored_seq),
        // The first entry is anchored at once.
        anchored_at: set(DateTime::UNIX_EPOCH),
        mac: set(seal.head(&new)),
    };
    let taken = OnConflict::column(head::Column::Id).do_nothing().to_owned();
    head::Entity::insert(first).on_conflict(taken).exec_without_returning(tx).await?;
    let row = head::Entity::find_by_id(ONLY).lock_exclusive().one(tx).await?;
    row.ok_or_else(|| Error::internal(anyhow::anyhow!("the audit trail has no head")))
}

/// The head of a row.
pub(super) fn of(row: &head::Model) -> Head {
    Head {
        seq: row.seq,
        hash: hash(&row.hash),
        base_seq: row.base_seq,
        base_hash: hash(&row.base_hash),
        anchored_seq: row.anchored_seq,
    }
}

async fn save(tx: &Tx, head: &Head, anchored_at: DateTime<Utc>, seal: &Seal) -> Result<()> {
    let row = head::ActiveModel {
        id: set(ONLY),
        seq: set(head.seq),
        hash: set(head.hash.to_vec()),
        base_seq: set(head.base_seq),
        base_hash: set(head.base_hash.to_vec()),
        anchored_seq: set(head.anchored_seq),
        anchored_at: set(anchored_at),
        mac: set(seal.head(head)),
    };
    let written = head::Entity::update_many().set(row).filter(head::Column::Id.eq(ONLY)).exec(tx).await?;
    guarded(written.rows_affected)
}

/// Chains a batch of what waits behind the head, and anchors the head when that is due. The head's row is locked, so
/// two sealers at once are only slower, never wrong.
pub(crate) async fn seal(db: &Db, now: DateTime<Utc>, seal: &Seal, anchoring: Anchoring) -> Result<Round> {
    let tx = db.begin().await?;
    let stored = lock(&tx, seal).await?;
    let mut head = of(&stored);
    let mut anchored_at = stored.anchored_at;
    let waiting = pending::Entity::find().order_by_asc(pending::Column::Seq).limit(BATCH).all(&tx).await?;
    let taken: Vec<i64> = waiting.iter().map(|waiting| waiting.seq).collect();
    let mut round = Round { sealed: taken.len() as u64, more: taken.len() as u64 == BATCH, ..Round::default() };
    let mut waiting = waiting.into_iter().peekable();
    while waiting.peek().is_some() {
        let mut rows = Vec::with_capacity(TOGETHER);
        for waiting in waiting.by_ref().take(TOGETHER) {
            let entry: Entry = serde_json::from_value(waiting.entry).map_err(Error::internal)?;
            let sealed = Sealed::chain(head.seq + 1, waiting.id, waiting.at, entry, head.hash);
            (head.seq, head.hash) = (sealed.seq, sealed.hash);
            rows.push(row(sealed));
        }
        entity::Entity::insert_many(rows).exec_without_returning(&tx).await?;
    }
    if round.sealed > 0 {
        pending::Entity::delete_many().filter(pending::Column::Seq.is_in(taken)).exec(&tx).await?;
    }
    let behind = head.seq - head.anchored_seq;
    if behind >= anchoring.entries || (behind > 0 && now - anchored_at >= anchoring.every) {
        let row = anchor::ActiveModel {
            seq: set(head.seq),
            hash: set(head.hash.to_vec()),
            at: set(now),
            mac: set(seal.anchor(head.seq, &head.hash, now)),
        };
        anchor::Entity::insert(row).exec_without_returning(&tx).await?;
        (head.anchored_seq, anchored_at) = (head.seq, now);
        round.anchor = Some((head.seq, super::check::hex(&head.hash)));
    }
    if round.sealed > 0 || round.anchor.is_some() {
        save(&tx, &head, anchored_at, seal).await?;
        tx.commit().await?;
    }
    Ok(round)
}

/// Lets go of entries older than `before`, up to the newest anchor that is older: from then on that anchor is where the
/// chain begins, and what is left can still be checked. Says how many entries went.
pub(crate) async fn retire(db: &Db, before: DateTime<Utc>, seal: &Seal) -> Result<u64> {
    let tx = db.begin().await?;
    let stored = lock(&tx, seal).await?;
    let mut head = of(&stored);
    let base = anchor::Entity::find()
        .filter(anchor::Column::At.lt(before))
        .filter(anchor::Column::Seq.gt(head.base_seq))
        .order_by_desc(anchor::Column::Seq)
        .one(&tx)
        .await?;
    // Only what is ours may move the beginning: else a forged anchor would hide what was cut away before it.
    let known = |row: &anchor::Model| seal.knows_anchor(row.seq, &hash(&row.hash), row.at, &row.mac);
    if let Some(base) = base.filter(known) {
        (head.base_seq, head.base_hash) = (base.seq, hash(&base.hash));
        save(&tx, &head, stored.anchored_at, seal).await?;
        anchor::Entity::delete_many().filter(anchor::Column::Seq.lt(base.seq)).exec(&tx).await?;
        tx.commit().await?;
    } else {
        drop(tx);
    }
    let mut gone = 0;
    loop {
        let sql = "DELETE FROM audit_entry WHERE seq IN \
                   (SELECT seq FROM audit_entry WHERE seq <= $1 ORDER BY seq LIMIT $2)";
        let values: [Value; 2] = [head.base_seq.into(), SLICE.cast_signed().into()];
        let slice = db.write().execute_raw(Statement::from_sql_and_values(db.backend(), sql, values)).await?;
        gone += slice.rows_affected();
        if slice.rows_affected() < SLICE {
            return Ok(gone);
        }
        tokio::task::yield_now().await;
    }
}
