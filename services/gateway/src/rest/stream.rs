//! Server streams over HTTP: server-sent events when the client asks for them, else one JSON object a line.

use std::{convert::Infallible, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Response, header, uri::PathAndQuery};
use prost_reflect::{DescriptorPool, DynamicMessage};
use tonic::Streaming;

use super::{Refusal, client, codec::DynamicCodec, reply, table::Binding, theirs};
use crate::{door::Door, passage::Passage};

/// How often a silent event stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

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

    fn item(self, json: &serde_json::Value) -> String {
        match self {
            Self::Events => format!("data: {json}\n\n"),
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

    fn heartbeat(self) -> Option<String> {
        match self {
            Self::Events => Some(": heartbeat\n\n".to_owned()),
            Self::Lines => None,
        }
    }
}

pub(super) async fn answer(
    door: &Door,
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
    let source =
        Source { messages, binding: binding.clone(), pool: door.contract.pool.clone(), form, until: passage.deadline };
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
    until: tokio::time::Instant,
}

impl Source {
    /// The next piece, and what comes after it: nothing behind a failure or the end.
    async fn next(mut self) -> (Bytes, Option<Self>) {
        loop {
            let step = tokio::time::timeout(HEARTBEAT, self.messages.message()).await;
            if tokio::time::Instant::now() >= self.until {
                return (Bytes::new(), None);
            }
            let failure = match step {
                Err(_) => match self.form.heartbeat() {
                    Some(beat) => return (beat.into(), Some(self)),
                    None => continue,
                },
                Ok(Ok(None)) => return (Bytes::new(), None),
                Ok(Ok(Some(message))) => match reply::chosen(&self.binding, &message) {
                    Ok(json) => return (self.form.item(&json).into(), Some(self)),
                    Err(_) => tonic::Status::internal(""),
                },
                Ok(Err(status)) => status,
            };
            return (self.form.failure(&reply::status_json(&self.pool, &failure)).into(), None);
        }
    }
}
