//! The whole door over one made-up upstream: what reaches a service, what comes back, on every surface.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{body::Body, response::IntoResponse as _};
use bytes::Bytes;
use common::{
    auth::{self, Identity},
    clock::Clock,
    config::{Environment, Settings, Sources},
    id::Ids,
};
use gateway::{Config, Parts, Upstream};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use prost::Message;
use proto::aftercare::{
    common::v1::{ListTimelineRequest, ListTimelineResponse, TimelineEntry},
    gateway::v1::{CustomerTimeline, GetCustomerTimelineRequest},
    intake::v1::{Customer, GetCustomerRequest},
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, service::Routes};
use tonic_types::{ErrorDetails, StatusExt as _};
use tower::ServiceExt as _;

const CUSTOMER: &str = "cu_00000000000000000000000001";
const GET_CUSTOMER: &str = "/aftercare.intake.v1.IntakeService/GetCustomer";

/// What the upstream saw of one call.
#[derive(Clone, Debug)]
struct Seen {
    path: String,
    headers: HeaderMap,
    message: Bytes,
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// A service that writes down what it is asked and answers with `answer`.
fn upstream(log: Log, answer: impl Fn(&Seen) -> Result<Vec<u8>, Status> + Clone + Send + Sync + 'static) -> Upstream {
    let serve = move |request: Request<Body>| {
        let (log, answer) = (log.clone(), answer.clone());
        async move {
            let (parts, body) = request.into_parts();
            let frame = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) => return Status::from_error(error.into_inner()).into_http::<Body>(),
            };
            let seen = Seen { path: parts.uri.path().to_owned(), headers: parts.headers, message: frame.slice(5..) };
            log.lock().unwrap().push(seen.clone());
            match answer(&seen) {
                Ok(message) if message == b"hang" => std::future::pending().await,
                Ok(message) => {
                    let mut frame = vec![0];
                    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
                    frame.extend(message);
                    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
                    let body = http_body_util::Full::new(Bytes::from(frame))
                        .with_trailers(std::future::ready(Some(Ok(trailers))));
                    ([(header::CONTENT_TYPE, "application/grpc")], Body::new(body)).into_response()
                }
                Err(status) => status.into_http(),
            }
        }
    };
    Upstream::Local(Routes::from(axum::Router::new().fallback(serve)))
}

fn customer(name: &str) -> Vec<u8> {
    Customer { customer_id: CUSTOMER.into(), name: name.into(), etag: "7".into(), ..Customer::default() }
        .encode_to_vec()
}

async fn door(environment: Environment, upstreams: HashMap<String, Upstream>) -> Routes {
    let sources =
        Sources::new(&[gateway::NAME]).text("a test", "[audit]\nkey = \"a key for tests, never for anything else\"\n");
    let loaded = sources.unwrap().load::<Config>(gateway::NAME, gateway::DEFAULTS).unwrap();
    let mut settings = loaded.settings;
    settings.environment = environment;
    let mut config = loaded.service;
    "a key of the door's tests, and of nothing else".clone_into(&mut config.webhooks.key);
    config.sign_in.development_headers = environment == Environment::Development;
    let parts = Parts {
        settings,
        config,
        upstreams,
        reasons: Vec::new(),
        core: None,
        health: tonic_health::server::HealthService::from_health_reporter(tonic_health::server::health_reporter().0),
        stopping: CancellationToken::new(),
        clock: Clock::system(),
        ids: Ids::random(),
    };
    gateway::build(parts).await.unwrap()
}

struct Door {
    routes: Routes,
    log: Log,
}

impl Door {
    async fn new(answer: impl Fn(&Seen) -> Result<Vec<u8>, Status> + Clone + Send + Sync + 'static) -> Self {
        Self::within(Environment::Development, answer).await
    }

    async fn within(
        environment: Environment,
        answer: impl Fn(&Seen) -> Result<Vec<u8>, Status> + Clone + Send + Sync + 'static,
    ) -> Self {
        let log = Log::default();
        let upstreams = HashMap::from([("intake".to_owned(), upstream(log.clone(), answer))]);
        Self { routes: door(environment, upstreams).await, log }
    }

    async fn send(&self, request: Request<Body>) -> Response<tonic::body::Body> {
        self.routes.clone().oneshot(request).await.unwrap()
    }

    fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }
}

fn agent(method: &str, target: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(target)
        .header("x-aftercare-user", "ag_1")
        .header("x-aftercare-role", "agent")
        .header("x-aftercare-org-unit", "ou_1")
}

async fn json(response: Response<tonic::body::Body>) -> (StatusCode, HeaderMap, Value) {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let value = serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&bytes)));
    (parts.status, parts.headers, value)
}

