//! Streams that are open while their caller's rights go: they end. `sign_in.stream_recheck` says when at the latest.

use std::time::Duration;

use axum::body::Body;
use common::{record::Role, testing::Backend};
use http::{Request, header};
use http_body_util::BodyExt as _;
use rstest::rstest;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::World;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
const WATCH: &str = "/aftercare.gateway.v1.PushService/WatchChanges";
/// The forms in which a stream is told of.
const FORMS: [&str; 4] = ["events", "lines", "grpc", "grpc-web"];

/// An open stream.
struct Stream {
    form: &'static str,
    body: tonic::body::Body,
    heard: String,
}

impl Stream {
    async fn open(world: &World, form: &'static str, proof: &str) -> Self {
        let request = Request::builder().header(header::AUTHORIZATION, format!("Bearer {proof}"));
        let frame = || Body::from(vec![0; 5]);
        let grpc = |kind: &str| request_of(WATCH, kind);
        let request = match form {
            "events" => {
                request.uri("/v1/changes:watch").header(header::ACCEPT, "text/event-stream").body(Body::empty())
            }
            "lines" => request.uri("/v1/changes:watch").body(Body::empty()),
            "grpc" => grpc("application/grpc")
                .header(header::AUTHORIZATION, format!("Bearer {proof}"))
                .header("te", "trailers")
                .body(frame()),
            _ => grpc("application/grpc-web+proto")
                .header(header::AUTHORIZATION, format!("Bearer {proof}"))
                .body(frame()),
        };
        let response = world.routes.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), 200, "{form}");
        assert!(response.headers().get("grpc-status").is_none(), "{form}: {:?}", response.headers());
        let mut stream = Self { form, body: response.into_body(), heard: String::new() };
        // The first heartbeat: it is open.
        assert!(stream.hear().await, "{form}: it ends at once");
        stream
    }

    /// Hears one piece; false at the end.
    async fn hear(&mut self) -> bool {
        let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
        match frame.unwrap_or_else(|_| panic!("{}: nothing comes after {:?}", self.form, self.heard)) {
            None => false,
            Some(frame) => {
                let frame = frame.unwrap();
                match frame.trailers_ref() {
                    Some(trailers) => {
                        self.heard += &format!("grpc-status:{}", trailers["grpc-status"].to_str().unwrap())
                    }
                    None => self.heard += &String::from_utf8_lossy(frame.data_ref().unwrap()),
                }
                true
            }
        }
    }

    /// How it ends, as a code of gRPC.
    async fn end(mut self) -> i64 {
        // Heartbeats come all the while: the whole of it has its time, not each piece.
        let whole = async { while self.hear().await {} };
        let ended = tokio::time::timeout(PATIENCE, whole).await.is_ok();
        assert!(ended, "{}: it goes on after {:?}", self.form, self.heard);
        let heard = &self.heard;
        let after = |mark: &str| heard.split(mark).nth(1).map(str::to_owned);
        let json = match self.form {
            "events" => after("event: error\ndata: ").or_else(|| after("event: resume\nretry: 1000\ndata: ")),
            "lines" => after("{\"error\":").map(|rest| rest.trim_end().trim_end_matches('}').to_owned() + "}"),
            _ => {
                let code = after("grpc-status:").unwrap_or_else(|| panic!("{heard:?}"));
                return code.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
            }
        };
        let json = json.unwrap_or_else(|| panic!("{}: {heard:?}", self.form));
        let mut values = serde_json::Deserializer::from_str(&json).into_iter::<Value>();
        values.next().unwrap().unwrap_or_else(|error| panic!("{error}: {json}"))["code"].as_i64().unwrap()
    }

    /// Whether it is still open.
    async fn open_still(&mut self) -> bool {
        match tokio::time::timeout(Duration::from_millis(10), self.body.frame()).await {
            Err(_) => true,
            Ok(frame) => frame.is_some_and(|frame| frame.unwrap().is_data()),
        }
    }
}

