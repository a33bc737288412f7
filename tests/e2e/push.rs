//! Changes are pushed through the real port: server-sent events, lines of JSON and gRPC, in one's own scope, resumable, and
//! every stream says at the end from where to go on.

use std::time::Duration;

use bytes::Bytes;
use harness::{Faults, Platform, Shape, Surface, steps, world::World};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use proto::aftercare::{
    gateway::v1::{WatchChangesRequest, WatchChangesResponse, WatchSignal, push_service_client::PushServiceClient},
    intake::v1::ServiceRequest,
};
use serde_json::Value;
use tonic::Streaming;

/// How long what must come may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One server-sent event, or one comment with its id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Option<Value>,
}

/// A stream over HTTP.
pub(crate) struct Http {
    pub(crate) status: StatusCode,
    body: Incoming,
    rest: String,
}

impl Http {
    async fn open(platform: &Platform, role: &str, accept: &str, query: &str, last: &str) -> Self {
        let address = platform.door().address();
        Self::open_at(address, &headers(platform, role), accept, query, last).await.expect("the stream opens")
    }

    /// As a client does that knows where it goes, and as whom.
    pub(crate) async fn open_at(
        address: &str,
        headers: &HeaderMap,
        accept: &str,
        query: &str,
        last: &str,
    ) -> anyhow::Result<Self> {
        let client = Client::builder(TokioExecutor::new()).timer(TokioTimer::new()).build_http::<Empty<Bytes>>();
        let mut request = Request::get(format!("{address}/v1/changes:watch{query}")).header(header::ACCEPT, accept);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if !last.is_empty() {
            request = request.header("last-event-id", last);
        }
        let response = client.request(request.body(Empty::new())?).await?;
        Ok(Self { status: response.status(), body: response.into_body(), rest: String::new() })
    }

    /// Everything up to the next `end`; `None` at the end of the stream.
    async fn until(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some((piece, rest)) = self.rest.split_once(end) {
                let (piece, rest) = (piece.to_owned(), rest.to_owned());
                self.rest = rest;
                return Some(piece);
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("the stream goes on");
            let data = frame?.unwrap().into_data().unwrap();
            self.rest.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    pub(crate) async fn event(&mut self) -> Option<Event> {
        let text = self.until("\n\n").await?;
        let mut event = Event::default();
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("id", id)) => event.id = id.to_owned(),
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("data", data)) => event.data = Some(serde_json::from_str(data).unwrap()),
                Some(("", comment)) => event.name = format!("({comment})"),
                other => panic!("{other:?} in {text}"),
            }
        }
        Some(event)
    }

    /// The next change of this record.
    async fn change(&mut self, record: &str) -> Event {
        loop {
            let event = self.event().await.expect("the stream goes on");
            if event.data.as_ref().is_some_and(|data| data["change"]["recordId"] == record) {
                return event;
            }
        }
    }
}

fn headers(platform: &Platform, role: &str) -> HeaderMap {
    platform.person(role, &format!("{role}_1")).headers()
}

async fn grpc(platform: &Platform, role: &str, cursor: &str) -> Streaming<WatchChangesResponse> {
    grpc_at(platform.door().address(), headers(platform, role), cursor).await.expect("the stream opens")
}

/// As a client does that knows where it goes, and as whom.
pub(crate) async fn grpc_at(
    address: &str,
    headers: HeaderMap,
    cursor: &str,
) -> anyhow::Result<Streaming<WatchChangesResponse>> {
    let channel = common::run::channel(address)?;
    let mut request = tonic::Request::new(WatchChangesRequest { cursor: cursor.to_owned(), ..Default::default() });
    *request.metadata_mut() = tonic::metadata::MetadataMap::from_headers(headers);
    Ok(PushServiceClient::new(channel).watch_changes(request).await?.into_inner())
}

async fn next_grpc(stream: &mut Streaming<WatchChangesResponse>, record: &str) -> WatchChangesResponse {
    loop {
        let message = tokio::time::timeout(PATIENCE, stream.message()).await.expect("it goes on").unwrap().unwrap();
        if message.change.as_ref().is_some_and(|change| change.record_id == record) {
            return message;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_pushed_over_every_surface() {
    let own = [("gateway", "push = { heartbeat = \"200ms\", poll = \"20ms\" }")];
    let platform = Platform::start_with(Shape::OneProcess, Surface::Rest, Faults::None, &own).await;
    World::make(&platform).await;
    let mut events = Http::open(&platform, "admin", "text/event-stream", "", "").await;
    assert_eq!(events.status, StatusCode::OK);
    let hello = events.event().await.unwrap();
    assert_eq!(hello.name, "(heartbeat)", "a cursor comes before anything happens");
    let mut lines = Http::open(&platform, "admin", "application/x-ndjson", "?kinds=service_request", "").await;
    let mut messages = grpc(&platform, "admin", "").await;
    let mut strangers = Http::open(&platform, "technician", "text/event-stream", "", "").await;
    let first = strangers.event().await.unwrap();

    let agent = platform.person("agent", "us_wang");
    let household = steps::household(&agent, 60).await;
    let request: ServiceRequest = agent.call(steps::repair(&household, &[])).await;
    let id = &request.service_request_id;
    let seen = events.change(id).await;
    let change = &seen.data.as_ref().unwrap()["change"];
    assert_eq!((&change["fact"], &change["recordVersion"]), (&"created".into(), &"1".into()));
    assert_eq!(change["customerId"], household.customer_id);
    assert!(!change.to_string().contains("+86"), "nothing of a person: {change}");
    let told = next_grpc(&mut messages, id).await;
    assert_eq!(told.change.as_ref().unwrap().fact, "created");
    assert_eq!(told.cursor, seen.id, "one order and one cursor for all surfaces");
    loop {
        let line: Value = serde_json::from_str(&lines.until("\n").await.unwrap()).unwrap();
        if line["signal"] == "WATCH_SIGNAL_UNSPECIFIED" {
            assert_eq!(line["change"]["recordId"], *id);
            break;
        }
    }

    // Whoever comes back goes on behind the last event, on this surface or on another.
    let released = steps::triage_and_release(&agent, &request).await;
    let versions = usize::try_from(released.etag.parse::<i64>().unwrap()).unwrap();
    drop(events);
    let mut resumed = Http::open(&platform, "admin", "text/event-stream", "", &seen.id).await;
    let mut by_grpc = grpc(&platform, "admin", &seen.id).await;
    for version in 2..=versions {
        let event = resumed.change(id).await;
        assert_eq!(event.data.unwrap()["change"]["recordVersion"], version.to_string());
        assert_eq!(next_grpc(&mut by_grpc, id).await.change.unwrap().record_version, i64::try_from(version).unwrap());
    }

    // A technician without a part in it hears heartbeats only, and they move on.
    loop {
        let event = strangers.event().await.unwrap();
        assert_eq!(event.name, "(heartbeat)", "{event:?}");
        if event.id != first.id {
            break;
        }
    }
    let refused = Http::open(&platform, "admin", "text/event-stream", "", "made-up").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);

    // The process ends: every stream says from where to go on.
    let (farewell, last, ()) = tokio::join!(
        async {
            loop {
                match resumed.event().await {
                    Some(event) if event.name == "resume" => return event,
                    Some(_) => {}
                    None => panic!("the stream broke off"),
                }
            }
        },
        async {
            loop {
                let message = by_grpc.message().await.unwrap().expect("the stream says how it ends");
                if message.signal() == WatchSignal::Resume {
                    return message;
                }
            }
        },
        platform.stop(),
    );
    assert!(!farewell.id.is_empty() && !last.cursor.is_empty());
}
