//! Buckets in one process and shared between replicas; Redis may go away.

use super::*;
use crate::config::{Secret, Settings};

const KIND: &str = "test";

fn rate(calls: u32, within: Duration, burst: u32) -> Allowance {
    Allowance::Rate(Rate { calls, within, burst })
}

fn memory(clock: Clock) -> Rates {
    Rates::new(&Settings::defaults("test").unwrap().bus, clock).unwrap()
}

/// A replica on the test Redis; `prefix` is the installation.
fn replica(prefix: &str) -> Rates {
    let mut bus = Settings::defaults("test").unwrap().bus;
    bus.kind = BusKind::Redis;
    bus.url = Secret::new(std::env::var("AFTERCARE_TEST_REDIS").expect("AFTERCARE_TEST_REDIS: run by `make test`"));
    bus.prefix = prefix.to_owned();
    Rates::new(&bus, Clock::system()).unwrap()
}

async fn taken(rates: &Rates, key: &str, allowance: Allowance, tries: usize) -> usize {
    let mut taken = 0;
    for _ in 0..tries {
        taken += usize::from(rates.take(KIND, key, allowance).await.is_ok());
    }
    taken
}

#[tokio::test]
async fn a_burst_and_then_the_rate_and_every_key_for_itself() {
    let rates = memory(Clock::system());
    let slow = rate(1, Duration::from_secs(3600), 5);
    assert_eq!(taken(&rates, "a", slow, 20).await, 5);
    assert_eq!(taken(&rates, "b", slow, 20).await, 5);
    let after = rates.take(KIND, "a", slow).await.unwrap_err();
    assert!(after > Duration::from_secs(3500) && after <= Duration::from_secs(3600), "{after:?}");
    let quick = rate(1000, Duration::from_secs(1), 1);
    assert!(rates.take(KIND, "c", quick).await.is_ok());
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(rates.take(KIND, "c", quick).await.is_ok(), "it fills again");
    assert_eq!(taken(&rates, "d", rate(0, Duration::from_secs(1), 1), 1000).await, 1000, "no limit");
}

#[tokio::test]
async fn looking_takes_nothing() {
    let rates = memory(Clock::system());
    let allowance = rate(1, Duration::from_secs(3600), 2);
    for _ in 0..10 {
        rates.look(KIND, "a", allowance).await.unwrap();
    }
    assert_eq!(taken(&rates, "a", allowance, 5).await, 2);
    assert!(rates.look(KIND, "a", allowance).await.is_err());
}

#[tokio::test]
async fn a_daily_quota_begins_again_at_midnight() {
    let evening = "2026-11-22T23:59:00Z".parse().unwrap();
    let clock = Clock::fixed(evening);
    let rates = memory(clock.clone());
    assert_eq!(taken(&rates, "a", Allowance::PerDay(3), 10).await, 3);
    assert_eq!(rates.take(KIND, "a", Allowance::PerDay(3)).await, Err(Duration::from_secs(60)));
    clock.advance(chrono::Duration::minutes(2));
    assert_eq!(taken(&rates, "a", Allowance::PerDay(3), 10).await, 3);
}

#[tokio::test]
async fn strangers_without_number_do_not_fill_the_memory() {
    let rates = memory(Clock::system());
    let allowance = rate(1, Duration::from_secs(3600), 1);
    for number in 0..MOST_KEYS + 5_000 {
        let _ = rates.take(KIND, &number.to_string(), allowance).await;
    }
    let kept = rates.0.buckets.lock().unwrap().len();
    assert!(kept <= MOST_KEYS + 1, "{kept} keys");
    rates.take(KIND, "one more", allowance).await.unwrap_err();
}

#[tokio::test]
async fn replicas_share_one_bucket() {
    let prefix = format!("rates-{}", uuid::Uuid::from_bytes(rand::random()).simple());
    let (one, two) = (replica(&prefix), replica(&prefix));
    let allowance = rate(1, Duration::from_secs(3600), 80);
    let mut told = 0;
    for _ in 0..100 {
        told += taken(&one, "a", allowance, 1).await + taken(&two, "a", allowance, 1).await;
    }
    assert_eq!(told, 80);
    // Guesses are counted one by one: nothing is held back for a replica.
    let guesses = rate(1, Duration::from_secs(3600), 5);
    assert_eq!(taken(&one, "b", guesses, 3).await + taken(&two, "b", guesses, 9).await, 5);
    assert!(one.look(KIND, "b", guesses).await.is_err());
    assert_eq!(taken(&one, "q", Allowance::PerDay(4), 3).await + taken(&two, "q", Allowance::PerDay(4), 9).await, 4);
}

#[tokio::test]
async fn a_burst_of_one_caller_is_counted_whole() {
    let prefix = format!("rates-{}", uuid::Uuid::from_bytes(rand::random()).simple());
    let rates = replica(&prefix);
    let allowance = rate(1, Duration::from_secs(3600), 64);
    let calls = (0..200).map(|_| rates.take(KIND, "a", allowance));
    let taken = futures::future::join_all(calls).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(taken, 64);
}

#[tokio::test]
async fn without_redis_every_replica_judges_by_itself_and_says_so() {
    let metrics = crate::telemetry::metrics_handle().unwrap();
    let mut bus = Settings::defaults("test").unwrap().bus;
    bus.kind = BusKind::Redis;
    bus.url = Secret::new("redis://127.0.0.1:1");
    let rates = Rates::new(&bus, Clock::system()).unwrap();
    assert_eq!(taken(&rates, "a", rate(1, Duration::from_secs(3600), 5), 20).await, 5);
    assert!(metrics.render().contains("aftercare_rates_alone_total"));
}
