//! Server streams over HTTP: server-sent events when the client asks for them, else one JSON object a line.

use std::{convert::Infallible, fmt::Write as _, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Response, header, uri::PathAndQuery};
use prost_reflect::{DescriptorPool, DynamicMessage};
use proto::aftercare::gateway::v1::WatchSignal;
use tonic::{Code, Status, Streaming};

use super::{Refusal, client, codec::DynamicCodec, reply, table::Binding, theirs};
use crate::{
    door::Door,
    passage::Passage,
    protection::streams::{Life, farewell},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Events,
    Lines,
}

impl Form {
    fn of(headers: &HeaderMap) -> Self {
        let accepts_events = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.contains("text/event-stream"));
        if accepts_events { Self::Events } else { Self::Lines }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Events => "text/event-stream",
            Self::Lines => "application/x-ndjson",
        })
    }

    fn item(self, message: &DynamicMessage, json: &serde_json::Value) -> String {
        match self {
            Self::Events => event(message, json),
            Self::Lines => format!("{json}\n"),
        }
    }

    /// A stream's status line is long gone when it fails: the failure is its last element.
    fn failure(self, json: &serde_json::Value) -> String {
        match self {
            Self::Events => format!("event: error\ndata: {json}\n\n"),
            Self::Lines => format!("{}\n", serde_json::json!({ "error": json })),
        }
    }

    /// The last element of a stream that ends for our sake: where events are, a client comes back by itself.
    fn farewell(self, json: &serde_json::Value) -> String {
        match self {
            Self::Events => format!("event: resume\nretry: 1000\ndata: {json}\n\n"),
            Self::Lines => self.failure(json),
        }
    }

    fn heartbeat(self) -> Option<String> {
        match self {
            Self::Events => Some(": heartbeat\n\n".to_owned()),
            Self::Lines => None,
        }
    }
}

/// One server-sent event. A message that has a `cursor` gets it as its id, which the client sends back as `Last-Event-ID`.
/// One that has a `signal` is no data: a heartbeat is a comment that only moves the id on, the others are named events.
fn event(message: &DynamicMessage, json: &serde_json::Value) -> String {
    let mut text = String::new();
    let signal = message.get_field_by_name("signal").and_then(|value| value.as_enum_number()).unwrap_or_default();
    let name = match WatchSignal::try_from(signal) {
        Ok(WatchSignal::Unspecified) | Err(_) => None,
        Ok(WatchSignal::Heartbeat) => Some("heartbeat"),
        Ok(WatchSignal::Resync) => Some("resync"),
        Ok(WatchSignal::Resume) => Some("resume"),
    };
    if name == Some("heartbeat") {
        text.push_str(": heartbeat\n");
    }
    if let Some(cursor) = message.get_field_by_name("cursor").as_ref().and_then(|value| value.as_str()) {
        let _ = writeln!(text, "id: {cursor}");
    }
    match name {
        Some("heartbeat") => text.push('\n'),
        Some(name) => {
            let _ = write!(text, "event: {name}\ndata: {json}\n\n");
        }
        None => {
            let _ = write!(text, "data: {json}\n\n");
        }
    }
    text
}

pub(super) async fn answer(
    door: &Arc<Door>,
    passage: &Passage,
    binding: &Binding,
    headers: &HeaderMap,
    request: tonic::Request<DynamicMessage>,
    path: PathAndQuery,
) -> Result<Response<Body>, Refusal> {
    let form = Form::of(headers);
    let codec = DynamicCodec(binding.rpc.method.output());
    let messages = client(door)
        .server_streaming(request, path, codec)
        .await
        .map_err(|status| theirs(door, passage, status))?
        .into_inner();
    let source = Source {
        messages,
        binding: binding.clone(),
        pool: door.contract.pool.clone(),
        form,
        heartbeat: door.config.heartbeat,
        life: Life::new(passage.deadline, door.stopping.clone(), passage.watch(door, &binding.rpc)),
        farewell: door.refuse(passage.language, farewell()),
    };
    let pieces = stream::unfold(Some(source), |source| async move {
        let source = source?;
        Some(source.next().await)
    });
    let mut response = Response::new(Body::from_stream(pieces.map(Ok::<Bytes, Infallible>)));
    response.headers_mut().insert(header::CONTENT_TYPE, form.content_type());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

struct Source {
    messages: Streaming<DynamicMessage>,
    binding: Binding,
    pool: DescriptorPool,
    form: Form,
    heartbeat: Duration,
    life: Life,
    farewell: Status,
}

impl Source {
    /// The next piece, and what comes after it: nothing behind a failure or the end.
    async fn next(mut self) -> (Bytes, Option<Self>) {
        loop {
            let step = tokio::select! {
                step = tokio::time::timeout(self.heartbeat, self.messages.message()) => step,
                told = self.life.over() => {
                    let told = told.unwrap_or(self.farewell);
                    let json = reply::status_json(&self.pool, &told);
                    // Whoever may not go on has nothing to come back for.
                    let last = match told.code() {
                        Code::Unavailable => self.form.farewell(&json),
                        _ => self.form.failure(&json),
                    };
                    return (last.into(), None);
                }
            };
            let failure = match step {
                Err(_) => match self.form.heartbeat() {
                    Some(beat) => return (beat.into(), Some(self)),
                    None => continue,
                },
                Ok(Ok(None)) => return (Bytes::new(), None),
                Ok(Ok(Some(message))) => match reply::chosen(&self.binding, &message) {
                    Ok(json) => return (self.form.item(&message, &json).into(), Some(self)),
                    Err(_) => Status::internal(""),
                },
                Ok(Err(status)) => status,
            };
            return (self.form.failure(&reply::status_json(&self.pool, &failure)).into(), None);
        }
    }
}
