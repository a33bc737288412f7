//! The door against forged, stale and misdirected credentials, over REST, gRPC and gRPC-Web; and what partners' programs
//! and bearers of links reach.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use common::{
    clock::Clock,
    config::{Secret, Settings, Sources},
    id::Ids,
    record::Role,
    testing::{Backend, Bench, TEST_KEY, bench},
};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use prost::Message as _;
use proto::aftercare::intake::v1::GetCustomerRequest;
use rstest::rstest;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::ServiceExt as _;

use super::{Authority, admin::Admin};
use crate::{Config, DEFAULTS, Gateway, NAME, NewAccount, Parts, Upstream, links};

mod forged;
mod oidc;
mod oidc_accounts;
mod oidc_hostile;
mod oidc_real;
mod provider;
mod rotation;
mod streams;

const SETTINGS: &str = "[passwords]\nmemory_kib = 64\npasses = 1\n[sign_in]\nrecheck = \"0s\"\n";
const PASSWORD: &str = "correct horse battery";
const CUSTOMER: &str = "cu_00000000000000000000000001";

/// A door before an intake that counts who comes through.
struct World {
    bench: Bench,
    config: Config,
    authority: Authority,
    routes: Routes,
    through: Arc<AtomicUsize>,
}

impl World {
    async fn new(backend: Backend) -> Self {
        Self::with(backend, "").await
    }

    /// As [`World::new`], with more settings.
    async fn with(backend: Backend, more: &str) -> Self {
        let text = format!("{SETTINGS}{more}");
        let bench = bench::<Gateway>(backend, &text).await;
        let sources = Sources::new(&[NAME]).text("test", &text).unwrap();
        let config = sources.load::<Config>(NAME, DEFAULTS).unwrap().service;
        let authority = Authority::new(bench.core.clone(), config.identity()).unwrap();
        let through = Arc::new(AtomicUsize::new(0));
        let counted = through.clone();
        let serve = move |request: Request<Body>| {
            let counted = counted.clone();
            async move {
                let _ = request.into_body().collect().await;
                counted.fetch_add(1, Ordering::SeqCst);
                let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
                let body = http_body_util::Full::new(bytes::Bytes::from_static(&[0; 5]))
                    .with_trailers(std::future::ready(Some(Ok(trailers))));
                axum::response::IntoResponse::into_response((
                    [(header::CONTENT_TYPE, "application/grpc")],
                    Body::new(body),
                ))
            }
        };
        let intake = Upstream::Local(Routes::from(axum::Router::new().fallback(serve)));
        let own = Upstream::Local(bench.service.routes.clone());
        let mut settings = Settings::defaults(NAME).unwrap();
        settings.identity.key = Secret::new(TEST_KEY);
        let routes = crate::build(Parts {
            settings,
            config: config.clone(),
            upstreams: HashMap::from([("intake".to_owned(), intake), (NAME.to_owned(), own)]),
            reasons: Vec::new(),
            health: tonic_health::server::HealthService::from_health_reporter(
                tonic_health::server::health_reporter().0,
            ),
            stopping: CancellationToken::new(),
            core: Some(bench.core.clone()),
            clock: Clock::system(),
            ids: Ids::random(),
        })
        .await
        .unwrap();
        Self { bench, config, authority, routes, through }
    }

    fn admin(&self) -> Admin {
        Admin::new(self.bench.core.clone(), self.config.clone()).unwrap()
    }

    async fn account(&self, username: &str, role: Role) -> String {
        let admin = self.admin();
        let hashed = admin.hash(PASSWORD).await.unwrap();
        let new = NewAccount {
            username: username.to_owned(),
            display_name: username.to_owned(),
            role,
            org_unit_id: "head-office".to_owned(),
            person_id: String::new(),
            partner_id: String::new(),
        };
        admin.account(new, &hashed, false).await.unwrap()
    }

    async fn token(&self, username: &str) -> String {
        let call = self.bench.call(Role::CustomerLink);
        self.authority.sign_in(&call, username, PASSWORD).await.unwrap().access_token
    }

    /// What each surface answers: the HTTP status of REST, the codes of gRPC and gRPC-Web.
    async fn knock(&self, header: &str, value: &str) -> (StatusCode, String, String) {
        let message = GetCustomerRequest { customer_id: CUSTOMER.to_owned() }.encode_to_vec();
        self.knock_at(&format!("/v1/customers/{CUSTOMER}"), "GetCustomer", message, header, value).await
    }

    /// A call of one of intake's RPCs over REST, gRPC and gRPC-Web: the status of each.
    async fn knock_at(
        &self,
        path: &str,
        rpc: &str,
        message: Vec<u8>,
        header: &str,
        value: &str,
    ) -> (StatusCode, String, String) {
        let request = Request::builder().header(header, value);
        let rest = self.send(request.uri(path).body(Body::empty()).unwrap()).await.0;
        let rpc = format!("/aftercare.intake.v1.IntakeService/{rpc}");
        let grpc = self.grpc("application/grpc", &rpc, &message, header, value).await;
        (rest, grpc, self.grpc("application/grpc-web", &rpc, &message, header, value).await)
    }

