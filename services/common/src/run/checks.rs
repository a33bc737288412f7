//! What must hold before a service runs, beside what the database's own module refuses.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::open;
use crate::{
    config::{BusKind, Settings, Sources},
    migration::{self, Schema},
    service::Definition,
};

/// Time for Redis to answer a check.
const PATIENCE: Duration = Duration::from_secs(2);

/// Checks a service's settings, database and bus; gives a report, a line for each.
///
/// # Errors
///
/// Names the first thing because of which the service would not start.
pub async fn check<D: Definition>(sources: &Sources) -> anyhow::Result<Vec<String>> {
    let name = D::NAME;
    let opened = open::<D>(sources).await?;
    let mut report = vec![format!("{name}: settings are whole"), format!("{name}: the database answers")];
    opened.core.db.ping().await.context("the database does not answer")?;
    match migration::schema::<D::Migrator>(&opened.core.db).await? {
        Schema::Current => report.push(format!("{name}: every migration has run")),
        Schema::Pending(_) | Schema::Newer(_) => opened.must_be_current::<D>().await?,
    }
    match redis(&opened.settings).await? {
        Redis::Unused => report.push(format!("{name}: events stay in the process")),
        Redis::Safe => report.push(format!("{name}: Redis answers and keeps what it is given")),
        Redis::Silent(error) => bail!("Redis does not answer: {error}"),
    }
    opened.core.catalog.missing(D::REASONS).iter().for_each(|reason| {
        report.push(format!("{name}: no text for the reason {reason}"));
    });
    opened.core.db.close().await;
    Ok(report)
}

/// What Redis is to us.
#[derive(Debug)]
pub(super) enum Redis {
    /// Events stay in the process.
    Unused,
    /// It answers and evicts nothing.
    Safe,
    /// It does not answer now; the outbox waits for it.
    Silent(String),
}

/// Asks Redis how it treats what it is given.
///
/// # Errors
///
/// When it evicts keys to make room: events would be lost unread.
pub(super) async fn redis(settings: &Settings) -> anyhow::Result<Redis> {
    match settings.bus.kind {
        BusKind::Memory => return Ok(Redis::Unused),
        BusKind::Redis => {}
    }
    let client = redis::Client::open(settings.bus.url.expose()).context("bus.url cannot be used")?;
    let asked = tokio::time::timeout(PATIENCE, async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("INFO").arg("memory").query_async::<String>(&mut connection).await
    });
    let info = match asked.await {
        Ok(Ok(info)) => info,
        Ok(Err(error)) => return Ok(Redis::Silent(error.to_string())),
        Err(_) => return Ok(Redis::Silent("no answer in time".to_owned())),
    };
    refuse_eviction(&info)?;
    Ok(Redis::Safe)
}

fn refuse_eviction(info: &str) -> anyhow::Result<()> {
    let policy = info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).map_or("noeviction", str::trim);
    ensure!(
        policy == "noeviction",
        "Redis runs with maxmemory-policy {policy}: it would throw events away to make room; set it to noeviction"
    );
    Ok(())
}

/// Refuses a way of events that leads nowhere: one service alone with a bus inside its process.
pub(super) fn refuse_lonely_bus(settings: &Settings, members: usize, subscribes: bool) -> anyhow::Result<()> {
    use crate::config::Environment;
    if members != 1 || !subscribes || settings.bus.kind == BusKind::Redis {
        return Ok(());
    }
    match settings.environment {
        Environment::Production => {
            bail!("bus.kind must be redis when services run in processes of their own: events would reach nobody")
        }
        Environment::Development => {
            tracing::warn!("bus.kind is memory: events of this service reach nobody, and it hears of nobody's");
            Ok(())
        }
    }
}

/// The name of this replica: as configured, or the host's.
pub(super) fn instance(settings: &Settings) -> String {
    if !settings.bus.instance.is_empty() {
        return settings.bus.instance.clone();
    }
    let host = std::env::var("HOSTNAME").or_else(|_| std::fs::read_to_string("/proc/sys/kernel/hostname"));
    host.map(|host| host.trim().to_owned()).ok().filter(|host| !host.is_empty()).unwrap_or_else(|| "0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_redis_that_evicts_nothing_is_taken() {
        assert!(refuse_eviction("# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n").is_ok());
        let refused = refuse_eviction("# Memory\r\nmaxmemory_policy:allkeys-lru\r\n").unwrap_err();
        assert!(refused.to_string().contains("allkeys-lru"));
    }

    #[test]
    fn a_lonely_bus_is_refused_in_production() {
        let mut settings = Settings::defaults("test").unwrap();
        assert!(refuse_lonely_bus(&settings, 1, true).is_ok());
        settings.environment = crate::config::Environment::Production;
        assert!(refuse_lonely_bus(&settings, 1, true).is_err());
        assert!(refuse_lonely_bus(&settings, 1, false).is_ok());
        assert!(refuse_lonely_bus(&settings, 5, true).is_ok());
        settings.bus.kind = BusKind::Redis;
        assert!(refuse_lonely_bus(&settings, 1, true).is_ok());
    }
}
