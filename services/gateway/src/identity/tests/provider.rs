//! A provider of identities of our own, on a port of its own, that does as it is told: honest at first, and as false as a test
//! wants it. And a browser, which follows addresses and keeps cookies.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use common::{clock::Clock, testing::start};
use http::{HeaderMap, Request, StatusCode, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use url::Url;

use super::World;
use crate::identity::{oidc::challenge, secrets};

/// What we are called at the provider, and what we prove ourselves by there.
pub(super) const CLIENT: (&str, &str) = ("aftercare", "a secret: of & the tests%");
/// Where the gateway is, as far as browsers know.
pub(super) const PUBLIC: &str = "https://gateway.test";
/// The page that is signed in to.
pub(super) const PAGE: &str = "https://console.test/signed-in";

/// A key pair of Ed25519.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) kid: String,
    pub(super) private: EncodingKey,
    /// The public half, as the provider publishes it.
    pub(super) public: Value,
    /// Its bytes, for those who take them for a shared secret.
    pub(super) bytes: Vec<u8>,
}

impl Pair {
    pub(super) fn new(kid: &str) -> Self {
        // PKCS #8 of an Ed25519 key is this and the key.
        let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
        der.extend(secrets::bytes::<32>());
        let private = EncodingKey::from_ed_der(&der);
        let mut public = serde_json::to_value(Jwk::from_encoding_key(&private, Algorithm::EdDSA).unwrap()).unwrap();
        public["kid"] = json!(kid);
        public["use"] = json!("sig");
        let bytes = URL_SAFE_NO_PAD.decode(public["x"].as_str().unwrap()).unwrap();
        Self { kid: kid.to_owned(), private, public, bytes }
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }

    /// Signs whatever header this is.
    pub(super) fn seal(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", super::part(header), super::part(claims));
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &self.private, Algorithm::EdDSA).unwrap();
        format!("{text}.{signature}")
    }
}

/// What the provider answers at its token endpoint, out of the honest claims and its present key.
pub(super) type Answer = Box<dyn Fn(&Value, &Pair) -> Response + Send>;

/// An answer with this token.
pub(super) fn token(of: impl Fn(&Value, &Pair) -> String + Send + 'static) -> Answer {
    Box::new(move |claims, pair| {
        axum::Json(json!({"access_token": "at", "token_type": "Bearer", "id_token": of(claims, pair)})).into_response()
    })
}

struct Grant {
    nonce: String,
    challenge: String,
    claims: Value,
}

struct Shared {
    address: String,
    clock: Mutex<Clock>,
    pairs: Mutex<Vec<Pair>>,
    grants: Mutex<HashMap<String, Grant>>,
    answer: Mutex<Answer>,
    about: Mutex<Value>,
    keys_asked: AtomicUsize,
    exchanges: AtomicUsize,
}

/// The provider.
#[derive(Clone)]
pub(super) struct Provider(Arc<Shared>);

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let about = json!({
            "issuer": address,
            "authorization_endpoint": format!("{address}/authorize?tenant=1"),
            "token_endpoint": format!("{address}/token"),
            "jwks_uri": format!("{address}/keys"),
            "response_types_supported": ["code"],
        });
        let shared = Arc::new(Shared {
            address,
            clock: Mutex::new(Clock::fixed(start())),
            pairs: Mutex::new(vec![Pair::new("first")]),
            grants: Mutex::default(),
            answer: Mutex::new(token(|claims, pair| pair.sign(claims))),
            about: Mutex::new(about),
            keys_asked: AtomicUsize::new(0),
            exchanges: AtomicUsize::new(0),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(about_itself))
            .route("/keys", get(keys))
            .route("/token", post(exchange))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self(shared)
    }

    pub(super) fn issuer(&self) -> String {
        self.0.address.clone()
    }

    /// Settings that name this provider `corp`; `more` is of the provider's section.
    pub(super) fn settings(&self, more: &str) -> String {
        format!(
            "public_url = \"{PUBLIC}\"\npages = [\"{PAGE}\", \"app.test:/signed-in\"]\n{}",
            self.section("corp", more)
        )
    }

    pub(super) fn section(&self, name: &str, more: &str) -> String {
        let (id, secret) = CLIENT;
        let issuer = &self.0.address;
        format!(
            "[sign_in.providers.{name}]\nissuer = \"{issuer}\"\nclient_id = \"{id}\"\nclient_secret = \"{secret}\"\n{more}\n"
        )
    }

    /// Its clock is the world's.
    pub(super) fn follow(&self, clock: &Clock) {
        *self.0.clock.lock().unwrap() = clock.clone();
    }

    pub(super) fn answers(&self, answer: Answer) {
        *self.0.answer.lock().unwrap() = answer;
    }

    pub(super) fn honest(&self) {
        self.answers(token(|claims, pair| pair.sign(claims)));
    }

    pub(super) fn tells_of_itself(&self, field: &str, value: Value) {
        self.0.about.lock().unwrap()[field] = value;
    }

    /// Signs with these from now on, the first of them, and publishes all.
    pub(super) fn keys(&self, pairs: Vec<Pair>) {
        *self.0.pairs.lock().unwrap() = pairs;
    }

    pub(super) fn keys_asked(&self) -> usize {
        self.0.keys_asked.load(Ordering::SeqCst)
    }

    pub(super) fn exchanges(&self) -> usize {
        self.0.exchanges.load(Ordering::SeqCst)
    }

    /// Somebody logs in there who came by this address; gives the query that the browser goes back with.
    pub(super) fn log_in(&self, address: &str, claims: Value) -> String {
        let address = Url::parse(address).unwrap();
        let asked: HashMap<String, String> = address.query_pairs().into_owned().collect();
        assert_eq!(address.path(), "/authorize", "{address}");
        for (name, value) in [
            ("tenant", "1"),
            ("response_type", "code"),
            ("client_id", CLIENT.0),
            ("scope", "openid profile"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(asked[name], value, "{address}");
        }
        assert!(asked["redirect_uri"].starts_with(&format!("{PUBLIC}/v1/sign-in/oidc/")), "{address}");
        let code = secrets::text();
        let (nonce, challenge) = (asked["nonce"].clone(), asked["code_challenge"].clone());
        self.0.grants.lock().unwrap().insert(code.clone(), Grant { nonce, challenge, claims });
        format!("code={code}&state={}", asked["state"])
    }
}

