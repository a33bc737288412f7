//! REST/JSON for every RPC that has a mapping: match, bind, call, answer.

pub(crate) mod bind;
pub(crate) mod codec;
pub(crate) mod reply;
mod sheet;
mod stream;
pub(crate) mod table;
pub(crate) mod template;
#[cfg(test)]
mod tests;

use std::{error::Error as _, str::FromStr as _, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use common::{Error, error::reason};
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts, uri::PathAndQuery};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use prost_reflect::DynamicMessage;
use tonic::{Code, Status, metadata::MetadataMap};
use tracing::Instrument as _;

pub(crate) use self::reply::http_status;
use self::{
    codec::DynamicCodec,
    table::{Binding, Found},
};
use crate::{
    door::Door,
    error::{BODY_TOO_LARGE, BODY_TOO_SLOW, METHOD_NOT_ALLOWED, UNKNOWN_PATH, UNSUPPORTED_MEDIA_TYPE},
    passage::{Passage, REQUEST_ID},
    protection::classes::{Class, Plan},
    upstream::LARGEST_ANSWER,
};

/// Bytes of a refused body that are read before it is refused.
const LONGEST_REFUSED: usize = 16 * 1024 * 1024;
/// How long that may take.
const LONGEST_HEARING: Duration = Duration::from_secs(2);

/// Why a call has no answer, before it is put into words.
enum Refusal {
    /// The gateway's own refusal, with the HTTP status where the code's would be too vague.
    Own(Error, Option<StatusCode>),
    /// The service's.
    Theirs(Status),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Own(error, None)
    }
}

/// Serves one REST call.
pub(crate) async fn serve(door: Arc<Door>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    // A HEAD is a GET whose body the server does not send.
    let method = if parts.method == http::Method::HEAD { &http::Method::GET } else { &parts.method };
    let path = parts.uri.path();
    let found = door.table.find(method, path);
    let streams = match &found {
        Found::Binding(binding, _) => {
            let query = parts.uri.query().unwrap_or_default();
            binding.rpc.method.is_server_streaming() || sheet::is_wanted(binding, query, &parts.headers)
        }
        Found::Methods(_) | Found::Nothing => false,
    };
    let rpc = match &found {
        Found::Binding(binding, _) => Some(&binding.rpc),
        Found::Methods(_) | Found::Nothing => None,
    };
    let passage =
        Passage::open(&door, &parts.headers, streams).admitted(&door, rpc, &parts.headers, &parts.extensions).await;
    let result = match found {
        Found::Binding(binding, segments) => {
            let span = passage.span(&binding.rpc.path);
            call(&door, &passage, binding, &segments, &parts, body).instrument(span).await
        }
        Found::Methods(allowed) => Err(wrong_method(&parts, &allowed.into_iter().collect::<Vec<_>>().join(", "))),
        Found::Nothing => Err(Refusal::Own(Error::new(UNKNOWN_PATH).with("path", path), Some(StatusCode::NOT_FOUND))),
    };
    let mut response = result.unwrap_or_else(|refusal| refused(&door, &passage, refusal));
    response.headers_mut().insert(REQUEST_ID, passage.request_id);
    // Answers are of one caller, and some are secrets.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn wrong_method(parts: &Parts, allowed: &str) -> Refusal {
    let error = Error::new(METHOD_NOT_ALLOWED)
        .with("path", parts.uri.path())
        .with("method", &parts.method)
        .with("allowed", allowed);
    Refusal::Own(error, Some(StatusCode::METHOD_NOT_ALLOWED))
}

fn refused(door: &Door, passage: &Passage, refusal: Refusal) -> Response<Body> {
    let (status, http, allow) = match refusal {
        Refusal::Own(error, http) => {
            let allow = error.facts.get("allowed").filter(|_| http == Some(StatusCode::METHOD_NOT_ALLOWED)).cloned();
            (door.refuse(passage.language, error), http, allow)
        }
        Refusal::Theirs(status) => (status, None, None),
    };
    let mut response = reply::refusal(&door.contract.pool, &status, http).map(Body::from);
    if let Some(allow) = allow.and_then(|allow| allow.parse().ok()) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

async fn call(
    door: &Arc<Door>,
    passage: &Passage,
    binding: &Binding,
    segments: &[&str],
    parts: &Parts,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    let limits = &door.protection.limits;
    let plan = door.plans.of(&binding.rpc.path);
    let class = plan.map_or(Class::Read, |plan| plan.class);
    let address = limits.address(&parts.headers, &parts.extensions);
    limits.call(passage.actor(), passage.program(), address, class).await?;
    passage.let_in()?;
    // Read whole before it gets a place in work: nobody holds one by sending slowly.
    let body = read(door, binding, parts, body).await?;
    let query = parts.uri.query().unwrap_or_default();
    let (query, sheet) = sheet::wanted(binding, query, &parts.headers)?;
    let bind = || bind::request(binding, segments, &query, &parts.headers, &body);
    if let Some(form) = sheet {
        // It takes a place for every page, not for the whole table.
        return sheet::answer(door, passage, binding, bind()?, form).await;
    }
    let (message, mut place) = match plan {
        // What is refused is not worth reading, unless what it says counts.
        Some(plan) if plan.urgency.is_none() => {
            let place = door.protection.enter(passage, plan, false).await?;
            (bind()?, Some(place))
        }
        Some(plan) => {
            let message = bind()?;
            let place = door.protection.enter(passage, plan, is_urgent(plan, &message)).await?;
            (message, Some(place))
        }
        None => (bind()?, None),
    };
    let mut metadata = http::HeaderMap::new();
    passage.seal(door, &mut metadata)?;
    let watched =
        door.audit.as_ref().and_then(|audit| audit.watch(&binding.rpc, passage.actor(), address, &metadata, &message));
    let mut request = tonic::Request::new(message);
    *request.metadata_mut() = MetadataMap::from_headers(metadata);
    let path = PathAndQuery::from_str(&binding.rpc.path).map_err(Error::internal)?;
    let work = async {
        if binding.rpc.method.is_server_streaming() {
            stream::answer(door, passage, binding, &parts.headers, request, path).await
        } else {
            unary(door, passage, binding, request, path).await
        }
    };
    let result = tokio::time::timeout(passage.remaining(), work)
        .await
        .unwrap_or_else(|_| Err(Error::new(reason::DEADLINE_EXCEEDED).into()));
    if let Some(place) = place.as_mut().filter(|_| answered(&result)) {
        place.answered();
    }
    if let Some(watched) = watched {
        watched.ended(match &result {
            Ok(_) => Code::Ok,
            Err(Refusal::Own(error, _)) => error.kind().code(),
            Err(Refusal::Theirs(status)) => status.code(),
        });
    }
    result
}

/// Whether the service answered, as opposed to that it could not.
fn answered(result: &Result<Response<Body>, Refusal>) -> bool {
    match result {
        Ok(_) => true,
        Err(Refusal::Own(..)) => false,
        Err(Refusal::Theirs(status)) => {
            !matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled)
        }
    }
}

