//! Keys that change under traffic fail no call.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::Duration;
use common::{record::Role, testing::Backend};
use http::StatusCode;
use rstest::rstest;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{PASSWORD, World, rest};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_change_under_traffic_and_no_call_fails(#[case] backend: Backend) {
    const WORKERS: usize = 4;
    let world = World::with(backend, "[rates]\nperson = { calls = 0, within = \"1s\", burst = 1 }\n").await;
    let clock = world.bench.core.clock.clone();
    let mut workers = Vec::new();
    let done = CancellationToken::new();
    let counts: Arc<Vec<AtomicUsize>> = Arc::new((0..WORKERS).map(|_| AtomicUsize::new(0)).collect());
    for worker in 0..WORKERS {
        let name = format!("worker-{worker}");
        world.account(&name, Role::Agent).await;
        let call = world.bench.call(Role::CustomerLink);
        let mut session = world.authority.sign_in(&call, &name, PASSWORD).await.unwrap();
        let (routes, clock, done, counts) = (world.routes.clone(), clock.clone(), done.clone(), counts.clone());
        workers.push(tokio::spawn(async move {
            let (mut failed, mut keys, mut since) = (Vec::new(), BTreeSet::new(), clock.now());
            while !done.is_cancelled() {
                // As a good client does: in time, before the token has run out.
                if clock.now() - since > Duration::minutes(10) {
                    since = clock.now();
                    let token = json!({"refreshToken": session.refresh_token});
                    let (status, answer) = rest(&routes, "POST", "/v1/sessions:refresh", Some(&token), "").await;
                    if status != StatusCode::OK {
                        failed.push(format!("refresh: {status} {answer}"));
                        break;
                    }
                    answer["accessToken"].as_str().unwrap().clone_into(&mut session.access_token);
                    answer["refreshToken"].as_str().unwrap().clone_into(&mut session.refresh_token);
                }
                let token = &session.access_token;
                keys.insert(jsonwebtoken::decode_header(token).unwrap().kid.unwrap());
                let (status, answer) = rest(&routes, "GET", "/v1/me", None, token).await;
                if status != StatusCode::OK {
                    failed.push(format!("{status} {answer}"));
                }
                counts[worker].fetch_add(1, Ordering::SeqCst);
            }
            (failed, keys)
        }));
    }
    // Another replica changes the keys, an hour and a half long, every ten minutes.
    let elsewhere = world.admin();
    let mut rotated = 0;
    for step in 0..135 {
        let before: Vec<usize> = counts.iter().map(|count| count.load(Ordering::SeqCst)).collect();
        clock.advance(Duration::seconds(40));
        if step % 15 == 5 {
            elsewhere.rotate("access", false).await.unwrap();
            rotated += 1;
        }
        // Everybody has called since, twice: the first may have begun before.
        while counts.iter().zip(&before).any(|(count, before)| count.load(Ordering::SeqCst) < before + 2) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            assert!(workers.iter().all(|worker| !worker.is_finished()), "a worker gave up");
        }
    }
    done.cancel();
    let (mut calls, mut failed, mut keys) = (0, Vec::new(), BTreeSet::new());
    for (worker, count) in workers.into_iter().zip(counts.iter()) {
        let (problems, seen) = worker.await.unwrap();
        calls += count.load(Ordering::SeqCst);
        failed.extend(problems);
        keys.extend(seen);
    }
    assert_eq!(failed, Vec::<String>::new(), "of {calls} calls");
    assert!(rotated >= 9 && keys.len() >= 8, "{rotated} changes, {keys:?}");
}
