//! One service down, everything that does not need it still answers: `degradation.toml`, cell by cell, on six processes
//! of which one after the other is killed, stands still, or stands still most of the time.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::future::join_all;
use harness::{Faults, Platform, Shape, Surface, platform::SERVICES};
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

const TABLE: &str = include_str!("degradation.toml");
/// The deadline of a call that brings none, with what a busy machine adds.
const CALL: Duration = Duration::from_secs(8);
/// How long a service may take to be asked again once it is back.
const BACK: Duration = Duration::from_secs(60);
/// How a slow service runs: it stands still for so long, and goes on for so long.
const STILL: Duration = Duration::from_millis(400);
const GOES: Duration = Duration::from_millis(200);
/// Calls of one cell.
const CALLS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expected {
    Ok,
    Late,
    Refused,
    Partial,
    Either,
}

/// One probe: what is sent, and what is expected for dead, hung and slow of every service.
#[derive(Debug, Deserialize)]
struct Probe {
    probe: String,
    #[serde(flatten)]
    cells: BTreeMap<String, [Expected; 3]>,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    missing: Vec<String>,
    reason: String,
    took: Duration,
}

struct Stage {
    platform: Platform,
    customer: String,
}

impl Stage {
    async fn ask(&self, probe: &str) -> Answer {
        let mut parts = probe.splitn(4, ' ');
        let mut next = || parts.next().unwrap_or_default();
        let (role, method, target, body) = (next(), next(), next(), next());
        let mut headers = match role {
            "nobody" => HeaderMap::new(),
            role => self.platform.person(role, &format!("us_{role}")).headers(),
        };
        headers.insert("content-type", "application/json".parse().expect("a header"));
        let new = uuid::Uuid::from_bytes(rand::random()).simple().to_string();
        let method: Method = method.parse().expect("a method");
        let target = target.replace("<customer>", &self.customer);
        let begun = Instant::now();
        let call = self.platform.door().raw(method, &target, headers, body.replace("<new>", &new));
        let answer = tokio::time::timeout(CALL * 2, call).await.expect("an answer at all");
        let (status, _, body) = answer.expect("the door answers");
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let missing = body["unavailableServices"].as_array().cloned().unwrap_or_default();
        let details = body["details"].as_array().cloned().unwrap_or_default();
        Answer {
            status,
            missing: missing.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            reason: details.iter().find_map(|detail| detail["reason"].as_str()).unwrap_or_default().to_owned(),
            took: begun.elapsed(),
        }
    }

    /// All cells of one column; those that are not as the table says.
    async fn column(&self, table: &BTreeMap<String, Probe>, service: &str, fault: usize) -> Vec<String> {
        let cells = table.iter().flat_map(|(name, probe)| {
            let expected = probe.cells.get(service).expect("a cell for every service")[fault];
            (0..CALLS).map(move |_| async move {
                let answer = self.ask(&probe.probe).await;
                let whole = answer.status == StatusCode::OK && answer.missing.is_empty();
                let named = answer.status == StatusCode::OK && answer.missing == [service];
                let refused = matches!(answer.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
                    && matches!(&*answer.reason, "UNAVAILABLE" | "DEADLINE_EXCEEDED");
                let right = answer.took < CALL
                    && match expected {
                        Expected::Ok | Expected::Late => whole,
                        Expected::Refused => refused,
                        Expected::Partial => named,
                        Expected::Either => whole || named,
                    };
                (!right).then(|| format!("{name}, {service} {}: {expected:?} expected, {answer:?}", FAULTS[fault]))
            })
        });
        join_all(cells).await.into_iter().flatten().collect()
    }

    /// Waits until everything is answered as before.
    async fn healed(&self, table: &BTreeMap<String, Probe>) {
        let begun = Instant::now();
        for (name, probe) in table {
            loop {
                let answer = self.ask(&probe.probe).await;
                if answer.status == StatusCode::OK && answer.missing.is_empty() {
                    break;
                }
                assert!(begun.elapsed() < BACK, "{name} is not answered again: {answer:?}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

const FAULTS: [&str; 3] = ["dead", "hung", "slow"];

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_does_not_need_a_service_answers_without_it() {
    let table: BTreeMap<String, Probe> = toml::from_str(TABLE).expect("the table can be read");
    for (name, probe) in &table {
        assert_eq!(probe.cells.len(), SERVICES.len(), "{name} has other cells than one for every service");
    }
    let platform = Platform::start(Shape::SixProcesses, Surface::Rest, Faults::None).await;
    let agent = platform.person("agent", "us_agent");
    let customer = harness::steps::household(&agent, 60).await.customer_id;
    let stage = Stage { platform, customer };
    stage.healed(&table).await;

    let mut wrong = Vec::new();
    let mut cells = 0;
    for service in SERVICES {
        for (fault, name) in FAULTS.into_iter().enumerate() {
            cells += table.len();
            match name {
                "dead" => {
                    stage.platform.kill(service).await;
                    wrong.extend(stage.column(&table, service, fault).await);
                    stage.platform.revive(service).await;
                }
                "hung" => {
                    stage.platform.freeze(service, true).await;
                    wrong.extend(stage.column(&table, service, fault).await);
                    // Once that is known nobody waits for it any more.
                    wrong.extend(stage.column(&table, service, fault).await);
                    stage.platform.freeze(service, false).await;
                }
                _ => {
                    let over = CancellationToken::new();
                    let stumbling = async {
                        while !over.is_cancelled() {
                            stage.platform.freeze(service, true).await;
                            tokio::time::sleep(STILL).await;
                            stage.platform.freeze(service, false).await;
                            tokio::time::sleep(GOES).await;
                        }
                    };
                    let column = async {
                        let wrong = stage.column(&table, service, fault).await;
                        over.cancel();
                        wrong
                    };
                    wrong.extend(tokio::join!(column, stumbling).0);
                }
            }
            stage.healed(&table).await;
        }
    }
    assert!(cells >= 150, "only {cells} cells");
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