/// Whether a request says that it is an emergency.
fn is_urgent(plan: Plan, message: &DynamicMessage) -> bool {
    plan.urgency.is_some_and(|(field, highest)| {
        message.get_field_by_number(field).is_some_and(|value| value.as_enum_number() == Some(highest))
    })
}

async fn read(door: &Door, binding: &Binding, parts: &Parts, body: Body) -> Result<Bytes, Refusal> {
    let raw = bind::takes_raw_body(binding);
    let limit = if raw { door.config.file_limit } else { door.config.body_limit };
    let too_large =
        || Refusal::Own(Error::new(BODY_TOO_LARGE).with("limit", limit), Some(StatusCode::PAYLOAD_TOO_LARGE));
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut body = body;
    if announced.is_some_and(|length: usize| length > limit) {
        // Whoever waits for a "100 Continue" has not begun to send.
        if !parts.headers.contains_key(header::EXPECT) {
            hear_out(&mut body).await;
        }
        return Err(too_large());
    }
    let collected = tokio::time::timeout(door.config.body_timeout, Limited::new(&mut body, limit).collect())
        .await
        .map_err(|_| Refusal::Own(Error::new(BODY_TOO_SLOW), Some(StatusCode::REQUEST_TIMEOUT)))?;
    let body = match collected {
        Ok(collected) => collected.to_bytes(),
        Err(error) if is_length_limit(&*error) => {
            hear_out(&mut body).await;
            return Err(too_large());
        }
        Err(error) => return Err(Error::invalid("", "the body broke off").caused_by(anyhow::anyhow!(error)).into()),
    };
    let content_type =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = essence.is_empty() || essence == "application/json" || essence.ends_with("+json");
    if !body.is_empty() && !json && !raw {
        return Err(Refusal::Own(Error::new(UNSUPPORTED_MEDIA_TYPE), Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)));
    }
    Ok(body)
}

/// Reads on for a while before a body is refused: a client that is still sending loses the answer with the connection.
async fn hear_out(body: &mut Body) {
    let rest = async {
        let mut left = LONGEST_REFUSED;
        while let Some(Ok(frame)) = body.frame().await
            && let Some(still) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len))
        {
            left = still;
        }
    };
    // Whether it came to its end or not: the answer is the same.
    let _ = tokio::time::timeout(LONGEST_HEARING, rest).await;
}

fn is_length_limit(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_length_limit)
}

async fn unary(
    door: &Door,
    passage: &Passage,
    binding: &Binding,
    request: tonic::Request<DynamicMessage>,
    path: PathAndQuery,
) -> Result<Response<Body>, Refusal> {
    let codec = DynamicCodec(binding.rpc.method.output());
    let answer = client(door).unary(request, path, codec).await.map_err(|status| theirs(door, passage, status))?;
    Ok(reply::answer(binding, answer.get_ref())?.map(Body::from))
}

fn client(door: &Door) -> tonic::client::Grpc<crate::upstream::Upstreams> {
    tonic::client::Grpc::new(door.upstreams.clone()).max_decoding_message_size(LARGEST_ANSWER)
}

/// A status of the service itself is passed on; one that the transport made is put into our own words.
fn theirs(door: &Door, passage: &Passage, status: Status) -> Refusal {
    if status.source().is_some() && status.details().is_empty() {
        Refusal::Theirs(door.unanswered(passage.language, status))
    } else {
        Refusal::Theirs(status)
    }
}

/// A refusal by somebody who is no call of the contract.
pub(crate) fn refusal(pool: &prost_reflect::DescriptorPool, status: &Status) -> Response<Body> {
    reply::refusal(pool, status, None).map(Body::from)
}
