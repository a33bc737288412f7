//! Reads the whole trail and says what is wrong with it.

use std::collections::BTreeMap;

use common::{
    db::Db,
    error::{Error, Result},
};
use sea_orm::{EntityTrait as _, QueryOrder as _, QueryResult, Statement, entity::prelude::*};
use tokio::task::JoinSet;

use super::{anchor, chain, entity, hash, head};
use crate::domain::audit::{Entry, Fault, Hash, Outcome, Seal, Sealed, Stretch};

/// Entries read by one query.
const PAGE: i64 = 4000;
/// The columns, in the order in which they are read.
const COLUMNS: &str = "seq, id, at, actor_id, actor_role, actor_org_unit_id, action, service, subject_kind, \
                       subject_id, subject_version, customer_id, from_address, trace_id, outcome, reason, digest, \
                       previous, hash";

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// First and last number that were to be there; (1, 0) for an empty trail.
    pub(crate) first: i64,
    /// Last number.
    pub(crate) last: i64,
    /// Hash of the last entry, in hex.
    pub(crate) hash: String,
    /// Anchors compared with, those from outside included.
    pub(crate) anchors: usize,
    /// Faults, by place.
    pub(crate) faults: Vec<Fault>,
}

/// A hash in hex.
pub(crate) fn hex(hash: &[u8]) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::with_capacity(hash.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Checks the trail against itself, its anchors, and anchors that were kept outside, by number.
pub(crate) async fn verify(db: &Db, seal: &Seal, outside: &BTreeMap<i64, Hash>) -> Result<Report> {
    let mut report = once(db, seal, outside).await?;
    // What went because its time was over while we looked was never meddled with.
    for _ in 0..3 {
        let base = head::Entity::find_by_id(1).one(db.read()).await?.map_or(0, |head| head.base_seq);
        if report.faults.is_empty() || base + 1 == report.first {
            break;
        }
        report = once(db, seal, outside).await?;
    }
    Ok(report)
}

async fn once(db: &Db, seal: &Seal, outside: &BTreeMap<i64, Hash>) -> Result<Report> {
    let mut faults = Vec::new();
    // One statement, so that head and last entry are of one instant.
    let sql = "SELECT (SELECT max(seq) FROM audit_entry), (SELECT seq FROM audit_head WHERE id = 1)";
    let ends = db.read().query_one_raw(Statement::from_string(db.backend(), sql)).await?;
    let (newest, head_seq) = match ends {
        Some(row) => (row.try_get_by_index::<Option<i64>>(0)?, row.try_get_by_index::<Option<i64>>(1)?),
        None => (None, None),
    };
    let stored = head::Entity::find_by_id(1).one(db.read()).await?;
    let head = match &stored {
        Some(row) if seal.knows_head(&chain::of(row), &row.mac) => chain::of(row),
        Some(row) => {
            faults.push(Fault::ForgedHead);
            chain::of(row)
        }
        None => {
            if newest.is_some() || !outside.is_empty() {
                faults.push(Fault::ForgedHead);
            }
            crate::domain::audit::Head::default()
        }
    };
    let anchors = anchors(db, seal, &head, outside, &mut faults).await?;
    let first = head.base_seq + 1;
    let known = anchors.last_key_value().map_or(0, |(seq, _)| *seq);
    // Without a head that is ours, whatever is there is looked at.
    let forged = faults.contains(&Fault::ForgedHead);
    let last = head.seq.max(known).max(if forged { newest.unwrap_or(0) } else { 0 });
    if let (Some(newest), Some(head_seq)) = (newest, head_seq)
        && newest > head_seq
    {
        faults.push(Fault::Beyond(head_seq + 1, newest));
    }
    faults.extend(stretches(db, first, last, head.base_hash, &anchors).await?);
    if last == head.seq && last >= first {
        let row = entity::Entity::find_by_id(last).one(db.read()).await?;
        if row.is_some_and(|row| hash(&row.hash) != head.hash) && !faults.contains(&Fault::Edited(last)) {
            faults.push(Fault::Replaced(last));
        }
    }
    faults.sort();
    faults.dedup();
    Ok(Report { first, last, hash: hex(&head.hash), anchors: anchors.len(), faults })
}

async fn anchors(
    db: &Db,
    seal: &Seal,
    head: &crate::domain::audit::Head,
    outside: &BTreeMap<i64, Hash>,
    faults: &mut Vec<Fault>,
) -> Result<BTreeMap<i64, Hash>> {
    let mut anchors = BTreeMap::new();
    for row in anchor::Entity::find().order_by_asc(anchor::Column::Seq).all(db.read()).await? {
        if seal.knows_anchor(row.seq, &hash(&row.hash), row.at, &row.mac) {
            anchors.insert(row.seq, hash(&row.hash));
        } else {
            faults.push(Fault::ForgedAnchor(row.seq));
        }
    }
    if head.anchored_seq > 0 && !anchors.contains_key(&head.anchored_seq) && head.anchored_seq >= head.base_seq {
        faults.push(Fault::ForgedAnchor(head.anchored_seq));
    }
    anchors.extend(outside.iter().map(|(seq, hash)| (*seq, *hash)));
    anchors.retain(|seq, _| *seq > head.base_seq);
    Ok(anchors)
}

/// Checks the numbers `first` to `last` in several stretches at once, each on a connection and a core of its own.
async fn stretches(db: &Db, first: i64, last: i64, base: Hash, anchors: &BTreeMap<i64, Hash>) -> Result<Vec<Fault>> {
    let count = (last - first + 1).max(0);
    let workers = i64::try_from(std::thread::available_parallelism().map_or(2, usize::from).min(4)).unwrap_or(2);
    let length = (count / workers + 1).max(PAGE);
    let mut tasks = JoinSet::new();
    let mut from = first;
    while from <= last {
        let to = (from + length - 1).min(last);
        let (db, anchors) = (db.clone(), anchors.clone());
        let base = (from == first).then_some(base);
        tasks.spawn(async move { stretch(&db, from, to, base, &anchors).await });
        from = to + 1;
    }
    let mut faults = Vec::new();
    while let Some(done) = tasks.join_next().await {
        faults.extend(done.map_err(Error::internal)??);
    }
    Ok(faults)
}

async fn stretch(
    db: &Db,
    first: i64,
    last: i64,
    base: Option<Hash>,
    anchors: &BTreeMap<i64, Hash>,
) -> Result<Vec<Fault>> {
    let before = match base {
        Some(base) => Some(base),
        None => before(db, first - 1).await?,
    };
    let mut stretch = Stretch::new(first, before, anchors);
    let sql = format!("SELECT {COLUMNS} FROM audit_entry WHERE seq >= $1 AND seq <= $2 ORDER BY seq");
    let mut from = first;
    while from <= last {
        let to = (from + PAGE - 1).min(last);
        let statement = Statement::from_sql_and_values(db.backend(), &*sql, [from.into(), to.into()]);
        for row in db.read().query_all_raw(statement).await? {
            stretch.check(&read(&row)?);
        }
        from = to + 1;
    }
    Ok(stretch.end(last))
}

/// Hash of the entry before a stretch, if it is there and sound.
async fn before(db: &Db, seq: i64) -> Result<Option<Hash>> {
    let row = entity::Entity::find_by_id(seq).one(db.read()).await?.map(super::sealed);
    Ok(row.filter(|row| row.computed() == row.hash).map(|row| row.hash))
}

/// An entry out of [`COLUMNS`], by place: by name it takes twice the time.
fn read(row: &QueryResult) -> Result<Sealed> {
    let text = |place| row.try_get_by_index::<String>(place);
    let outcome = Outcome::parse(&text(14)?);
    let hashed = row.try_get_by_index::<Vec<u8>>(18)?;
    Ok(Sealed {
        seq: row.try_get_by_index(0)?,
        id: text(1)?,
        at: row.try_get_by_index(2)?,
        entry: Entry {
            actor_id: text(3)?,
            actor_role: text(4)?,
            actor_org_unit_id: text(5)?,
            action: text(6)?,
            service: text(7)?,
            subject_kind: text(8)?,
            subject_id: text(9)?,
            subject_version: row.try_get_by_index(10)?,
            customer_id: text(11)?,
            from_address: text(12)?,
            trace_id: text(13)?,
            outcome: outcome.unwrap_or(Outcome::Failed),
            reason: text(15)?,
            digest: text(16)?,
        },
        previous: hash(&row.try_get_by_index::<Vec<u8>>(17)?),
        // An outcome that we do not know was never written by us: no hash fits it.
        hash: outcome.map_or(super::NO_HASH, |_| hash(&hashed)),
    })
}
