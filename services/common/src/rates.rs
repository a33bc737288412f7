//! How often somebody may do something: one bucket per kind and key, shared between replicas through Redis.
//!
//! The bucket is GCRA: one instant per key says when it would be full again. Redis keeps that instant and its own clock
//! judges it, so replicas need not agree on the time. A replica takes several calls out of the bucket at once and hands
//! them out without asking again, so that a busy caller costs one question in several calls; what it holds is never more
//! than an eighth of the burst. When Redis is away every replica judges by itself, which the metric
//! `aftercare_rates_alone` says, and asks again a second later.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use redis::{Script, aio::ConnectionManager};
use serde::Deserialize;

use crate::{
    clock::Clock,
    config::{BusKind, BusSettings, duration},
};

/// Time for an answer of Redis: a limit that makes every call wait would be worse than one that is not shared.
const ANSWER: Duration = Duration::from_millis(100);
/// How long nobody asks a Redis that did not answer.
const REST: Duration = Duration::from_secs(1);
/// Keys in memory at the most; whoever comes then shares one bucket with all others who came too late.
const MOST_KEYS: usize = 100_000;
/// A key that nobody used for so long is forgotten.
const IDLE: Duration = Duration::from_secs(120);
/// A day, in seconds.
const DAY: u64 = 86_400;

/// Takes up to ARGV[3] calls out of a bucket (interval ARGV[1], depth ARGV[2], both in microseconds), or just looks when
/// ARGV[3] is 0. Answers how many were taken, and how many microseconds it takes until there is one.
const BUCKET: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local interval, depth, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local room = math.floor((now + depth - full) / interval)
if room < 1 then return {0, full + interval - depth - now} end
local got = math.min(room, want)
if got > 0 then
  full = full + got * interval
  redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000) + 1)
end
return {got, 0}
";

/// Takes up to ARGV[2] calls out of ARGV[1] of the present UTC day.
const QUOTA: &str = r"
local now = tonumber(redis.call('TIME')[1])
local key = KEYS[1] .. ':' .. math.floor(now / 86400)
local left = (math.floor(now / 86400) + 1) * 86400 - now
local room = tonumber(ARGV[1]) - tonumber(redis.call('GET', key) or '0')
if room < 1 then return {0, left * 1000000} end
local got = math.min(room, tonumber(ARGV[2]))
redis.call('INCRBY', key, got)
redis.call('EXPIRE', key, left + 60)
return {got, 0}
";

/// So many calls within so long, and so many at once. No calls at all means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Calls …
    pub calls: u32,
    /// … within this time, on average.
    #[serde(with = "duration")]
    pub within: Duration,
    /// Calls at once, after a pause.
    pub burst: u32,
}

impl Rate {
    /// Whether it can be kept.
    ///
    /// # Errors
    ///
    /// Names what is wrong.
    pub fn check(&self, name: &str) -> anyhow::Result<()> {
        ensure!(!self.within.is_zero() && self.burst > 0, "{name}: within and burst must be above 0");
        ensure!(self.calls == 0 || self.interval() > 0, "{name}: more than one call a microsecond");
        Ok(())
    }

    /// Microseconds between two calls, on average.
    fn interval(&self) -> u64 {
        micros(self.within) / u64::from(self.calls.max(1))
    }

    fn depth(&self) -> u64 {
        self.interval() * u64::from(self.burst)
    }
}

/// How much of something a key may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// A steady rate with a burst.
    Rate(Rate),
    /// So many in one UTC day; 0 means no limit.
    PerDay(u64),
}

impl Allowance {
    fn unlimited(self) -> bool {
        matches!(self, Self::Rate(Rate { calls: 0, .. }) | Self::PerDay(0))
    }

    /// How many are taken out of the shared bucket at once.
    fn batch(self) -> u64 {
        match self {
            Self::Rate(rate) => u64::from(rate.burst / 8).max(1),
            Self::PerDay(most) => (most / 1_000).max(1),
        }
    }
}

/// The buckets. Cheap to clone.
#[derive(Clone)]
pub struct Rates(Arc<Inner>);

struct Inner {
    shared: Option<Shared>,
    clock: Clock,
    begun: Instant,
    buckets: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Bucket>>>>,
    swept: AtomicU64,
}

struct Shared {
    connection: ConnectionManager,
    prefix: String,
    bucket: Script,
    quota: Script,
    /// Not asked before this instant, in microseconds of this process.
    rests_until: AtomicU64,
}

/// What this process knows of one key. Times are microseconds of this process.
#[derive(Debug, Default)]
struct Bucket {
    /// Taken out of the shared bucket and not used yet.
    held: u64,
    /// Empty until then, as the shared bucket said.
    empty_until: u64,
    /// The bucket of this process alone: full again at this instant.
    full: u64,
    /// The quota of this process alone: the day, and what was used of it.
    used: (u64, u64),
    last: u64,
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Rates({})", if self.0.shared.is_some() { "shared" } else { "in this process" })
    }
}

impl Rates {
    /// Shared through the Redis of the bus, or in this process when the bus is.
    ///
    /// # Errors
    ///
    /// When the address of Redis cannot be read.
    pub fn new(bus: &BusSettings, clock: Clock) -> anyhow::Result<Self> {
        let shared = match bus.kind {
            BusKind::Memory => None,
            BusKind::Redis => {
                let config = redis::aio::ConnectionManagerConfig::new()
                    .set_connection_timeout(Some(Duration::from_secs(2)))
                    .set_response_timeout(Some(ANSWER))
                    .set_number_of_retries(0)
                    .set_max_delay(Duration::from_millis(500));
                let client = redis::Client::open(bus.url.expose())?;
                Some(Shared {
                    connection: ConnectionManager::new_lazy_with_config(client, config)?,
                    prefix: format!("{}:rates", bus.prefix),
                    bucket: Script::new(BUCKET),
                    quota: Script::new(QUOTA),
                    rests_until: AtomicU64::new(0),
                })
            }
        };
        let buckets = Mutex::default();
        Ok(Self(Arc::new(Inner { shared, clock, begun: Instant::now(), buckets, swept: AtomicU64::new(0) })))
    }