fn reason(body: &Value) -> &str {
    let details = body["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    details.iter().find_map(|detail| detail["reason"].as_str()).unwrap_or_default()
}

fn grpc(path: &str, content_type: &str, message: &impl Message) -> Request<Body> {
    let message = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    agent("POST", path)
        .header(header::CONTENT_TYPE, content_type)
        .header("te", "trailers")
        .body(Body::from(frame))
        .unwrap()
}

fn wanted() -> GetCustomerRequest {
    GetCustomerRequest { customer_id: CUSTOMER.into() }
}

#[tokio::test]
async fn a_rest_call_reaches_its_service_and_its_answer_the_caller() {
    let door = Door::new(|_| Ok(customer("王芳"))).await;
    let request = agent("GET", &format!("/v1/customers/{CUSTOMER}"))
        .header("accept-language", "zh-CN,en;q=0.5")
        .header("x-request-id", "call-1")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .header("x-aftercare-identity", "forged")
        .header("x-aftercare-anything", "forged")
        .header("cookie", "a=b")
        .body(Body::empty())
        .unwrap();
    let (status, headers, body) = json(door.send(request).await).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!((&body["customerId"], &body["name"]), (&CUSTOMER.into(), &"王芳".into()));
    assert_eq!(headers["etag"], "\"7\"");
    assert_eq!(headers["x-request-id"], "call-1");

    let seen = door.seen().remove(0);
    assert_eq!(seen.path, GET_CUSTOMER);
    assert_eq!(GetCustomerRequest::decode(seen.message).unwrap(), wanted());
    assert_eq!(seen.headers[auth::LANGUAGE], "zh-CN");
    assert!(seen.headers["traceparent"].to_str().unwrap().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    for gone in ["authorization", "cookie", "x-aftercare-anything", "x-aftercare-user", "x-aftercare-role"] {
        assert!(!seen.headers.contains_key(gone), "{gone} went through");
    }
    let identity = Identity::new(Settings::defaults("gateway").unwrap().identity.key.expose()).unwrap();
    let actor = identity.verify(seen.headers[auth::IDENTITY].to_str().unwrap()).unwrap();
    assert_eq!((actor.id.as_str(), actor.role.as_str(), actor.org_unit_id.as_str()), ("ag_1", "agent", "ou_1"));
    let millis: u64 = seen.headers["grpc-timeout"].to_str().unwrap().trim_end_matches('m').parse().unwrap();
    assert!((4_000..=5_000).contains(&millis), "{millis}");
}

#[tokio::test]
async fn without_an_identity_nothing_reaches_a_service() {
    let door = Door::new(|_| Ok(customer(""))).await;
    let target = format!("/v1/customers/{CUSTOMER}");
    let nobody = Request::get(&target).header("x-aftercare-role", "king").body(Body::empty()).unwrap();
    let (status, headers, body) = json(door.send(nobody).await).await;
    assert_eq!((status, reason(&body)), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"));
    assert!(headers.contains_key("www-authenticate"));

    // In production nobody is believed on a bare header, on no surface.
    let door = Door::within(Environment::Production, |_| Ok(customer(""))).await;
    let (status, _, _) = json(door.send(agent("GET", &target).body(Body::empty()).unwrap()).await).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let response = door.send(grpc(GET_CUSTOMER, "application/grpc", &wanted())).await;
    assert_eq!(response.headers()["grpc-status"], "16");
    assert!(door.seen().is_empty());
}

#[tokio::test]
async fn bad_requests_are_told_apart_and_change_nothing() {
    let door = Door::new(|_| Ok(customer(""))).await;
    let large = "x".repeat(1024 * 1024 + 1);
    let cases = [
        ("GET", "/v1/nothing", "", "application/json", StatusCode::NOT_FOUND, "UNKNOWN_PATH"),
        ("DELETE", "/v1/customers", "", "application/json", StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
        ("POST", "/v1/customers", "{", "application/json", StatusCode::BAD_REQUEST, "MALFORMED_JSON"),
        ("POST", "/v1/customers", "{\"nothing\":1}", "application/json", StatusCode::BAD_REQUEST, "UNKNOWN_FIELD"),
        ("POST", "/v1/customers", "a=b", "text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/v1/customers", &large, "application/json", StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE"),
        ("GET", "/internal/v1/events:republish", "", "application/json", StatusCode::NOT_FOUND, "UNKNOWN_PATH"),
    ];
    for (method, target, body, content_type, expected, why) in cases {
        let request = agent(method, target).header(header::CONTENT_TYPE, content_type).header("accept-language", "zh");
        let (status, headers, answer) = json(door.send(request.body(Body::from(body.to_owned())).unwrap()).await).await;
        assert_eq!((status, reason(&answer)), (expected, why), "{method} {target}: {answer}");
        assert!(!answer["message"].as_str().unwrap().is_ascii(), "not in Chinese: {answer}");
        assert_eq!(status == StatusCode::METHOD_NOT_ALLOWED, headers.contains_key("allow"));
    }
    assert!(door.seen().is_empty());
}

#[tokio::test]
async fn a_refusal_of_a_service_comes_through_whole() {
    let door = Door::new(|_| {
        let mut details = ErrorDetails::new();
        details.set_error_info("STALE_ETAG", "aftercare", [("present".to_owned(), "8".to_owned())]);
        Err(Status::with_error_details(Code::Aborted, "changed", details))
    })
    .await;
    let request = agent("GET", &format!("/v1/customers/{CUSTOMER}")).body(Body::empty()).unwrap();
    let (status, _, body) = json(door.send(request).await).await;
    assert_eq!((status, reason(&body)), (StatusCode::CONFLICT, "STALE_ETAG"));
    assert_eq!(body["details"][0]["metadata"]["present"], "8");

    let response = door.send(grpc(GET_CUSTOMER, "application/grpc", &wanted())).await;
    assert_eq!(response.headers()["grpc-status"], "10");
    assert!(response.headers().contains_key("grpc-status-details-bin"));
}

#[tokio::test]
async fn grpc_is_forwarded_and_grpc_web_with_it() {
    let door = Door::new(|_| Ok(customer("A"))).await;
    let response = door.send(grpc(GET_CUSTOMER, "application/grpc", &wanted())).await;
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert!(response.headers().contains_key("x-request-id"));
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(Customer::decode(&collected.to_bytes()[5..]).unwrap().name, "A");

    let response = door.send(grpc(GET_CUSTOMER, "application/grpc-web+proto", &wanted())).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/grpc-web+proto");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    assert_eq!(Customer::decode(&body[5..5 + length]).unwrap().name, "A");
    assert_eq!(body[5 + length], 0x80, "the trailers travel as the last frame");
    assert!(String::from_utf8_lossy(&body[10 + length..]).contains("grpc-status:0"));
    assert_eq!(door.seen().len(), 2);
}

#[tokio::test]
async fn what_is_not_exposed_is_not_there() {
    let door = Door::new(|_| Ok(Vec::new())).await;
    for path in ["/aftercare.common.v1.EventService/Republish", "/aftercare.intake.v1.IntakeService/Nothing", "/x/y"] {
        let response = door.send(grpc(path, "application/grpc", &wanted())).await;
        assert_eq!(response.headers()["grpc-status"], "12", "{path}");
    }
    // Known to the contract, but nobody serves it here.
    let path = "/aftercare.survey.v1.SurveyService/ListTimeline";
    let response = door.send(grpc(path, "application/grpc", &ListTimelineRequest::default())).await;
    assert_eq!(response.headers()["grpc-status"], "14");
    assert!(door.seen().is_empty());

    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let production = Door::within(Environment::Production, |_| Ok(Vec::new())).await;
    let response = production.send(grpc(reflection, "application/grpc", &wanted())).await;
    assert_eq!(response.headers()["grpc-status"], "12");
    let health = "/grpc.health.v1.Health/Check";
    let response = production.send(grpc(health, "application/grpc", &())).await;
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_by_grpc_too() {
    let door = Door::new(|_| Ok(Vec::new())).await;
    let large = GetCustomerRequest { customer_id: "x".repeat(1024 * 1024 + 1) };
    let response = door.send(grpc(GET_CUSTOMER, "application/grpc", &large)).await;
    assert_eq!(response.headers()["grpc-status"], "8");
    assert!(door.seen().is_empty());
}

#[tokio::test]
async fn a_service_that_hangs_costs_the_deadline_and_no_more() {
    let door = Door::new(|_| Ok(b"hang".to_vec())).await;
    let begun = std::time::Instant::now();
    let request = agent("GET", &format!("/v1/customers/{CUSTOMER}")).header("x-request-timeout", "200ms");
    let (status, _, body) = json(door.send(request.body(Body::empty()).unwrap()).await).await;
    assert_eq!((status, reason(&body)), (StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED"));
    let mut request = grpc(GET_CUSTOMER, "application/grpc", &wanted());
    request.headers_mut().insert("grpc-timeout", "200m".parse().unwrap());
    assert_eq!(door.send(request).await.headers()["grpc-status"], "4");
    assert!(begun.elapsed() < std::time::Duration::from_secs(2));
}

#[tokio::test]
async fn a_service_that_is_down_is_told_without_its_address() {
    let gone = Upstream::remote("dispatch", "http://127.0.0.1:1").unwrap();
    let routes = door(Environment::Development, HashMap::from([("intake".to_owned(), gone)])).await;
    let request = agent("GET", &format!("/v1/customers/{CUSTOMER}")).body(Body::empty()).unwrap();
    let (status, headers, body) = json(routes.clone().oneshot(request).await.unwrap()).await;
    assert_eq!((status, reason(&body)), (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"));
    assert!(headers.contains_key("retry-after"));
    assert!(!body.to_string().contains("127.0.0.1"), "{body}");
    let response = routes.oneshot(grpc(GET_CUSTOMER, "application/grpc", &wanted())).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "14");
    assert!(!response.headers()["grpc-message"].to_str().unwrap().contains("127"));
}

#[tokio::test]
async fn the_pages_stand_alone() {
    let door = Door::new(|_| Ok(Vec::new())).await;
    for path in ["/", "/docs", "/docs/errors", "/openapi.json", "/livez", "/readyz"] {
        let response = door.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let text = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains("src=\"http") && !text.contains("href=\"http"), "{path} loads from outside");
        if path == "/docs/errors" {
            assert!(text.contains("MALFORMED_JSON") && text.contains("不是合法的") && text.contains("STALE_ETAG"));
        }
        if path == "/docs" {
            assert!(text.contains("/v1/customers/{customer_id}/timeline"));
        }
    }
}

fn entry(service: &str, second: i64, id: &str) -> TimelineEntry {
    TimelineEntry {
        id: id.to_owned(),
        service: service.to_owned(),
        at: Some(prost_types::Timestamp { seconds: 1_700_000_000 + second, nanos: 0 }),
        customer_id: CUSTOMER.to_owned(),
        ..TimelineEntry::default()
    }
}

#[tokio::test]
async fn the_timeline_merges_all_services_page_by_page_and_names_who_is_missing() {
    // Every service has the entries of its own seconds; a page token of `journal` holds the last (at, id).
    fn serve(seen: &Seen, service: &str, all: &[i64]) -> Vec<u8> {
        if seen.path.ends_with("/GetCustomer") {
            return Customer { customer_id: CUSTOMER.into(), ..Customer::default() }.encode_to_vec();
        }
        let request = ListTimelineRequest::decode(seen.message.clone()).unwrap();
        let entries: Vec<TimelineEntry> =
            all.iter().map(|second| entry(service, *second, &format!("e{second}"))).collect();
        let behind = entries.iter().position(|last| {
            common::journal::token_after(&common::reach::Reach::All, &request, last).unwrap() == request.page_token
        });
        // A token that is another service's entry: what is later than all of ours up to it.
        let start = match (request.page_token.is_empty(), behind) {
            (true, _) => 0,
            (false, Some(at)) => at + 1,
            (false, None) => (0..20)
                .filter(|second| {
                    let last = entry("", *second, &format!("e{second}"));
                    common::journal::token_after(&common::reach::Reach::All, &request, &last).unwrap()
                        == request.page_token
                })
                .map(|second| all.iter().filter(|ours| **ours <= second).count())
                .next()
                .expect("a token of the merged order"),
        };
        let size = usize::try_from(request.page_size).unwrap();
        let page: Vec<TimelineEntry> = entries.iter().skip(start).take(size).cloned().collect();
        let more = start + page.len() < entries.len();
        let next_page_token = if more { "more".to_owned() } else { String::new() };
        ListTimelineResponse { entries: page, next_page_token }.encode_to_vec()
    }
    let log = Log::default();
    let upstreams = HashMap::from([
        ("intake".to_owned(), upstream(log.clone(), |seen| Ok(serve(seen, "intake", &[1, 4, 5, 9])))),
        ("dispatch".to_owned(), upstream(log.clone(), |seen| Ok(serve(seen, "dispatch", &[2, 3, 6, 7, 8])))),
        ("complaint".to_owned(), upstream(log, |_| Err(Status::unavailable("gone")))),
    ]);
    let routes = door(Environment::Development, upstreams).await;
    let mut found = Vec::new();
    let mut token = String::new();
    for _ in 0..10 {
        let target = format!("/v1/customers/{CUSTOMER}/timeline?pageSize=2&pageToken={token}");
        let (status, _, page) =
            json(routes.clone().oneshot(agent("GET", &target).body(Body::empty()).unwrap()).await.unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert_eq!(page["unavailableServices"], serde_json::json!(["complaint"]));
        found.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()));
        token = page["nextPageToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(found, ["e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9"]);

    let target = format!("/v1/customers/{CUSTOMER}/timeline?pageToken=nonsense");
    let (status, _, body) =
        json(routes.clone().oneshot(agent("GET", &target).body(Body::empty()).unwrap()).await.unwrap()).await;
    assert_eq!((status, reason(&body)), (StatusCode::BAD_REQUEST, "INVALID_PAGE_TOKEN"));

    let wanted = GetCustomerTimelineRequest { customer_id: CUSTOMER.into(), ..Default::default() };
    let path = "/aftercare.gateway.v1.TimelineService/GetCustomerTimeline";
    let response = routes.oneshot(grpc(path, "application/grpc", &wanted)).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(CustomerTimeline::decode(&body[5..]).unwrap().entries.len(), 9);
}