    /// The code that a call over gRPC or gRPC-Web is answered with.
    async fn grpc(&self, kind: &str, rpc: &str, message: &[u8], header: &str, value: &str) -> String {
        let mut frame = vec![0];
        frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        frame.extend(message);
        let call = Request::builder()
            .method("POST")
            .uri(rpc)
            .header(header, value)
            .header(header::CONTENT_TYPE, kind)
            .header("te", "trailers")
            .body(Body::from(frame))
            .unwrap();
        let (_, headers, body) = self.send(call).await;
        let code = headers.get("grpc-status").map(|code| code.to_str().unwrap().to_owned());
        code.unwrap_or_else(|| {
            let text = String::from_utf8_lossy(&body).into_owned();
            let code = text.split("grpc-status:").nth(1).and_then(|rest| rest.split("\r\n").next());
            code.map_or_else(|| "0".to_owned(), |code| code.trim().to_owned())
        })
    }

    /// One call over REST; no token where it is empty.
    async fn rest(&self, method: &str, path: &str, body: Option<&Value>, token: &str) -> (StatusCode, Value) {
        rest(&self.routes, method, path, body, token).await
    }

    async fn get(&self, path: &str, token: &str) -> (StatusCode, Value) {
        self.rest("GET", path, None, token).await
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.rest("POST", path, Some(body), "").await
    }

    async fn post_as(&self, path: &str, body: &Value, token: &str) -> (StatusCode, Value) {
        self.rest("POST", path, Some(body), token).await
    }

    async fn patch(&self, path: &str, body: &Value, token: &str) -> (StatusCode, Value) {
        self.rest("PATCH", path, Some(body), token).await
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, HeaderMap, bytes::Bytes) {
        send(&self.routes, request).await
    }

    async fn oauth(&self, form: &str, basic: Option<(&str, &str)>) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method("POST")
            .uri("/oauth/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some((id, secret)) = basic {
            let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
            request = request.header(header::AUTHORIZATION, format!("Basic {encoded}"));
        }
        let (status, headers, body) = self.send(request.body(Body::from(form.to_owned())).unwrap()).await;
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        (status, serde_json::from_slice(&body).unwrap())
    }
}

async fn send(routes: &Routes, request: Request<Body>) -> (StatusCode, HeaderMap, bytes::Bytes) {
    let (parts, body) = routes.clone().oneshot(request).await.unwrap().into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
}

