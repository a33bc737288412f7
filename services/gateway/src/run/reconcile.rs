//! The command `reconcile`.

use std::time::Duration;

use anyhow::ensure;
use common::{
    config::Sources,
    run::{open, print, reconcile},
};

use crate::{Gateway, NAME};

/// How many findings are printed; the rest is counted.
const PRINTED: usize = 200;
/// Events on their way show as missed: what is still missed after this time is.
const SETTLE: Duration = Duration::from_secs(5);

/// Compares, prints, and fails when something is missing that nobody can tell again.
pub(super) async fn run(sources: &Sources, mend: bool) -> anyhow::Result<()> {
    let opened = open::<Gateway>(sources).await?;
    opened.must_be_current::<Gateway>().await?;
    let identity = opened.core.identity.clone();
    let peers = reconcile::peers::<Gateway>(&opened.settings, opened.config, opened.core)?;
    let mut findings = reconcile::reconcile(&peers, &identity, NAME).await?;
    if !findings.is_empty() {
        tokio::time::sleep(SETTLE).await;
        let again = reconcile::reconcile(&peers, &identity, NAME).await?;
        findings.retain(|finding| again.contains(finding));
    }
    for finding in findings.iter().take(PRINTED) {
        print(&finding.to_string());
    }
    let mendable = findings.iter().filter(|finding| finding.is_mendable()).count();
    print(&format!("{} findings, {mendable} of them mendable", findings.len()));
    if mend && mendable > 0 {
        let events = reconcile::mend(&findings, &peers, &identity, NAME).await?;
        print(&format!("{events} events are told again; ask once more in a minute"));
    }
    ensure!(findings.len() == mendable, "records are missing: a restore lost what others know of");
    Ok(())
}
