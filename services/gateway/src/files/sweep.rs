//! What goes by itself: uploads nobody went on with, files that were attached to nothing, bytes of what was deleted.

use std::time::Duration;

use common::{error::Result, lease::Lease, service::Worker};
use sea_orm::{ExprTrait as _, entity::prelude::*};
use tokio_util::sync::CancellationToken;

use super::{Files, key, thumbnail_key};
use crate::store::file as store;

/// How often it is looked after.
const LOOK: Duration = Duration::from_secs(30);
/// Term of the lease.
const TERM: Duration = Duration::from_secs(120);
/// Rows of one round.
const ROUND: u64 = 200;

/// The worker: one replica at a time.
pub(crate) fn worker(files: &Files) -> Worker {
    let files = files.clone();
    Worker { name: "files", run: Box::new(move |stop| Box::pin(run(files, stop))) }
}

async fn run(files: Files, stop: CancellationToken) -> anyhow::Result<()> {
    let core = &files.core;
    let holder = core.ids.uuid(core.clock.now()).simple().to_string();
    let mut lease = Lease::new(core.db.clone(), "files", holder, TERM);
    while !stop.is_cancelled() {
        let done = async {
            if lease.keep().await? || lease.acquire().await? {
                files.sweep().await?;
            }
            Ok::<_, common::Error>(())
        };
        if let Err(error) = done.await {
            tracing::warn!(%error, cause = ?error.cause(), "old files wait to be swept");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    if let Err(error) = lease.release().await {
        tracing::debug!(%error, "the lease of the sweep runs out by itself");
    }
    Ok(())
}

impl Files {
    /// One round. Harmless when done twice.
    ///
    /// # Errors
    ///
    /// When the database or the storage does not answer.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let now = self.core.clock.now();
        let kept = chrono::Duration::from_std(self.config.unattached).unwrap_or(chrono::Duration::days(1));
        let before = now - kept;
        for id in store::stale_uploads(&self.core.db, before, ROUND).await? {
            let actor = common::record::Actor::service(crate::NAME);
            self.refuse(&actor, &id, "nobody went on with it", "").await?;
        }
        let unattached = store::entity::Column::AttachedAt.is_null().and(store::entity::Column::CreatedAt.lt(before));
        store::mark_deleted(self.core.db.write(), unattached, now).await?;
        for id in store::deleted(&self.core.db, ROUND).await? {
            // The row last: as long as it stands, the bytes are looked for.
            self.storage.delete(&key(&id)).await?;
            self.storage.delete(&thumbnail_key(&id)).await?;
            store::forget(&self.core.db, &id).await?;
        }
        Ok(())
    }
}