async fn rest(routes: &Routes, method: &str, path: &str, body: Option<&Value>, token: &str) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let (status, _, body) = send(routes, request.body(body).unwrap()).await;
    let text = String::from_utf8_lossy(&body);
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}")))
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn with(claims: &Value, field: &str, value: Value) -> Value {
    let mut changed = claims.clone();
    changed[field] = value;
    changed
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_role_that_the_rule_does_not_name_is_refused_at_the_door(#[case] backend: Backend) {
    let world = World::new(backend).await;
    for (name, role, expected) in [
        ("agent", Role::Agent, (StatusCode::OK, "0".to_owned(), "0".to_owned())),
        ("warehouse", Role::Warehouse, (StatusCode::FORBIDDEN, "7".to_owned(), "7".to_owned())),
    ] {
        world.account(name, role).await;
        let token = world.token(name).await;
        let rule = proto::access("aftercare.intake.v1.IntakeService/list_contacts").unwrap();
        let named = rule.roles.contains(&common::reach::named(role));
        assert_eq!(named, expected.0 == StatusCode::OK, "{name}: the rule is another one now");
        let bearer = format!("Bearer {token}");
        let answers = world.knock_at("/v1/contacts", "ListContacts", Vec::new(), "authorization", &bearer).await;
        assert_eq!(answers, expected, "{name}");
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_partners_program_comes_by_key_and_by_token_and_no_longer_than_it_may(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let (id, secret) = world.admin().client("ERP", "haier", "head-office").await.unwrap();
    let ok = (StatusCode::OK, "0".to_owned(), "0".to_owned());
    let out = (StatusCode::UNAUTHORIZED, "16".to_owned(), "16".to_owned());
    assert_eq!(world.knock("x-api-key", &secret).await, ok);
    assert_eq!(world.knock("authorization", &format!("Bearer {secret}")).await, ok);
    let mut wrong = secret.clone();
    wrong.replace_range(wrong.len() - 1.., if secret.ends_with('A') { "B" } else { "A" });
    assert_eq!(world.knock("x-api-key", &wrong).await, out);

    let form = "grant_type=client_credentials&scope=intake.read";
    let (status, granted) = world.oauth(form, Some((&id, &secret))).await;
    assert_eq!(
        (status, &granted["token_type"], &granted["scope"]),
        (StatusCode::OK, &json!("Bearer"), &json!("intake.read"))
    );
    let token = granted["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.knock("authorization", &format!("Bearer {token}")).await, ok);
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=dispatch.write");
    let (status, granted) = world.oauth(&body, None).await;
    if status == StatusCode::OK {
        let other = granted["access_token"].as_str().unwrap();
        let forbidden = (StatusCode::FORBIDDEN, "7".to_owned(), "7".to_owned());
        assert_eq!(world.knock("authorization", &format!("Bearer {other}")).await, forbidden, "another scope");
    } else {
        assert_eq!(granted["error"], "invalid_scope");
    }
    for (form, basic, expected) in [
        ("grant_type=password", Some((&*id, &*secret)), "unsupported_grant_type"),
        ("", Some((&*id, &*secret)), "invalid_request"),
        (&*body, Some((&*id, &*secret)), "invalid_request"),
        ("grant_type=client_credentials&grant_type=client_credentials", Some((&*id, &*secret)), "invalid_request"),
        ("grant_type=client_credentials&scope=everything", Some((&*id, &*secret)), "invalid_scope"),
        ("grant_type=client_credentials", None, "invalid_client"),
        ("grant_type=client_credentials", Some((&*id, &*wrong)), "invalid_client"),
        ("grant_type=client_credentials", Some(("pc_00000000000000000000000000", &*secret)), "invalid_client"),
    ] {
        assert_eq!(world.oauth(form, basic).await.1["error"], expected, "{form}");
    }
    let tx = world.bench.core.db.begin().await.unwrap();
    let prefix = super::clients::prefix(&secret).unwrap();
    let client = common::id::Id::parse(&id).unwrap();
    let now = world.bench.core.clock.now();
    crate::store::identity::client::retire_secrets(&tx, &client, Some(prefix), now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.knock("x-api-key", &secret).await, out, "a retired secret");
    assert_eq!(world.knock("authorization", &format!("Bearer {token}")).await, ok, "its tokens run out by themselves");
    world.bench.core.clock.advance(Duration::minutes(16));
    assert_eq!(world.knock("authorization", &format!("Bearer {token}")).await, out);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_program_calls_as_often_as_it_was_given(#[case] backend: Backend) {
    let world = World::new(backend).await;
    world.account("root", Role::Admin).await;
    let root = world.token("root").await;
    let (id, secret) = world.admin().client("ERP", "haier", "head-office").await.unwrap();
    let (_, other) = world.admin().client("CRM", "haier", "head-office").await.unwrap();
    let patch = json!({"etag": "1", "updateMask": "callsPerSecond", "callsPerSecond": 1});
    let (status, answer) = world.patch(&format!("/v1/clients/{id}"), &patch, &root).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    // One a second: at the same moment the second of these is too early, on whatever surface.
    let path = format!("/v1/customers/{CUSTOMER}");
    let rest = async |key: &str| {
        let request = Request::builder().uri(&path).header("x-api-key", key).body(Body::empty()).unwrap();
        world.send(request).await
    };
    let mut refused = None;
    for _ in 0..5 {
        let answer = rest(&secret).await;
        if answer.0 == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
            break;
        }
    }
    let (_, headers, body) = refused.expect("five at once are too many");
    assert_eq!(headers["retry-after"], "1");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(provider::reason(&body), "RATE_LIMITED");
    let message = GetCustomerRequest { customer_id: CUSTOMER.to_owned() }.encode_to_vec();
    let rpc = "/aftercare.intake.v1.IntakeService/GetCustomer";
    let mut codes = Vec::new();
    for kind in ["application/grpc", "application/grpc-web", "application/grpc", "application/grpc-web"] {
        codes.push(world.grpc(kind, rpc, &message, "x-api-key", &secret).await);
    }
    assert!(codes.contains(&"8".to_owned()), "{codes:?}");
    for _ in 0..20 {
        assert_eq!(rest(&other).await.0, StatusCode::OK, "its partner's other program is not slowed down");
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_link_that_was_changed_in_any_place_opens_nothing(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let now = world.bench.core.clock.now();
    let token = links::sign(&world.authority, "file", "fi_1", now + Duration::hours(1)).await.unwrap();
    assert_eq!(links::verify(&world.authority, "file", &token).await.unwrap(), "fi_1");
    assert!(links::verify(&world.authority, "export", &token).await.is_err(), "another purpose");
    let mut tried = 0;
    for place in 0..token.len() {
        for bit in 0..7 {
            let mut bytes = token.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(links::verify(&world.authority, "file", &changed).await.is_err(), "{changed}");
            tried += 1;
        }
    }
    assert!(tried > 300, "{tried}");
    world.bench.core.clock.advance(Duration::hours(1));
    assert!(links::verify(&world.authority, "file", &token).await.is_err(), "its time is over");
}
