//! Waiting for what events and timers bring about. No test sleeps for a guessed time.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

/// How long anything may take to come about.
pub const PATIENCE: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(60);

/// Asks again and again until the answer is `Ok`.
///
/// # Panics
///
/// When it is not within [`PATIENCE`]: with what was waited for, and the last answer.
#[expect(clippy::panic, reason = "what never comes about fails the test")]
pub async fn eventually<T, E: Debug>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    let begun = Instant::now();
    loop {
        match ask().await {
            Ok(found) => return found,
            Err(_) if begun.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
            Err(last) => panic!("{what} did not come about within {PATIENCE:?}; last: {last:?}"),
        }
    }
}