    /// Takes one call of `key` out of its bucket.
    ///
    /// # Errors
    ///
    /// The time until there is one.
    pub async fn take(&self, kind: &'static str, key: &str, allowance: Allowance) -> Result<(), Duration> {
        self.ask(kind, key, allowance, 1).await
    }

    /// Whether there is a call left in the bucket of `key`; takes none.
    ///
    /// # Errors
    ///
    /// The time until there is one.
    pub async fn look(&self, kind: &'static str, key: &str, allowance: Allowance) -> Result<(), Duration> {
        self.ask(kind, key, allowance, 0).await
    }

    async fn ask(&self, kind: &'static str, key: &str, allowance: Allowance, calls: u64) -> Result<(), Duration> {
        if allowance.unlimited() {
            return Ok(());
        }
        let (bucket, name) = self.bucket(kind, key);
        // Held over the question to Redis: a burst of one caller asks once, not once a call.
        let mut bucket = bucket.lock().await;
        let now = self.now();
        bucket.last = now;
        if bucket.held > 0 {
            bucket.held -= calls;
            return Ok(());
        }
        if now < bucket.empty_until {
            return Err(Duration::from_micros(bucket.empty_until - now));
        }
        let wanted = if calls == 0 { 0 } else { allowance.batch() };
        match self.ask_redis(&name, allowance, wanted, now).await {
            Some((0, after)) if calls > 0 || after > 0 => {
                bucket.empty_until = now + after;
                Err(Duration::from_micros(after.max(1)))
            }
            Some((got, _)) => {
                bucket.held = got.saturating_sub(calls);
                Ok(())
            }
            None => self.alone(&mut bucket, allowance, calls, now),
        }
    }

    /// The bucket's own judgement, without Redis.
    fn alone(&self, bucket: &mut Bucket, allowance: Allowance, calls: u64, now: u64) -> Result<(), Duration> {
        match allowance {
            Allowance::Rate(rate) => {
                let full = bucket.full.max(now) + rate.interval();
                if full > now + rate.depth() {
                    return Err(Duration::from_micros(full - now - rate.depth()));
                }
                if calls > 0 {
                    bucket.full = full;
                }
            }
            Allowance::PerDay(most) => {
                let seconds = u64::try_from(self.0.clock.now().timestamp()).unwrap_or_default();
                if bucket.used.0 != seconds / DAY {
                    bucket.used = (seconds / DAY, 0);
                }
                if bucket.used.1 >= most {
                    return Err(Duration::from_secs(DAY - seconds % DAY));
                }
                bucket.used.1 += calls;
            }
        }
        Ok(())
    }

    /// What the shared bucket says; `None` when there is none, or Redis is away.
    async fn ask_redis(&self, name: &str, allowance: Allowance, wanted: u64, now: u64) -> Option<(u64, u64)> {
        let shared = self.0.shared.as_ref()?;
        if now < shared.rests_until.load(Ordering::Relaxed) {
            return None;
        }
        let key = format!("{}:{name}", shared.prefix);
        let mut connection = shared.connection.clone();
        let answer = match allowance {
            Allowance::Rate(rate) => {
                let mut call = shared.bucket.key(key);
                call.arg(rate.interval()).arg(rate.depth()).arg(wanted);
                tokio::time::timeout(ANSWER, call.invoke_async::<(u64, f64)>(&mut connection)).await
            }
            Allowance::PerDay(most) => {
                let mut call = shared.quota.key(key);
                call.arg(most).arg(wanted);
                tokio::time::timeout(ANSWER, call.invoke_async::<(u64, f64)>(&mut connection)).await
            }
        };
        let failure = match answer {
            Ok(Ok((got, after))) => {
                metrics::gauge!("aftercare_rates_alone").set(0.0);
                return Some((got, after.max(0.0) as u64));
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {ANSWER:?}"),
        };
        shared.rests_until.store(now + micros(REST), Ordering::Relaxed);
        metrics::gauge!("aftercare_rates_alone").set(1.0);
        metrics::counter!("aftercare_rates_alone_total").increment(1);
        tracing::warn!(failure, "Redis is away: every replica counts calls by itself");
        None
    }

    fn bucket(&self, kind: &'static str, key: &str) -> (Arc<tokio::sync::Mutex<Bucket>>, String) {
        let name = format!("{kind}:{key}");
        let mut buckets = self.0.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = buckets.get(&name) {
            return (known.clone(), name);
        }
        if buckets.len() >= MOST_KEYS {
            self.sweep(&mut buckets);
        }
        let name = if buckets.len() < MOST_KEYS { name } else { format!("{kind}:") };
        (buckets.entry(name.clone()).or_default().clone(), name)
    }

    /// Forgets idle keys, once a second at the most.
    fn sweep(&self, buckets: &mut HashMap<String, Arc<tokio::sync::Mutex<Bucket>>>) {
        let now = self.now();
        if now.saturating_sub(self.0.swept.swap(now, Ordering::Relaxed)) < 1_000_000 {
            return;
        }
        let oldest = now.saturating_sub(micros(IDLE));
        buckets.retain(|_, bucket| bucket.try_lock().map_or(true, |bucket| bucket.last > oldest || bucket.full > now));
    }

    fn now(&self) -> u64 {
        // Above 0, so that nothing is empty or full from the beginning.
        micros(self.0.begun.elapsed()) + 1
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
