//! gRPC, and gRPC-Web once it is unwrapped: forwarded by the service's name without decoding, streams included. A request
//! is read whole before it gets a place in work, so that nobody holds one by sending slowly.

use std::sync::Arc;

use bytes::Bytes;
use common::{Error, catalog::Language, error::reason};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use prost_reflect::DynamicMessage;
use tonic::{Code, Status, body::Body};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::{
    contract::Rpc,
    door::Door,
    error::{BODY_TOO_LARGE, BODY_TOO_SLOW, UNKNOWN_PATH},
    passage::{Passage, REQUEST_ID},
    protection::{
        classes::Class,
        is_urgent,
        streams::{Lasting, Life, farewell},
    },
    upstream::answered,
};

/// Bytes of a gRPC message's frame header.
const FRAME: usize = 5;

/// Serves one gRPC call.
pub(crate) async fn serve(door: Arc<Door>, request: Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    let rpc = door.contract.exposed(path).cloned();
    let streams = rpc.as_ref().is_some_and(|rpc| rpc.method.is_server_streaming() || rpc.method.is_client_streaming());
    let known = rpc.is_some() || door.upstreams.beside_contract(path);
    let streams = streams || rpc.is_none();
    let passage = Passage::open(&door, request.headers(), streams)
        .admitted(&door, rpc.as_ref(), request.headers(), request.extensions())
        .await;
    let answer = if known {
        let span = passage.span(request.uri().path());
        forward(&door, &passage, rpc.as_ref(), request).instrument(span).await
    } else {
        let error = Error::new(UNKNOWN_PATH).with("path", request.uri().path());
        Err(with_code(Code::Unimplemented, &door.refuse(passage.language, error)))
    };
    let mut response = answer.unwrap_or_else(into_response);
    response.headers_mut().insert(REQUEST_ID, passage.request_id);
    response
}

fn into_response(status: Status) -> Response<Body> {
    let mut response = status.into_http();
    *response.status_mut() = StatusCode::OK;
    response
}

async fn forward(
    door: &Arc<Door>,
    passage: &Passage,
    rpc: Option<&Rpc>,
    mut request: Request<Body>,
) -> Result<Response<Body>, Status> {
    let refuse = |error| door.refuse(passage.language, error);
    let plan = rpc.and_then(|rpc| door.plans.of(&rpc.path));
    let limits = &door.protection.limits;
    let address = limits.address(request.headers(), request.extensions());
    let class = plan.map_or(Class::Read, |plan| plan.class);
    limits.call(passage.actor(), passage.program(), address, class).await.map_err(refuse)?;
    passage.let_in().map_err(refuse)?;
    let (mut place, mut whole) = (None, None);
    if let (Some(rpc), Some(plan)) = (rpc, plan) {
        let mut urgent = false;
        if !rpc.method.is_client_streaming() {
            let (head, body) = request.into_parts();
            let frame = read(door, passage, body).await?;
            urgent = is_urgent(plan, &frame);
            whole = Some(frame.clone());
            request = Request::from_parts(head, Body::new(Full::new(frame)));
        }
        place = Some(door.protection.enter(passage, plan, urgent).await.map_err(refuse)?);
    }
    // What is sent away for want of room costs as little as can be: it is signed and taken apart only afterwards.
    passage.seal(door, request.headers_mut()).map_err(refuse)?;
    let watched = door.audit.as_ref().zip(rpc).zip(whole).and_then(|((audit, rpc), frame)| {
        // A message that is packed or broken is the service's to read; the trail then lacks its subject.
        let packed = frame.first() != Some(&0);
        let bytes = frame.get(FRAME..).filter(|_| !packed).unwrap_or_default();
        let message = DynamicMessage::decode(rpc.method.input(), bytes);
        let message = message.unwrap_or_else(|_| DynamicMessage::new(rpc.method.input()));
        audit.watch(rpc, passage.actor(), address, request.headers(), &message)
    });
    let call = door.upstreams.clone().oneshot(request);
    match tokio::time::timeout(passage.remaining(), call).await {
        Ok(Ok(response)) => {
            if let Some(watched) = watched {
                // A refusal of a single answer stands in the headers: there is nothing before it.
                watched.ended(Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code()));
            }
            if let Some(place) = place.as_mut().filter(|_| answered(response.headers())) {
                place.answered();
            }
            if plan.is_some_and(|plan| !plan.streams) {
                return Ok(response);
            }
            let life = Life::new(passage.deadline, door.stopping.clone(), rpc.and_then(|rpc| passage.watch(door, rpc)));
            let farewell = refuse(farewell());
            Ok(response.map(|body| Body::new(Lasting::new(body, life, farewell))))
        }
        Ok(Err(status)) => Err(door.unanswered(passage.language, status)),
        Err(_) => Err(refuse(Error::new(reason::DEADLINE_EXCEEDED))),
    }
}

/// The same refusal under the code that gRPC has for it.
fn with_code(code: Code, status: &Status) -> Status {
    Status::with_details(code, status.message(), Bytes::copy_from_slice(status.details()))
}

/// The whole request, one frame.
async fn read(door: &Arc<Door>, passage: &Passage, body: Body) -> Result<Bytes, Status> {
    let limit = passage.remaining().min(door.config.body_timeout);
    let collected = limited(body, door.clone(), passage.language).collect();
    match tokio::time::timeout(limit, collected).await {
        Ok(body) => Ok(body?.to_bytes()),
        Err(_) => Err(door.refuse(passage.language, Error::new(BODY_TOO_SLOW))),
    }
}

/// A body that ends with `RESOURCE_EXHAUSTED` when it is longer than one message may be.
fn limited(body: Body, door: Arc<Door>, language: Language) -> Body {
    let limit = door.config.body_limit;
    Body::new(Limited::new(body, limit + FRAME).map_err(move |error| {
        if error.is::<LengthLimitError>() {
            let error = Error::new(BODY_TOO_LARGE).with("limit", limit);
            with_code(Code::ResourceExhausted, &door.refuse(language, error))
        } else {
            Status::from_error(error)
        }
    }))
}

/// Whether the content type says gRPC, or gRPC-Web.
pub(crate) fn kind(content_type: &str) -> Option<Kind> {
    let rest = content_type.strip_prefix("application/grpc")?;
    if rest.starts_with("-web") {
        return Some(Kind::Web);
    }
    (rest.is_empty() || rest.starts_with(['+', ';'])).then_some(Kind::Native)
}

/// The two forms of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Over HTTP/2 with trailers.
    Native,
    /// From a browser, trailers in the body.
    Web,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_told_apart() {
        for (text, expected) in [
            ("application/grpc", Some(Kind::Native)),
            ("application/grpc+proto", Some(Kind::Native)),
            ("application/grpc-web+proto", Some(Kind::Web)),
            ("application/grpc-web-text", Some(Kind::Web)),
            ("application/grpcx", None),
            ("application/json", None),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }
}
