//! Requests that pass the contract's field rules, made out of the descriptors: as little as the rules want.

use harness::contract::POOL;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ReflectMessage as _, Value,
};

/// A request in which `id` says what stands in the id fields; an empty answer leaves one out where that is allowed.
pub(crate) fn request(rpc: &MethodDescriptor, serial: u64, id: &dyn Fn(&FieldDescriptor) -> String) -> DynamicMessage {
    let mut message = fill(&rpc.input(), id, 0);
    let has = |name: &str| rpc.input().get_field_by_name(name).is_some();
    if has("request_id") {
        message.set_field_by_name("request_id", Value::String(format!("access-{serial}")));
    }
    // Older than any record: what is found is not changed.
    if has("etag") {
        message.set_field_by_name("etag", Value::String("999999".to_owned()));
    }
    if let Some(mask) = rpc.input().get_field_by_name("update_mask") {
        let fixed = ["etag", "request_id", "update_mask"];
        let changes = |field: &FieldDescriptor| !fixed.contains(&field.name()) && !field.name().ends_with("_id");
        let path = rpc.input().fields().find(changes).expect("an update changes something");
        let Kind::Message(kind) = mask.kind() else { panic!("an update mask is a message") };
        let mut value = DynamicMessage::new(kind);
        value.set_field_by_name("paths", Value::List(vec![Value::String(path.name().to_owned())]));
        message.set_field(&mask, Value::Message(value));
    }
    message
}

/// The same request with an id at a path that may lead through messages and lists; what it leads through is made.
pub(crate) fn with_id(mut message: DynamicMessage, path: &[FieldDescriptor], id: &str) -> DynamicMessage {
    let Some((field, rest)) = path.split_first() else { return message };
    if rest.is_empty() {
        let value = Value::String(id.to_owned());
        message.set_field(field, if field.is_list() { Value::List(vec![value]) } else { value });
        return message;
    }
    let Kind::Message(kind) = field.kind() else { panic!("{}: ids stand in messages", field.full_name()) };
    let made = || fill(&kind, &|_| String::new(), 1);
    let inner = match message.get_field(field).into_owned() {
        Value::Message(inner) if message.has_field(field) => inner,
        Value::List(items) => items.first().and_then(Value::as_message).cloned().unwrap_or_else(made),
        _ => made(),
    };
    let inner = Value::Message(with_id(inner, rest, id));
    message.set_field(field, if field.is_list() { Value::List(vec![inner]) } else { inner });
    message
}

fn rules(field: &FieldDescriptor) -> DynamicMessage {
    let extension = POOL.get_extension_by_name("buf.validate.field").expect("the field rules");
    let options = field.options();
    options.get_extension(&extension).as_message().cloned().expect("rules are a message")
}

/// A rule by its path, `string.min_len`.
fn rule(rules: &DynamicMessage, kind: &str, name: &str) -> Option<Value> {
    let kind = rules.get_field_by_name(kind)?;
    let inner = kind.as_message()?;
    let field = inner.descriptor().get_field_by_name(name)?;
    inner.has_field(&field).then(|| inner.get_field(&field).into_owned())
}

fn fill(descriptor: &MessageDescriptor, id: &dyn Fn(&FieldDescriptor) -> String, depth: u32) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields().filter(|field| !field.is_map()) {
        let rules = rules(&field);
        if field.is_list() {
            let least = rule(&rules, "repeated", "min_items").and_then(|value| value.as_u64()).unwrap_or_default();
            let named = id(&field);
            let items = if field.name().ends_with("_ids") && !named.is_empty() {
                vec![Value::String(named)]
            } else if least > 0 {
                let items = rules
                    .get_field_by_name("repeated")
                    .and_then(|list| list.as_message()?.get_field_by_name("items").map(|items| items.into_owned()));
                let items = items.and_then(|items| items.as_message().cloned()).unwrap_or(rules);
                vec![value(&field, &items, id, depth)]
            } else {
                continue;
            };
            message.set_field(&field, Value::List(items));
            continue;
        }
        let required = rules.get_field_by_name("required").is_some_and(|value| value.as_bool() == Some(true));
        if matches!(field.kind(), Kind::Message(_)) && !required && depth > 0 {
            continue;
        }
        if matches!(field.kind(), Kind::Message(_)) && !required {
            continue;
        }
        message.set_field(&field, value(&field, &rules, id, depth));
    }
    message
}

fn value(
    field: &FieldDescriptor,
    rules: &DynamicMessage,
    id: &dyn Fn(&FieldDescriptor) -> String,
    depth: u32,
) -> Value {
    match field.kind() {
        Kind::String => Value::String(text(field, rules, id)),
        Kind::Enum(kind) => {
            let banned = rule(rules, "enum", "not_in").is_some();
            let first = kind.values().find(|value| value.number() != 0).expect("an enum has values");
            Value::EnumNumber(if banned { first.number() } else { 0 })
        }
        Kind::Int32 | Kind::Int64 => {
            let kind = if matches!(field.kind(), Kind::Int32) { "int32" } else { "int64" };
            let number =
                |name| rule(rules, kind, name).and_then(|value| value.as_i64().or(value.as_i32().map(i64::from)));
            let least = number("gte").or(number("gt").map(|above| above + 1)).unwrap_or_default();
            if kind == "int32" { Value::I32(i32::try_from(least).expect("a small limit")) } else { Value::I64(least) }
        }
        Kind::Bool => Value::Bool(false),
        Kind::Bytes => Value::Bytes(bytes::Bytes::from_static(b"x")),
        Kind::Double => Value::F64(0.0),
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => {
            let mut at = DynamicMessage::new(inner);
            at.set_field_by_name("seconds", Value::I64(1_790_000_000 + i64::from(field.number()) * 3600));
            Value::Message(at)
        }
        Kind::Message(inner) => Value::Message(fill(&inner, id, depth + 1)),
        other => panic!("{}: {other:?} is new in requests", field.full_name()),
    }
}

fn text(field: &FieldDescriptor, rules: &DynamicMessage, id: &dyn Fn(&FieldDescriptor) -> String) -> String {
    let name = field.name();
    let least = rule(rules, "string", "min_len").and_then(|value| value.as_u64()).unwrap_or_default();
    if name.ends_with("_id") && name != "request_id" {
        let named = id(field);
        return if named.is_empty() && least > 0 { "none".to_owned() } else { named };
    }
    if name == "record_kind" {
        return "customer".to_owned();
    }
    if least == 0 {
        return String::new();
    }
    let phone = name.contains("phone") || field.parent_message().name() == "Phone";
    match name {
        _ if phone => "+8613800138000".to_owned(),
        "username" => "somebody.else".to_owned(),
        "url" => "https://hooks.example.invalid/x".to_owned(),
        "currency_code" => "CNY".to_owned(),
        "time_zone" => "Asia/Shanghai".to_owned(),
        _ if name.ends_with("date") || name.starts_with("valid_") => "2026-01-02".to_owned(),
        "start" | "end" => "09:00".to_owned(),
        _ => "x".repeat(usize::try_from(least).expect("a short text")),
    }
}
