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
    config::{Settings, Sources},
    id::Ids,
    record::Role,
    testing::{Backend, Bench, TEST_KEY, bench},
};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use prost::Message as _;
use proto::aftercare::intake::v1::GetCustomerRequest;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::ServiceExt as _;

use super::{Authority, admin::Admin, keys::Purpose};
use crate::{Config, DEFAULTS, Gateway, NAME, NewAccount, Parts, Upstream, links};

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
    async fn new() -> Self {
        let bench = bench::<Gateway>(Backend::Sqlite, SETTINGS).await;
        let sources = Sources::new(&[NAME]).text("test", SETTINGS).unwrap();
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
        let routes = crate::build(Parts {
            settings: Settings::defaults(NAME).unwrap(),
            config: config.clone(),
            upstreams: HashMap::from([("intake".to_owned(), intake)]),
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
        let request = || Request::builder().header(header, value);
        let rest = request().uri(path).body(Body::empty()).unwrap();
        let rest = self.send(rest).await.0;
        let mut codes = Vec::new();
        for kind in ["application/grpc", "application/grpc-web"] {
            let mut frame = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
            frame.extend(&message);
            let call = request()
                .method("POST")
                .uri(format!("/aftercare.intake.v1.IntakeService/{rpc}"))
                .header(header::CONTENT_TYPE, kind)
                .header("te", "trailers")
                .body(Body::from(frame))
                .unwrap();
            let (_, headers, body) = self.send(call).await;
            let code = headers.get("grpc-status").map(|code| code.to_str().unwrap().to_owned());
            let in_body = || {
                let text = String::from_utf8_lossy(&body).into_owned();
                let code = text.split("grpc-status:").nth(1).and_then(|rest| rest.split("\r\n").next());
                code.map_or_else(|| "0".to_owned(), |code| code.trim().to_owned())
            };
            codes.push(code.unwrap_or_else(in_body));
        }
        (rest, codes.remove(0), codes.remove(0))
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, HeaderMap, bytes::Bytes) {
        let (parts, body) = self.routes.clone().oneshot(request).await.unwrap().into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
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

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// All kinds of tokens that must not pass; `good` is one that does.
async fn forgeries(world: &World, good: &str) -> Vec<(String, String)> {
    let key = world.authority.keys.signing(Purpose::Access).await.unwrap();
    let link_key = world.authority.keys.signing(Purpose::Link).await.unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let header = |typ: &str, kid: &str| json!({"typ": typ, "alg": "HS256", "kid": kid});
    let seal = |header: &Value, claims: &Value, secret: &[u8]| {
        let text = format!("{}.{}", part(header), part(claims));
        let mac = super::secrets::sign(secret, &text).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac))
    };
    let ours = header("at+jwt", &key.id);
    assert_eq!(world.knock("authorization", &format!("Bearer {}", seal(&ours, &claims, &key.secret))).await.0, 200);

    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, token: String| all.push((name.to_owned(), token));
    // The form.
    for (name, token) in [
        ("empty", " "),
        ("no token", "nonsense"),
        ("dots", ".."),
        ("two parts", &*format!("{}.{}", parts[0], parts[1])),
        ("four parts", &*format!("{good}.x")),
        ("five parts, as encrypted ones have", "a.b.c.d.e"),
        ("no signature", &*format!("{}.{}.", parts[0], parts[1])),
        ("twice", &*format!("{good}{good}")),
        ("padded", &*format!("{good}=")),
        ("quoted", &*format!("\"{good}\"")),
    ] {
        add(name, token.to_owned());
    }
    add("a megabyte of nothing", "x".repeat(15_000));
    add("long claims", seal(&ours, &with(&claims, "jti", json!("x".repeat(3000))), &key.secret));
    // The signature.
    for (name, secret) in [
        ("an empty key", &b""[..]),
        ("the key's name as key", key.id.as_bytes()),
        ("another key", &[7; 32]),
        ("the links' key", &link_key.secret),
        ("the services' key", TEST_KEY.as_bytes()),
        ("the development key", b"development-only-this-is-not-a-secret"),
    ] {
        add(name, seal(&ours, &claims, secret));
    }
    for place in [0, 10, 20, 42] {
        let mut signature = parts[2].as_bytes().to_vec();
        signature[place] = if signature[place] == b'A' { b'B' } else { b'A' };
        let signature = String::from_utf8(signature).unwrap();
        add(&format!("signature changed at {place}"), format!("{}.{}.{signature}", parts[0], parts[1]));
    }
    add("half a signature", format!("{}.{}.{}", parts[0], parts[1], &parts[2][..20]));
    // The header.
    for alg in ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "hs256", ""] {
        let forged = json!({"typ": "at+jwt", "alg": alg, "kid": key.id});
        add(&format!("alg {alg}"), seal(&forged, &claims, &key.secret));
        add(&format!("alg {alg} without signature"), format!("{}.{}.", part(&forged), part(&claims)));
    }
    for (field, value) in [
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/cert")),
        ("jwk", json!({"kty": "oct", "k": "AAAA", "alg": "HS256"})),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
    ] {
        add(&format!("header with {field}"), seal(&with(&ours, field, value), &claims, &key.secret));
    }
    for kid in ["", "access-0", "access-99", "link-1", "../../dev/null", "' OR 1=1 --", "access-1\u{0}", "ACCESS-1"] {
        add(&format!("kid {kid}"), seal(&header("at+jwt", kid), &claims, &key.secret));
    }
    add("no kid", seal(&json!({"typ": "at+jwt", "alg": "HS256"}), &claims, &key.secret));
    for typ in ["JWT", "jwt", "step+jwt", "client+jwt", "aftercare-identity+jwt", "refresh", ""] {
        add(&format!("typ {typ}"), seal(&header(typ, &key.id), &claims, &key.secret));
    }
    add("no typ", seal(&json!({"alg": "HS256", "kid": key.id}), &claims, &key.secret));
    // The claims.
    let now = world.bench.core.clock.now().timestamp();
    for (field, value) in [
        ("iss", json!("somebody")),
        ("iss", json!("aftercare")),
        ("iss", json!("")),
        ("aud", json!("somebody")),
        ("aud", json!("aftercare-services")),
        ("aud", json!(["aftercare", "other"])),
        ("aud", json!("")),
        ("sub", json!("")),
        ("sub", json!("us_00000000000000000000000000")),
        ("sid", json!("")),
        ("sid", json!("se_00000000000000000000000000")),
        ("sid", json!("se_x' OR '1'='1")),
        ("exp", json!(now - 31)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!((now + 900).to_string())),
        ("exp", json!(now as f64 + 900.5)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(now + 86_400)),
        ("exp", Value::Null),
        ("nbf", json!(now + 60)),
        ("nbf", json!(now.to_string())),
        ("nbf", Value::Null),
        ("iat", json!(now + 60)),
        ("iat", json!(now - 86_400)),
        ("iat", json!(i64::MIN)),
        ("role", json!("admin")),
        ("jti", json!(7)),
    ] {
        add(&format!("{field} {value}"), seal(&ours, &with(&claims, field, value), &key.secret));
    }
    for field in ["iss", "aud", "sub", "sid", "exp", "nbf", "iat", "jti", "scope"] {
        let mut less = claims.clone();
        less.as_object_mut().unwrap().remove(field);
        add(&format!("without {field}"), seal(&ours, &less, &key.secret));
    }
    add("claims that are a list", seal(&ours, &json!([claims]), &key.secret));
    // What is good for something else.
    let actor = common::record::Actor::new("us_1", Role::Admin, "head-office").everywhere();
    let inside = world.bench.core.identity.sign(&actor, Clock::system().now()).unwrap();
    add("an identity of the inside", inside);
    let other = Header { kid: Some(key.id.clone()), typ: Some("at+jwt".to_owned()), ..Header::new(Algorithm::HS512) };
    let other = jsonwebtoken::encode(&other, &claims, &EncodingKey::from_secret(&key.secret)).unwrap();
    add("truly signed by HS512", other);
    let soon = world.bench.core.clock.now() + Duration::minutes(5);
    add("a link without a record", links::sign(&world.authority, "record", "lk_1", soon).await.unwrap());
    add("an API key that nobody has", format!("ak_0123456789ab_{}", "x".repeat(43)));
    all
}

