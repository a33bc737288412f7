//! The contract as a client sees it: which RPC takes a message, and how a message travels over REST.

use std::{collections::HashMap, sync::LazyLock};

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use prost::{Message as _, Name as _};
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, MethodDescriptor, ReflectMessage as _,
    SerializeOptions,
};
use proto::google::api::{HttpBody, HttpRule, http_rule::Pattern};
use serde_json::{Map, Value};

/// What a client may leave as it is in a path segment or a query value.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The descriptors of the whole contract.
#[expect(clippy::expect_used, reason = "an unreadable contract must fail every test")]
pub static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(proto::DESCRIPTORS).expect("the contract is readable"));

static BY_INPUT: LazyLock<HashMap<String, MethodDescriptor>> = LazyLock::new(|| {
    let methods = POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.map(|method| (method.input().full_name().to_owned(), method)).collect()
});

/// The RPC whose request this is.
///
/// # Panics
///
/// When no RPC takes it.
#[must_use]
#[expect(clippy::panic, reason = "a test that calls nothing must fail")]
pub fn method(request: &str) -> MethodDescriptor {
    BY_INPUT.get(request).cloned().unwrap_or_else(|| panic!("no RPC takes {request}"))
}

/// The gRPC path of an RPC.
#[must_use]
pub fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// A call as REST sends it.
#[derive(Debug)]
pub struct RestCall {
    /// Method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// JSON body, when the mapping has one.
    pub body: Option<Value>,
    /// Type and bytes of a body that is sent as it is: a file.
    pub file: Option<(String, Bytes)>,
}

impl RestCall {
    /// Type and bytes of the body, whichever it is; a call without one has neither.
    #[must_use]
    pub fn content(&self) -> (&str, Bytes) {
        match (&self.file, &self.body) {
            (Some((kind, bytes)), _) => (kind, bytes.clone()),
            (None, Some(body)) => ("application/json", body.to_string().into()),
            (None, None) => ("", Bytes::new()),
        }
    }
}

/// Puts a request into the form of its first HTTP mapping, as any client would who read the reference.
///
/// # Errors
///
/// When the mapping uses what this client does not know.
pub fn rest(method: &MethodDescriptor, request: &DynamicMessage) -> anyhow::Result<RestCall> {
    let extension =
        POOL.get_extension_by_name("google.api.http").ok_or_else(|| anyhow::anyhow!("no google.api.http"))?;
    let options = method.options();
    let rule = options.get_extension(&extension);
    let rule = rule.as_message().map(prost::Message::encode_to_vec).unwrap_or_default();
    let rule = HttpRule::decode(rule.as_slice())?;
    let (verb, template) = match rule.pattern.as_ref() {
        Some(Pattern::Get(path)) => (Method::GET, path),
        Some(Pattern::Post(path)) => (Method::POST, path),
        Some(Pattern::Put(path)) => (Method::PUT, path),
        Some(Pattern::Patch(path)) => (Method::PATCH, path),
        Some(Pattern::Delete(path)) => (Method::DELETE, path),
        Some(Pattern::Custom(_)) | None => anyhow::bail!("{}: no usable mapping", method.full_name()),
    };
    let Value::Object(mut rest) = json(request)? else { anyhow::bail!("a request is an object") };
    let mut target = fill(template, &request.clone(), &mut rest)?;
    let mut file = None;
    let body = match rule.body.as_str() {
        "*" => Some(Value::Object(std::mem::take(&mut rest))),
        "" => None,
        field => {
            let field = method.input().get_field_by_name(field).ok_or_else(|| anyhow::anyhow!("no field {field}"))?;
            let json = rest.remove(field.json_name());
            match request.get_field(&field).as_message() {
                Some(body) if body.descriptor().full_name() == "google.api.HttpBody" => {
                    let body = HttpBody::decode(body.encode_to_vec().as_slice())?;
                    file = Some((body.content_type, body.data.into()));
                    None
                }
                _ => json,
            }
        }
    };
    let mut pairs = Vec::new();
    flatten("", &Value::Object(rest), &mut pairs);
    if !pairs.is_empty() {
        target.push('?');
        target.push_str(&pairs.join("&"));
    }
    Ok(RestCall { method: verb, target, body, file })
}

fn fill(template: &str, request: &DynamicMessage, rest: &mut Map<String, Value>) -> anyhow::Result<String> {
    let mut target = String::new();
    let mut left = template;
    while let Some((before, after)) = left.split_once('{') {
        let (name, behind) = after.split_once('}').ok_or_else(|| anyhow::anyhow!("{template}: not closed"))?;
        let descriptor = request.descriptor();
        let field = descriptor.get_field_by_name(name).ok_or_else(|| anyhow::anyhow!("{template}: no field {name}"))?;
        let value = rest.remove(field.json_name()).unwrap_or_default();
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        };
        target.push_str(before);
        target.push_str(&utf8_percent_encode(&text, PLAIN).to_string());
        left = behind;
    }
    target.push_str(left);
    Ok(target)
}

fn flatten(above: &str, value: &Value, pairs: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let name = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
                flatten(&name, value, pairs);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| flatten(above, value, pairs)),
        Value::String(text) => pairs.push(format!("{above}={}", utf8_percent_encode(text, PLAIN))),
        Value::Null | Value::Bool(_) | Value::Number(_) => pairs.push(format!("{above}={value}")),
    }
}

/// An answer that is a file as an encoded message; `None` where the RPC answers in JSON.
#[must_use]
pub fn file(method: &MethodDescriptor, headers: &HeaderMap, body: &[u8]) -> Option<Vec<u8>> {
    if method.output().full_name() != HttpBody::full_name() {
        return None;
    }
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.to_owned();
    Some(HttpBody { content_type, data: body.to_vec(), extensions: Vec::new() }.encode_to_vec())
}

/// A message as proto3 JSON, empty fields left out.
///
/// # Errors
///
/// When it cannot be said in JSON.
pub fn json(message: &DynamicMessage) -> anyhow::Result<Value> {
    let options = SerializeOptions::new().skip_default_fields(true);
    Ok(message.serialize_with_options(serde_json::value::Serializer, &options)?)
}

/// A message out of proto3 JSON; a field that the contract does not know fails.
///
/// # Errors
///
/// When it does not fit.
pub fn from_json(descriptor: MessageDescriptor, value: Value) -> anyhow::Result<DynamicMessage> {
    Ok(DynamicMessage::deserialize_with_options(descriptor, value, &DeserializeOptions::new())?)
}