async fn about_itself(State(shared): State<Arc<Shared>>) -> Response {
    let about = shared.about.lock().unwrap().clone();
    match about["status"].as_u64() {
        Some(status) => StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap().into_response(),
        None => axum::Json(about).into_response(),
    }
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    shared.keys_asked.fetch_add(1, Ordering::SeqCst);
    let published: Vec<Value> = shared.pairs.lock().unwrap().iter().map(|pair| pair.public.clone()).collect();
    axum::Json(json!({"keys": published})).into_response()
}

/// As strict as a provider should be: client, code, way back and verifier must all be right.
async fn exchange(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    shared.exchanges.fetch_add(1, Ordering::SeqCst);
    let wrong = |error: &str| (StatusCode::BAD_REQUEST, axum::Json(json!({"error": error}))).into_response();
    let form: HashMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let quoted = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let both = format!("{}:{}", quoted(CLIENT.0), quoted(CLIENT.1));
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both));
    if headers.get(header::AUTHORIZATION).is_none_or(|given| given != basic.as_str()) {
        return wrong("invalid_client");
    }
    let Some(grant) = shared.grants.lock().unwrap().remove(&form["code"]) else { return wrong("invalid_grant") };
    if challenge(&form["code_verifier"]) != grant.challenge
        || form["grant_type"] != "authorization_code"
        || !form["redirect_uri"].ends_with("/callback")
    {
        return wrong("invalid_grant");
    }
    let now: DateTime<Utc> = shared.clock.lock().unwrap().now();
    let mut claims = json!({
        "iss": shared.address, "aud": CLIENT.0, "nonce": grant.nonce,
        "iat": now.timestamp(), "exp": now.timestamp() + 300,
    });
    for (name, value) in grant.claims.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let pair = shared.pairs.lock().unwrap()[0].clone();
    shared.answer.lock().unwrap()(&claims, &pair)
}

/// A browser at the door, and the page in it.
#[derive(Default)]
pub(super) struct Browser {
    pub(super) cookies: Vec<(String, String)>,
    /// What the page keeps.
    pub(super) verifier: String,
    /// Every address that it was sent to.
    pub(super) history: Vec<String>,
}

impl Browser {
    pub(super) fn new() -> Self {
        Self { verifier: secrets::text(), ..Self::default() }
    }

    /// Opens an address of the gateway; gives the status and where it is sent.
    pub(super) async fn open(&mut self, world: &World, path: &str) -> (StatusCode, String) {
        let mut request = Request::builder().uri(path).header(header::HOST, "gateway.test");
        if !self.cookies.is_empty() {
            let mut all = String::new();
            for (name, value) in &self.cookies {
                write!(all, "{name}={value}; ").unwrap();
            }
            request = request.header(header::COOKIE, all);
        }
        let (status, headers, body) = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        for cookie in headers.get_all(header::SET_COOKIE) {
            let mut parts = cookie.to_str().unwrap().split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            assert!(name.starts_with("__Host-aftercare-sign-in-"), "{name}");
            let attributes: Vec<&str> = parts.collect();
            assert_eq!(attributes[1..], ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"], "{attributes:?}");
            self.cookies.retain(|(known, _)| known != name);
            if attributes[0] != "Max-Age=0" {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let to = headers.get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
        let to = to.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
        self.history.push(to.clone());
        (status, to)
    }

    /// Begins at a provider; gives its address.
    pub(super) async fn depart(&mut self, world: &World, provider: &str) -> String {
        let path = format!("/v1/sign-in/oidc/{provider}?challenge={}", challenge(&self.verifier));
        let (status, to) = self.open(world, &path).await;
        assert_eq!(status, StatusCode::FOUND, "{to}");
        to
    }

    /// Comes back from a provider; gives what the page is told: `code=…` or `error=…`.
    pub(super) async fn arrive(&mut self, world: &World, provider: &str, query: &str) -> String {
        let path = format!("/v1/sign-in/oidc/{provider}/callback?{query}");
        let (status, to) = self.open(world, &path).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{to}");
        let told = to.strip_prefix(&format!("{PAGE}#"));
        told.unwrap_or_else(|| panic!("sent to {to}")).to_owned()
    }

    /// All of it: to the provider, in there as this person, back, and the session fetched.
    pub(super) async fn sign_in(&mut self, world: &World, provider: &Provider, claims: Value) -> (StatusCode, Value) {
        let address = self.depart(world, "corp").await;
        let query = provider.log_in(&address, claims);
        let told = self.arrive(world, "corp", &query).await;
        match told.strip_prefix("code=") {
            Some(code) => self.fetch(world, code).await,
            None => (StatusCode::UNAUTHORIZED, json!({"told": told})),
        }
    }

    /// The page fetches its session.
    pub(super) async fn fetch(&self, world: &World, code: &str) -> (StatusCode, Value) {
        world.post("/v1/sign-in:oidc", &json!({"code": code, "verifier": self.verifier})).await
    }
}

/// The reason of a refusal.
pub(super) fn reason(refusal: &Value) -> &str {
    let details = refusal["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    details.iter().find_map(|detail| detail["reason"].as_str()).unwrap_or_default()
}