fn with(claims: &Value, field: &str, value: Value) -> Value {
    let mut changed = claims.clone();
    changed[field] = value;
    changed
}

#[tokio::test]
async fn no_forged_stale_or_misdirected_token_gets_through() {
    let world = World::new().await;
    world.account("root", Role::Admin).await;
    let good = world.token("root").await;
    let forged = forgeries(&world, &good).await;
    assert!(forged.len() >= 60, "only {} tokens", forged.len());
    let before = world.through.load(Ordering::SeqCst);
    let mut leaks = Vec::new();
    for (name, token) in &forged {
        let Ok(value) = http::HeaderValue::try_from(format!("Bearer {token}")) else { continue };
        let answers = world.knock("authorization", value.to_str().unwrap()).await;
        if answers != (StatusCode::UNAUTHORIZED, "16".to_owned(), "16".to_owned()) {
            leaks.push(format!("{name}: {answers:?}"));
        }
    }
    assert_eq!(leaks, Vec::<String>::new());
    // What the inside believes is nobody's outside, with no credentials and beside good ones.
    for (header, value) in [
        ("x-aftercare-role", "admin"),
        ("x-aftercare-user", "us_1"),
        (
            "x-aftercare-identity",
            &*world.bench.core.identity.sign(&common::record::Actor::service("x"), Clock::system().now()).unwrap(),
        ),
        ("x-aftercare-session", "se_1"),
        ("x-api-key", &*good),
        ("authorization", "Basic YWRtaW46YWRtaW4="),
        ("cookie", &*format!("token={good}")),
    ] {
        let answers = world.knock(header, value).await;
        assert_eq!(answers, (StatusCode::UNAUTHORIZED, "16".to_owned(), "16".to_owned()), "{header}");
    }
    assert_eq!(world.through.load(Ordering::SeqCst), before, "somebody came through");
    let answers = world.knock("authorization", &format!("Bearer {good}")).await;
    assert_eq!(answers, (StatusCode::OK, "0".to_owned(), "0".to_owned()));
}

#[tokio::test]
async fn a_role_that_the_rule_does_not_name_is_refused_at_the_door() {
    let world = World::new().await;
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

#[tokio::test]
async fn a_partners_program_comes_by_key_and_by_token_and_no_longer_than_it_may() {
    let world = World::new().await;
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

#[tokio::test]
async fn a_link_that_was_changed_in_any_place_opens_nothing() {
    let world = World::new().await;
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
