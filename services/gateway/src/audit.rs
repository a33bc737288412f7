//! The audit trail as the rest of the gateway uses it: [`record`] in a transaction, [`Buffer::note`] where there is none.

mod calls;
mod changes;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use common::{
    config::duration,
    db::Tx,
    error::Result,
    lease::Lease,
    service::{Core, Worker},
};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

pub(crate) use self::changes::{ask_owner, changed};
pub(crate) use crate::domain::audit::Entry;
use crate::{
    domain::audit::{Hash, Seal},
    store::audit::{
        self as store,
        chain::{self, Anchoring},
        check,
    },
};

/// How often the sealer looks.
const LOOK: Duration = Duration::from_millis(500);
/// How often the buffer is written.
const FLUSH: Duration = Duration::from_secs(1);
/// How often entries are looked through for those whose time is over.
const RETIRE: Duration = Duration::from_secs(3600);
/// Term of the sealer's lease.
const TERM: Duration = Duration::from_secs(30);

/// Configuration of the audit trail; the keys are explained in `config/default.toml`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    key: String,
    former_keys: Vec<String>,
    #[serde(with = "duration")]
    anchor_every: Duration,
    anchor_entries: i64,
    #[serde(with = "duration")]
    kept: Duration,
    pub(crate) buffer: usize,
}

impl std::fmt::Debug for AuditConfig {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "AuditConfig(kept {:?}, buffer {})", self.kept, self.buffer)
    }
}

impl AuditConfig {
    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.key.is_empty() || self.key.len() >= 32, "audit.key must have at least 32 bytes, or be empty");
        ensure!(self.anchor_entries > 0, "audit.anchor_entries must be positive");
        ensure!(self.anchor_every <= Duration::from_secs(60), "audit.anchor_every is 60 s at the most");
        chrono::Duration::from_std(self.kept).context("audit.kept")?;
        Ok(())
    }

    /// The own key, or one drawn from the installation's identity key.
    fn seal(&self, core: &Core) -> Seal {
        let mut keys = core.identity.derived("audit");
        keys.extend(self.former_keys.iter().cloned());
        if !self.key.is_empty() {
            keys.insert(0, self.key.clone());
        }
        Seal::new(&keys)
    }

    fn anchoring(&self) -> Anchoring {
        let every = chrono::Duration::from_std(self.anchor_every).unwrap_or(chrono::Duration::seconds(30));
        Anchoring { entries: self.anchor_entries, every }
    }
}

/// Writes an entry in the transaction of what it is about. It is in the chain a second after the commit.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn record(tx: &Tx, core: &Core, entry: Entry) -> Result<()> {
    record_at(tx, core, core.clock.now(), entry).await
}

/// As [`record`], for something that happened at another instant.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn record_at(tx: &Tx, core: &Core, at: DateTime<Utc>, entry: Entry) -> Result<()> {
    let id = core.ids.uuid(core.clock.now()).simple().to_string();
    store::append(tx, [(id, at, entry)]).await
}

/// Chains everything that waits. The worker does it by itself; tests and the end of a process do it by hand.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn seal(core: &Core, config: &AuditConfig) -> Result<u64> {
    let mut sealed = 0;
    loop {
        let round = chain::seal(&core.db, core.clock.now(), &config.seal(core), config.anchoring()).await?;
        sealed += round.sealed;
        if let Some((seq, hash)) = round.anchor {
            // The copy that cannot be cut off with the table: `audit verify --anchor SEQ:HASH`.
            tracing::info!(audit.seq = seq, audit.hash = hash, "audit anchor");
        }
        if !round.more {
            return Ok(sealed);
        }
    }
}

/// Lets go of what is older than the trail is kept.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn retire(core: &Core, config: &AuditConfig) -> Result<u64> {
    let now = core.clock.now();
    let kept = chrono::Duration::from_std(config.kept).unwrap_or(chrono::Duration::MAX);
    let Some(before) = now.checked_sub_signed(kept) else { return Ok(0) };
    chain::retire(&core.db, before, &config.seal(core)).await
}

/// The sealer: one replica at a time chains, anchors, and lets go of what is too old.
pub(crate) fn worker(core: &Core, config: &AuditConfig) -> Worker {
    let (core, config) = (core.clone(), config.clone());
    Worker { name: "audit", run: Box::new(move |stop| Box::pin(run(core, config, stop))) }
}

