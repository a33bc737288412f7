//! The OpenAPI document: valid, whole, and true to what the platform does.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use harness::{Faults, Platform, Shape, Surface, contract};
use http::{HeaderMap, Method, StatusCode};
use prost::Message as _;
use proto::google::api::{HttpRule, http_rule::Pattern};
use serde_json::Value;

use crate::{tools, wire};

/// How long thousands of calls may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(1_500);

async fn platform() -> Platform {
    Platform::start(Shape::OneProcess, Surface::Rest, Faults::None).await
}

async fn document(platform: &Platform) -> String {
    let answer = platform.door().raw(Method::GET, "/openapi.json", HeaderMap::new(), "").await;
    let (status, headers, body) = answer.expect("an answer");
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "application/json");
    String::from_utf8(body.into()).expect("text")
}

/// Verb and path of every mapping of an RPC, the names of variables left out: OpenAPI has one name for a place in a path.
fn mappings(rule: &HttpRule) -> Vec<(String, String)> {
    let (verb, path) = match rule.pattern.as_ref() {
        Some(Pattern::Get(path)) => ("get", path),
        Some(Pattern::Post(path)) => ("post", path),
        Some(Pattern::Put(path)) => ("put", path),
        Some(Pattern::Patch(path)) => ("patch", path),
        Some(Pattern::Delete(path)) => ("delete", path),
        Some(Pattern::Custom(_)) | None => panic!("a mapping that OpenAPI cannot say: {rule:?}"),
    };
    let one = (verb.to_owned(), nameless(path));
    std::iter::once(one).chain(rule.additional_bindings.iter().flat_map(mappings)).collect()
}

fn nameless(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|letter| {
            inside = (inside || *letter == '{') && *letter != '}';
            !inside || *letter == '{'
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_valid_and_holds_every_rpc() {
    let platform = platform().await;
    let text = document(&platform).await;
    let file = platform.folder().join("openapi.json");
    std::fs::write(&file, &text).expect("a file");
    let mut validator = tools::python("openapi-spec-validator").await;
    validator.arg(&file);
    tools::done(validator).await;

    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().expect("paths");
    let mut operations = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for (path, item) in paths {
        for (verb, operation) in item.as_object().expect("operations") {
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            assert!(ids.insert(id.clone()), "{id} stands twice");
            operations.insert((verb.clone(), nameless(path)), id);
        }
    }
    let http = contract::POOL.get_extension_by_name("google.api.http").expect("google.api.http");
    let rpcs = wire::public_rpcs();
    assert!(rpcs.len() > 150, "{}", rpcs.len());
    for rpc in rpcs {
        let options = rpc.options();
        let rule = options.get_extension(&http);
        let rule =
            HttpRule::decode(rule.as_message().expect("a mapping").encode_to_vec().as_slice()).expect("a mapping");
        for mapping in mappings(&rule) {
            let id =
                operations.remove(&mapping).unwrap_or_else(|| panic!("{}: {mapping:?} is missing", rpc.full_name()));
            let name = format!("{}_{}", rpc.parent_service().name(), rpc.name());
            assert!(id == name || id.starts_with(&format!("{name}_")), "{id} is not {name}");
        }
    }
    assert!(operations.is_empty(), "no RPC has these: {operations:?}");
    platform.stop().await;
}

/// At least 5,000 calls with data made from the document, right and wrong, the same ones in every run: no answer is a failure
/// of ours, and every answer is as the document says. All checks but two: that right data is taken, which no schema can
/// promise (ids must exist, states must allow), and that nobody comes in without credentials, which tests/access shows for
/// every RPC.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_true() {
    let platform = platform().await;
    let mut schemathesis = tools::python("schemathesis").await;
    schemathesis.current_dir(platform.folder()).args(["run", "--no-color", "--seed", "20261121"]);
    schemathesis.args(["--phases", "fuzzing", "--max-examples", "20", "--continue-on-failure", "--warnings", "off"]);
    schemathesis.args(["--exclude-checks", "positive_data_acceptance,ignored_auth"]);
    // Streams have no end; tests/e2e/push.rs and dispatch's own suite read them.
    schemathesis.args(["--exclude-path-regex", ":watch$"]);
    schemathesis.args(["-H", "x-aftercare-user: us_schemathesis", "-H", "x-aftercare-role: admin"]);
    schemathesis.arg(format!("{}/openapi.json", platform.door().address()));
    let said = tools::done_within(schemathesis, PATIENCE).await;
    let cases = said.lines().find(|line| line.contains(" generated")).unwrap_or_default();
    let cases: u32 = cases.split_whitespace().next().and_then(|count| count.parse().ok()).unwrap_or_default();
    assert!(cases >= 5_000, "only {cases} cases:\n{said}");
    platform.stop().await;
}
