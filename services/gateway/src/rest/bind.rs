//! Makes the request message out of path, query, body and three headers. One JSON value is filled from all of them and
//! read once against the descriptor, so every source obeys the same rules of proto3 JSON.

use common::{Error, Result, error::reason};
use http::{HeaderMap, HeaderName, header};
use prost_reflect::{DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value as Field};
use serde_json::{Map, Value};

use super::table::{Binding, BodyRule, fields};
use crate::error::{MALFORMED_JSON, UNKNOWN_FIELD};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// What an event stream of a browser sends when it comes back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const HTTP_BODY: &str = "google.api.HttpBody";

/// Builds the request of a mapping. `segments` are the path's, as they were sent.
pub(crate) fn request(
    binding: &Binding,
    segments: &[&str],
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<DynamicMessage> {
    let input = binding.rpc.method.input();
    let mut object = match &binding.body {
        BodyRule::Whole if body.is_empty() => Map::new(),
        BodyRule::Whole => whole(json(body)?)?,
        BodyRule::None => Map::new(),
        BodyRule::Field(field) if body.is_empty() || raw(field) => Map::new(),
        BodyRule::Field(field) => [(field.json_name().to_owned(), json(body)?)].into_iter().collect(),
    };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        bind_query(&input, binding, &mut object, &name, &value)?;
    }
    for variable in &binding.path_fields {
        let taken = &segments[variable.start..variable.end.unwrap_or(segments.len())];
        let text = if variable.single {
            decoded(taken.first().copied().unwrap_or_default())?
        } else {
            // In a variable of several segments an encoded slash stays encoded.
            decoded(&taken.join("/").replace("%2F", "%252F").replace("%2f", "%252f"))?
        };
        bind_path(&mut object, &variable.fields, &text)?;
    }
    bind_headers(&input, &mut object, headers)?;
    masks(&input, &mut object);
    let mut message = read(&input, Value::Object(object))?;
    if let BodyRule::Field(field) = &binding.body
        && raw(field)
    {
        message.set_field(field, Field::Message(http_body(field, headers, body)?));
    }
    Ok(message)
}

fn json(body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).map_err(|error| {
        Error::new(MALFORMED_JSON).with("line", error.line()).with("column", error.column()).caused_by(error)
    })
}

fn whole(value: Value) -> Result<Map<String, Value>> {
    match value {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Error::invalid("", "an object is needed"))
        }
    }
}

fn decoded(text: &str) -> Result<String> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|error| Error::invalid("path", "utf-8").caused_by(error))
}

/// The place of a field in an object, under whichever of its two names stands there.
fn place<'o>(object: &'o mut Map<String, Value>, field: &FieldDescriptor) -> &'o mut Value {
    let name = if object.contains_key(field.name()) { field.name() } else { field.json_name() };
    object.entry(name.to_owned()).or_insert(Value::Null)
}

/// The object that holds the last field of a path.
fn parent<'o>(object: &'o mut Map<String, Value>, above: &[FieldDescriptor]) -> Result<&'o mut Map<String, Value>> {
    let Some((first, rest)) = above.split_first() else { return Ok(object) };
    let inner = place(object, first);
    if inner.is_null() {
        *inner = Value::Object(Map::new());
    }
    match inner {
        Value::Object(inner) => parent(inner, rest),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Error::invalid(first.name(), "an object is needed"))
        }
    }
}

fn path_text(fields: &[FieldDescriptor]) -> String {
    fields.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".")
}

/// What the path says is what counts; a body that says something else is a mistake worth telling.
fn bind_path(object: &mut Map<String, Value>, path: &[FieldDescriptor], text: &str) -> Result<()> {
    let Some((leaf, above)) = path.split_last() else { return Ok(()) };
    let slot = place(parent(object, above)?, leaf);
    let same = match &*slot {
        Value::Null => true,
        Value::String(other) => other.is_empty() || other == text,
        Value::Number(other) => other.to_string() == text,
        Value::Bool(other) => matches!((other, text), (true, "true") | (false, "false")),
        Value::Array(_) | Value::Object(_) => false,
    };
    if !same {
        return Err(Error::invalid(path_text(path), "differs from the path"));
    }
    *slot = leaf_value(leaf, text, path)?;
    Ok(())
}

fn bind_query(
    input: &MessageDescriptor,
    binding: &Binding,
    object: &mut Map<String, Value>,
    name: &str,
    text: &str,
) -> Result<()> {
    let unknown = || Error::new(UNKNOWN_FIELD).field(name, "unknown_field");
    if matches!(binding.body, BodyRule::Whole) {
        return Err(unknown());
    }
    let names: Vec<&str> = name.split('.').collect();
    let path = fields(input, &names).ok_or_else(unknown)?;
    let Some((leaf, above)) = path.split_last() else { return Err(unknown()) };
    let in_body = matches!(&binding.body, BodyRule::Field(field) if path.first() == Some(field));
    let repeated_message = above.iter().any(|field| field.is_list() || field.is_map());
    if in_body || repeated_message || leaf.is_map() {
        return Err(unknown());
    }
    let value = leaf_value(leaf, text, &path)?;
    let slot = place(parent(object, above)?, leaf);
    if leaf.is_list() {
        match slot {
            Value::Array(values) => values.push(value),
            other => *other = Value::Array(vec![value]),
        }
    } else if slot.is_null() {
        *slot = value;
    } else {
        return Err(Error::invalid(path_text(&path), "given more than once"));
    }
    Ok(())
}