async fn run(core: Core, config: AuditConfig, stop: CancellationToken) -> anyhow::Result<()> {
    let holder = core.ids.uuid(core.clock.now()).simple().to_string();
    let mut lease = Lease::new(core.db.clone(), "audit", holder, TERM);
    let mut retired = None;
    while !stop.is_cancelled() {
        let now = tokio::time::Instant::now();
        let retires = retired.is_none_or(|last| now - last >= RETIRE);
        let done = async {
            if chain::idle(&core.db, core.clock.now(), config.anchoring()).await? && !retires {
                return Ok(());
            }
            if !(lease.keep().await? || lease.acquire().await?) {
                return Ok(());
            }
            seal(&core, &config).await?;
            if retires {
                retired = Some(now);
                let gone = retire(&core, &config).await?;
                if gone > 0 {
                    tracing::info!(gone, "audit entries whose time was over are gone");
                }
            }
            Ok::<_, common::Error>(())
        };
        if let Err(error) = done.await {
            tracing::warn!(%error, cause = ?error.cause(), "audit entries wait to be chained");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    if let Err(error) = lease.release().await {
        tracing::debug!(%error, "the audit lease runs out by itself");
    }
    Ok(())
}

/// Checks the whole trail. `anchors` are copies from the log, `SEQ:HASH`. Gives the report, and fails when the trail was
/// meddled with.
///
/// # Errors
///
/// When it was meddled with, or cannot be read.
pub async fn verify(core: &Core, config: &AuditConfig, anchors: &[String]) -> anyhow::Result<String> {
    let outside: BTreeMap<i64, Hash> = anchors.iter().map(|text| parse(text)).collect::<anyhow::Result<_>>()?;
    let begun = tokio::time::Instant::now();
    let report = check::verify(&core.db, &config.seal(core), &outside).await?;
    let (count, seconds) = (report.last - report.first + 1, begun.elapsed().as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = count as f64 / seconds.max(0.001);
    let said = format!(
        "{count} entries ({} to {}), {} anchors, {seconds:.1} s, {rate:.0} entries/s",
        report.first, report.last, report.anchors
    );
    if report.faults.is_empty() {
        return Ok(format!("{said}\nthe audit trail is whole; it ends with {}:{}", report.last, report.hash));
    }
    let faults: Vec<String> = report.faults.iter().map(|fault| format!("  {fault}")).collect();
    anyhow::bail!("the audit trail was meddled with: {said}\n{}", faults.join("\n"))
}

fn parse(text: &str) -> anyhow::Result<(i64, Hash)> {
    let wrong = || format!("{text} is no anchor: SEQ:HASH, as the log has it");
    let (seq, hex) = text.split_once(':').with_context(wrong)?;
    ensure!(hex.len() == 64 && hex.is_ascii(), wrong());
    let mut hash = Hash::default();
    for (place, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).with_context(wrong)?;
    }
    Ok((seq.parse().with_context(wrong)?, hash))
}

/// An entry with its id and its instant.
type Waiting = (String, DateTime<Utc>, Entry);

/// Entries from where there is no transaction: reads and refusals at the door. Written once a second in one
/// transaction; what a crash finds here is lost, and what does not fit is counted and said.
#[derive(Clone, Debug)]
pub(crate) struct Buffer {
    core: Core,
    size: usize,
    waiting: Arc<Mutex<Vec<Waiting>>>,
    lost: Arc<AtomicU64>,
}

impl Buffer {
    /// A buffer for so many entries.
    pub(crate) fn new(core: &Core, size: usize) -> Self {
        Self { core: core.clone(), size, waiting: Arc::default(), lost: Arc::default() }
    }

    /// Notes an entry. Never waits.
    pub(crate) fn note(&self, entry: Entry) {
        let now = self.core.clock.now();
        let id = self.core.ids.uuid(now).simple().to_string();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < self.size {
            waiting.push((id, now, entry));
        } else {
            drop(waiting);
            self.lost.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("aftercare_audit_lost_total").increment(1);
        }
    }

    /// Writes what was noted. What could not be written stays.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub(crate) async fn flush(&self) -> Result<()> {
        let taken = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if taken.is_empty() && lost == 0 {
            return Ok(());
        }
        let written = async {
            let tx = self.core.db.begin().await?;
            if lost > 0 {
                let actor = common::record::Actor::service(crate::NAME);
                let entry =
                    Entry::new(&actor, "audit.lost", "audit", "").failed(&format!("{lost} entries did not fit"));
                record(&tx, &self.core, entry).await?;
            }
            for part in taken.chunks(500) {
                store::append(&tx, part.iter().cloned()).await?;
            }
            tx.commit().await
        };
        let result: Result<()> = written.await;
        if result.is_err() {
            self.lost.fetch_add(lost, Ordering::Relaxed);
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let newer = std::mem::replace(&mut *waiting, taken);
            waiting.extend(newer);
        }
        result
    }

    /// Writes it every second until the token is cancelled, and once more then.
    ///
    /// # Errors
    ///
    /// Never.
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let stopping = stop.is_cancelled();
            if let Err(error) = self.flush().await {
                tracing::warn!(%error, cause = ?error.cause(), "audit entries wait to be written");
            }
            if stopping {
                return Ok(());
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(FLUSH) => {}
            }
        }
    }
}
