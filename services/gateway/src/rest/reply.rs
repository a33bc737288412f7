//! Answers as JSON: messages by proto3 JSON, refusals as `google.rpc.Status` with their details in clear.

use base64::Engine as _;
use common::{Error, Result};
use http::{HeaderValue, Response, StatusCode, header};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage as _, SerializeOptions, Value as Field};
use serde_json::{Map, Value, json};
use tonic::{Code, Status};

use super::table::Binding;

/// A body that is wholly there.
pub(crate) type Whole = Response<Vec<u8>>;

/// The HTTP status of a gRPC code, as `google.rpc.Code` documents it.
pub(crate) fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A status as the JSON of `google.rpc.Status`.
pub(crate) fn status_json(pool: &DescriptorPool, status: &Status) -> Value {
    let decoded = proto::google::rpc::Status::decode(status.details()).unwrap_or_default();
    let details: Vec<Value> =
        decoded.details.iter().map(|detail| detail_json(pool, &detail.type_url, &detail.value)).collect();
    json!({ "code": i32::from(status.code()), "message": status.message(), "details": details })
}

fn detail_json(pool: &DescriptorPool, type_url: &str, value: &[u8]) -> Value {
    let name = type_url.rsplit('/').next().unwrap_or_default();
    let readable = pool
        .get_message_by_name(name)
        .and_then(|descriptor| DynamicMessage::decode(descriptor, value).ok())
        .and_then(|message| message_json(&message, true).ok());
    let mut object = match readable {
        Some(Value::Object(object)) => object,
        Some(other) => Map::from_iter([("value".to_owned(), other)]),
        None => {
            let text = base64::engine::general_purpose::STANDARD.encode(value);
            Map::from_iter([("value".to_owned(), Value::String(text))])
        }
    };
    object.insert("@type".to_owned(), Value::String(type_url.to_owned()));
    Value::Object(object)
}

/// A message by proto3 JSON. Answers show fields without presence even when they are empty: a list is always a list.
pub(crate) fn message_json(message: &DynamicMessage, skip_empty: bool) -> Result<Value> {
    let options = SerializeOptions::new().skip_default_fields(skip_empty);
    message.serialize_with_options(serde_json::value::Serializer, &options).map_err(Error::internal)
}

/// A refusal. `http` is its status where HTTP has a better one than the code's.
pub(crate) fn refusal(pool: &DescriptorPool, status: &Status, http: Option<StatusCode>) -> Whole {
    let body = status_json(pool, status);
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() = http.unwrap_or_else(|| http_status(status.code()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status.code() == Code::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = retry_after(&body) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Whole seconds of a `RetryInfo`, rounded up.
fn retry_after(status: &Value) -> Option<u64> {
    let delay = status["details"].as_array()?.iter().find_map(|detail| detail["retryDelay"].as_str())?;
    let (seconds, fraction) = delay.strip_suffix('s')?.split_once('.').unwrap_or((delay.strip_suffix('s')?, ""));
    let more = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some((seconds.parse::<u64>().ok()? + more).max(1))
}

/// A whole answer of a mapping.
pub(crate) fn answer(binding: &Binding, message: &DynamicMessage) -> Result<Whole> {
    if let Some(file) = file(message) {
        return Ok(file);
    }
    let body = chosen(binding, message)?;
    let mut response = Response::new(serde_json::to_vec(&body).map_err(Error::internal)?);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(etag) = text(message, "etag")
        && let Ok(value) = HeaderValue::try_from(format!("\"{etag}\""))
    {
        headers.insert(header::ETAG, value);
    }
    Ok(response)
}

/// What of the answer becomes the body.
pub(crate) fn chosen(binding: &Binding, message: &DynamicMessage) -> Result<Value> {
    let whole = message_json(message, false)?;
    Ok(match &binding.response_body {
        None => whole,
        Some(field) => whole.get(field.json_name()).cloned().unwrap_or(Value::Null),
    })
}

fn text(message: &DynamicMessage, name: &str) -> Option<String> {
    let field = message.descriptor().get_field_by_name(name)?;
    match message.get_field(&field).as_ref() {
        Field::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// A download: `google.api.HttpBody` leaves as the bytes it is.
fn file(message: &DynamicMessage) -> Option<Whole> {
    if message.descriptor().full_name() != "google.api.HttpBody" {
        return None;
    }
    let data = message.get_field_by_name("data")?.as_bytes()?.to_vec();
    let mut response = Response::new(data);
    let content_type = text(message, "content_type").and_then(|text| HeaderValue::try_from(text).ok());
    let fallback = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type.unwrap_or(fallback));
    Some(response)
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    #[test]
    fn a_refusal_shows_its_details_in_clear() {
        let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
        let mut details = ErrorDetails::new();
        details.set_error_info("STALE_ETAG", "aftercare", [("present".to_owned(), "3".to_owned())]);
        details.add_bad_request_violation("customer.name", "string.max_len 60");
        details.set_localized_message("zh-CN", "已变更");
        details.set_retry_info(Some(std::time::Duration::from_millis(1500)));
        let status = Status::with_error_details(Code::Aborted, "changed", details);
        let response = refusal(&pool, &status, None);
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["code"], 10);
        let of = |name: &str| {
            let url = format!("type.googleapis.com/google.rpc.{name}");
            body["details"].as_array().unwrap().iter().find(|detail| detail["@type"] == url.as_str()).unwrap().clone()
        };
        assert_eq!(of("ErrorInfo")["reason"], "STALE_ETAG");
        assert_eq!(of("ErrorInfo")["metadata"]["present"], "3");
        assert_eq!(of("BadRequest")["fieldViolations"][0]["field"], "customer.name");
        assert_eq!(of("LocalizedMessage")["message"], "已变更");
    }

    #[test]
    fn a_detail_of_an_unknown_type_is_kept() {
        let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
        let detail = detail_json(&pool, "type.googleapis.com/other.Thing", b"abc");
        assert_eq!(detail, json!({ "@type": "type.googleapis.com/other.Thing", "value": "YWJj" }));
    }
}
