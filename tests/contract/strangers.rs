//! Clients of other make, that know nothing but the address: Python with reflection, buf, curl, a browser's gRPC-Web.

use bytes::{Buf as _, Bytes};
use harness::{Faults, Platform, Shape, Surface};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use prost::Message;
use proto::aftercare::intake::v1::{CreateCustomerRequest, Customer, GetCustomerRequest};
use serde_json::Value;
use tokio::process::Command;

use crate::tools;

const INTAKE: &str = "aftercare.intake.v1.IntakeService";
const NOBODY: &str = "cu_00000000000000000000000000";

async fn platform() -> Platform {
    Platform::start(Shape::OneProcess, Surface::Rest, Faults::None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn python_finds_everything_by_reflection() {
    let platform = platform().await;
    let mut python = tools::python("python").await;
    python.arg(tools::file("stranger.py")).arg(platform.door().address().trim_start_matches("http://"));
    let said: Value = serde_json::from_str(&tools::done(python).await).expect("JSON");
    let services: Vec<&str> = said["services"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    for name in ["complaint", "dispatch", "gateway", "intake", "parts_inventory", "survey"] {
        let package = format!("aftercare.{name}.v1.");
        assert!(services.iter().any(|service| service.starts_with(&package)), "{package} {services:?}");
    }
    assert!(!services.contains(&"aftercare.common.v1.EventService"), "{services:?}");
    assert_eq!(said["created"], said["got"]);
    assert_eq!(said["got"]["name"], "王秀英");
    assert_eq!(said["refused"]["code"], "NOT_FOUND");
    assert_eq!(said["refused"]["reason"], "NOT_FOUND");
    assert!(said["refused"]["message"].as_str().is_some_and(|text| text.starts_with("找不到")), "{said}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buf_finds_everything_by_reflection() {
    let platform = platform().await;
    for protocol in ["grpc", "grpcweb"] {
        let call = |rpc: &str, request: &str| {
            let mut buf = tools::buf();
            buf.args(["curl", "--protocol", protocol, "--http2-prior-knowledge", "--data", request]);
            buf.arg(format!("{}/{INTAKE}/{rpc}", platform.door().address()));
            buf
        };
        let created = tools::done(call("CreateCustomer", r#"{"name": "王秀英"}"#)).await;
        let created: Value = serde_json::from_str(&created).expect("JSON");
        let id = created["customerId"].as_str().expect("an id");
        let got = tools::done(call("GetCustomer", &format!(r#"{{"customer_id": "{id}"}}"#))).await;
        assert_eq!(serde_json::from_str::<Value>(&got).expect("JSON"), created, "{protocol}");
        let refused = tools::run(call("GetCustomer", &format!(r#"{{"customer_id": "{NOBODY}"}}"#))).await;
        assert!(!refused.success, "{refused:?}");
        let told: Value = serde_json::from_str(&refused.err).unwrap_or_else(|error| panic!("{error}: {refused:?}"));
        assert_eq!(told["code"], "not_found", "{protocol}");
        assert_eq!(told["details"][0]["type"], "google.rpc.ErrorInfo", "{protocol}");
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_speaks_rest() {
    let platform = platform().await;
    let curl = |arguments: &[&str], target: &str| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "20", "-w", "\n%{http_code} %{content_type}", "-H", "accept-language: zh-CN"]);
        curl.args(arguments).arg(format!("{}{target}", platform.door().address()));
        curl
    };
    let said = async |command: Command| {
        let out = tools::done(command).await;
        let (body, status) = out.rsplit_once('\n').expect("a last line");
        (status.to_owned(), serde_json::from_str::<Value>(body).expect("JSON"))
    };
    // As little as a person types: the role is the demo's administrator, the body's type is said.
    let json = ["-H", "content-type: application/json", "-d", r#"{"name": "王秀英", "kind": "CUSTOMER_KIND_PERSON"}"#];
    let (status, created) = said(curl(&json, "/v1/customers")).await;
    assert_eq!(status, "200 application/json", "{created}");
    let id = created["customerId"].as_str().expect("an id");
    let (status, got) = said(curl(&[], &format!("/v1/customers/{id}"))).await;
    assert_eq!((status.as_str(), &got), ("200 application/json", &created));
    let (status, refused) = said(curl(&[], &format!("/v1/customers/{NOBODY}"))).await;
    assert_eq!(status, "404 application/json");
    assert_eq!(refused["details"][0]["reason"], "NOT_FOUND");
    assert!(refused["message"].as_str().is_some_and(|text| text.starts_with("找不到")), "{refused}");
    platform.stop().await;
}

/// What a gRPC-Web answer holds: the messages, and the trailers as text.
fn frames(mut body: Bytes) -> (Vec<Bytes>, String) {
    let (mut messages, mut trailers) = (Vec::new(), String::new());
    while body.has_remaining() {
        let flag = body.get_u8();
        let length = usize::try_from(body.get_u32()).expect("a length");
        let frame = body.split_to(length);
        match flag {
            0 => messages.push(frame),
            0x80 => trailers.push_str(std::str::from_utf8(&frame).expect("text")),
            other => panic!("a frame of the unknown kind {other}"),
        }
    }
    (messages, trailers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_speaks_grpc_web_over_http_1() {
    let platform = platform().await;
    let origin = ("origin", "https://console.example");
    let preflight =
        [origin, ("access-control-request-method", "POST"), ("access-control-request-headers", "x-grpc-web")];
    let (status, headers, _) = raw(&platform, Method::OPTIONS, "CreateCustomer", &preflight, Bytes::new()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["access-control-allow-origin"], "*");

    let web = [origin, ("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1")];
    let request = CreateCustomerRequest { name: "王秀英".to_owned(), ..Default::default() };
    let (status, headers, body) = raw(&platform, Method::POST, "CreateCustomer", &web, frame(&request)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "application/grpc-web+proto");
    let (messages, trailers) = frames(body);
    assert!(trailers.contains("grpc-status:0") || trailers.contains("grpc-status: 0"), "{trailers}");
    let [message] = messages.as_slice() else { panic!("{} messages", messages.len()) };
    let customer = Customer::decode(message.clone()).expect("a customer");
    assert_eq!(customer.name, request.name);

    // A refusal is a trailer as well: in the body, or, when there is nothing else to say, in the head.
    let wrong = GetCustomerRequest { customer_id: NOBODY.to_owned() };
    let (status, headers, body) = raw(&platform, Method::POST, "GetCustomer", &web, frame(&wrong)).await;
    assert_eq!(status, StatusCode::OK);
    let (messages, trailers) = frames(body);
    let head = headers.get("grpc-status").and_then(|value| value.to_str().ok());
    assert!(messages.is_empty() && (head == Some("5") || trailers.contains("grpc-status:5")), "{head:?} {trailers}");
    let details = headers.contains_key("grpc-status-details-bin") || trailers.contains("grpc-status-details-bin");
    assert!(details, "a refusal without its reason: {headers:?} {trailers}");
    platform.stop().await;
}

fn frame(message: &impl Message) -> Bytes {
    let mut frame = vec![0];
    let length = u32::try_from(message.encoded_len()).expect("a small message");
    frame.extend(length.to_be_bytes());
    frame.extend(message.encode_to_vec());
    frame.into()
}

async fn raw(
    platform: &Platform,
    method: Method,
    rpc: &str,
    headers: &[(&'static str, &'static str)],
    body: Bytes,
) -> (StatusCode, HeaderMap, Bytes) {
    let headers =
        headers.iter().map(|(name, value)| ((*name).parse().expect("a name"), HeaderValue::from_static(value)));
    let target = format!("/{INTAKE}/{rpc}");
    platform.door().raw(method, &target, headers.collect(), body).await.expect("an answer")
}