/// Text of a path or query as the JSON value that proto3 JSON wants for the field. Numbers may stay text there.
fn leaf_value(field: &FieldDescriptor, text: &str, path: &[FieldDescriptor]) -> Result<Value> {
    let boolean = || match text {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        _ => Err(Error::invalid(path_text(path), "true or false")),
    };
    match field.kind() {
        Kind::Bool => boolean(),
        Kind::Enum(_) => Ok(text
            .parse::<i32>()
            .map_or_else(|_| Value::String(text.to_owned()), |number| Value::Number(number.into()))),
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.BoolValue" => boolean(),
            "google.protobuf.Timestamp"
            | "google.protobuf.Duration"
            | "google.protobuf.FieldMask"
            | "google.protobuf.StringValue"
            | "google.protobuf.BytesValue"
            | "google.protobuf.Int32Value"
            | "google.protobuf.Int64Value"
            | "google.protobuf.UInt32Value"
            | "google.protobuf.UInt64Value"
            | "google.protobuf.FloatValue"
            | "google.protobuf.DoubleValue" => Ok(Value::String(text.to_owned())),
            _ => Err(Error::new(UNKNOWN_FIELD).field(path_text(path), "unknown_field")),
        },
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// `Idempotency-Key` stands for an empty `request_id`, `If-Match` for an empty `etag`, `Last-Event-ID` for a `cursor`.
fn bind_headers(input: &MessageDescriptor, object: &mut Map<String, Value>, headers: &HeaderMap) -> Result<()> {
    for (header, name) in [(IDEMPOTENCY_KEY, "request_id"), (header::IF_MATCH, "etag"), (LAST_EVENT_ID, "cursor")] {
        let Some(field) = input.get_field_by_name(name).filter(|field| field.kind() == Kind::String) else { continue };
        let Some(value) = headers.get(&header) else { continue };
        let text = value.to_str().map_err(|error| Error::invalid(name, "visible ASCII").caused_by(error))?;
        let text = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
        let slot = place(object, &field);
        if text != "*" && (slot.is_null() || slot.as_str() == Some("")) {
            *slot = Value::String(text.to_owned());
        }
    }
    Ok(())
}

/// Proto3 JSON wants `displayName` in a field mask; we also take `display_name`, as the contract writes it.
fn masks(message: &MessageDescriptor, object: &mut Map<String, Value>) {
    for field in message.fields() {
        let Kind::Message(inner) = field.kind() else { continue };
        if inner.full_name() != "google.protobuf.FieldMask" || field.is_list() {
            continue;
        }
        for name in [field.name(), field.json_name()] {
            if let Some(Value::String(text)) = object.get_mut(name) {
                *text = camel_case(text);
            }
        }
    }
}

fn camel_case(text: &str) -> String {
    let mut upper = false;
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '_' => upper = true,
            _ if upper => {
                out.extend(letter.to_uppercase());
                upper = false;
            }
            _ => out.push(letter),
        }
    }
    out
}

fn read(descriptor: &MessageDescriptor, value: Value) -> Result<DynamicMessage> {
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    DynamicMessage::deserialize_with_options(descriptor.clone(), tracked, &DeserializeOptions::new())
        .map_err(|error| misfit(&contract_names(descriptor, &track.path().to_string()), &error.to_string()))
}

/// A path in the names of the contract, whichever of its two names a field was sent under.
fn contract_names(descriptor: &MessageDescriptor, path: &str) -> String {
    let mut message = Some(descriptor.clone());
    let names = path.split('.').map(|part| {
        let (name, place) = part.split_at(part.find('[').unwrap_or(part.len()));
        let field = message
            .take()
            .and_then(|message| message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name)));
        let Some(field) = field else { return part.to_owned() };
        if let Kind::Message(inner) = field.kind() {
            message = Some(inner);
        }
        format!("{}{place}", field.name())
    });
    names.collect::<Vec<_>>().join(".")
}

/// Says which field did not fit, and why, out of what the reader of proto3 JSON says.
fn misfit(path: &str, why: &str) -> Error {
    let at = if path == "." { "" } else { path };
    let quoted = why.split('\'').nth(1).unwrap_or_default();
    if why.starts_with("unrecognized field name") {
        let parent = at.strip_suffix(quoted).unwrap_or(at).trim_end_matches('.');
        let field = if parent.is_empty() { quoted.to_owned() } else { format!("{parent}.{quoted}") };
        return Error::new(UNKNOWN_FIELD).field(field, "unknown_field");
    }
    let rule = if why.starts_with("unrecognized enum value") { "enum.defined_only" } else { "json.type" };
    let mut error = Error::new(reason::INVALID_FIELDS).field(at, rule);
    if let Some(field) = error.fields.last_mut() {
        field.limit = why.to_owned();
    }
    error
}

fn raw(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(message) if message.full_name() == HTTP_BODY)
}

/// An upload: the body as it came, with its content type.
fn http_body(field: &FieldDescriptor, headers: &HeaderMap, body: &[u8]) -> Result<DynamicMessage> {
    let Kind::Message(descriptor) = field.kind() else { return Err(Error::invalid(field.name(), "json.type")) };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut message = DynamicMessage::new(descriptor);
    message.set_field_by_name("content_type", Field::String(content_type.to_owned()));
    message.set_field_by_name("data", Field::Bytes(bytes::Bytes::copy_from_slice(body)));
    Ok(message)
}

/// Whether the mapping takes its body as it comes instead of as JSON.
pub(crate) fn takes_raw_body(binding: &Binding) -> bool {
    matches!(&binding.body, BodyRule::Field(field) if raw(field))
}
