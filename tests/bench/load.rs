//! A closed loop of callers, and what it measured.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::JoinSet;

use crate::{CALLERS, SECONDS};

/// What one measurement found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Calls answered in a second.
    pub(crate) rate: f64,
    /// Median time of a call.
    pub(crate) p50: Duration,
    /// Time that one call in a hundred exceeds.
    pub(crate) p99: Duration,
}

/// Lets every caller call again and again; a call that fails ends the measurement.
pub(crate) async fn measure<C>(caller: impl Fn(usize) -> C) -> anyhow::Result<Found>
where
    C: AsyncCaller,
{
    let begun = Instant::now();
    let length = Duration::from_secs(SECONDS);
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let mut caller = caller(number);
        callers.spawn(async move {
            let mut times = Vec::new();
            while begun.elapsed() < length {
                let called = Instant::now();
                caller.call().await?;
                times.push(called.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(ended) = callers.join_next().await {
        times.extend(ended??);
    }
    ensure!(!times.is_empty(), "nothing was measured");
    let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Ok(Found { rate, p50: at(0.5), p99: at(0.99) })
}

/// Somebody who calls.
pub(crate) trait AsyncCaller: Send + 'static {
    /// One call, with its answer checked.
    fn call(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}