fn request_of(path: &str, kind: &str) -> http::request::Builder {
    Request::builder().method("POST").uri(path).header(header::CONTENT_TYPE, kind)
}

/// What happens to somebody, and the code that their streams end with.
const FATES: [(&str, i64); 8] = [
    ("disabled", 16),
    ("session revoked", 16),
    ("signed out", 16),
    ("another role", 14),
    ("another unit", 14),
    ("password reset", 16),
    ("client disabled", 16),
    ("link revoked", 16),
];

/// Somebody's proof, and what brings their fate about.
async fn somebody(world: &World, fate: &str, root: &str) -> (String, (String, String, Value, String)) {
    let name = fate.replace(' ', "-");
    let post = |path: String, body: Value, by: &str| ("POST".to_owned(), path, body, by.to_owned());
    if fate == "client disabled" {
        let (id, secret) = world.admin().client("ERP", "haier", "head-office").await.unwrap();
        return (secret, post(format!("/v1/clients/{id}:disable"), json!({"reason": "over"}), root));
    }
    if fate == "link revoked" {
        let (id, token) = super::forged::link(world, chrono::Duration::days(1)).await;
        return (token, post(format!("/v1/links/{id}:revoke"), json!({}), root));
    }
    let id = world.account(&name, Role::Agent).await;
    let call = world.bench.call(Role::CustomerLink);
    let session = world.authority.sign_in(&call, &name, super::PASSWORD).await.unwrap();
    let token = session.access_token;
    let patch = |body: Value| ("PATCH".to_owned(), format!("/v1/accounts/{id}"), body, root.to_owned());
    let step = match fate {
        "disabled" => post(format!("/v1/accounts/{id}:disable"), json!({"reason": "left"}), root),
        "session revoked" => post(format!("/v1/sessions/{}:revoke", session.session_id), json!({}), root),
        "signed out" => post("/v1/sessions:sign-out".to_owned(), json!({}), &token),
        "another role" => patch(json!({"etag": "1", "updateMask": "role", "role": "ROLE_WAREHOUSE"})),
        "another unit" => patch(json!({"etag": "1", "updateMask": "orgUnitId", "orgUnitId": "office-east"})),
        _ => post(format!("/v1/accounts/{id}:reset-password"), json!({}), root),
    };
    (token, step)
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_stream_ends_when_its_callers_rights_do(#[case] backend: Backend) {
    let world = World::with(backend, "stream_recheck = \"50ms\"\n").await;
    world.account("root", Role::Admin).await;
    let root = world.token("root").await;
    world.account("quiet", Role::Agent).await;
    let quiet = world.token("quiet").await;
    let mut others = Vec::new();
    for form in FORMS {
        others.push(Stream::open(&world, form, &quiet).await);
    }
    for (fate, code) in FATES {
        let (proof, (method, path, body, by)) = somebody(&world, fate, &root).await;
        let mut streams = Vec::new();
        for form in FORMS {
            streams.push(Stream::open(&world, form, &proof).await);
        }
        let (status, answer) = world.rest(&method, &path, Some(&body), &by).await;
        assert_eq!(status, 200, "{fate}: {answer}");
        for stream in streams {
            let form = stream.form;
            assert_eq!(stream.end().await, code, "{fate} over {form}");
        }
    }
    for stream in &mut others {
        assert!(stream.open_still().await, "{}: nothing happened to this one", stream.form);
    }
    // A token runs out while a stream is open, and the stream goes on: the session does.
    world.bench.core.clock.advance(chrono::Duration::minutes(30));
    assert_eq!(world.get("/v1/me", &quiet).await.0, 401, "the token is over");
    tokio::time::sleep(Duration::from_millis(500)).await;
    for stream in &mut others {
        assert!(stream.open_still().await, "{}: the session goes on", stream.form);
    }
    // Until it does not.
    world.bench.core.clock.advance(chrono::Duration::days(8));
    for stream in others {
        assert_eq!(stream.end().await, 16);
    }
}
