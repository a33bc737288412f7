//! Sweeps what no sign-in needs any more.

use chrono::Duration;
use common::{error::Result, service::Worker};

use super::{Authority, span};
use crate::store::identity::{client, guard, key, provider, session};

/// How often it is swept.
const EVERY: std::time::Duration = std::time::Duration::from_secs(3600);
/// How long ended sessions can still be listed, and what clients called per day.
const KEPT: Duration = Duration::days(90);

/// Sweeps once.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn sweep(authority: &Authority) -> Result<()> {
    let now = authority.core.clock.now();
    let tx = authority.core.db.begin().await?;
    guard::sweep(&tx, now - span(authority.config.lockout.forgotten) - span(authority.config.lockout.longest_wait))
        .await?;
    session::sweep(&tx, now - KEPT).await?;
    provider::sweep(&tx, now).await?;
    key::sweep(&tx, now - KEPT).await?;
    client::sweep(&tx, &(now - KEPT).format("%Y-%m-%d").to_string()).await?;
    tx.commit().await?;
    Ok(())
}

/// Sweeps every hour. A failure waits for the next time.
pub(crate) fn worker(authority: Authority) -> Worker {
    Worker {
        name: "sign-in upkeep",
        run: Box::new(move |ending| {
            Box::pin(async move {
                loop {
                    tokio::select! {
                        () = ending.cancelled() => return Ok(()),
                        () = tokio::time::sleep(EVERY) => {
                            if let Err(error) = sweep(&authority).await {
                                tracing::warn!(%error, "what sign-ins left behind was not swept");
                            }
                        }
                    }
                }
            })
        }),
    }
}
