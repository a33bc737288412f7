//! JSON schemas of messages and enums, with the contract's rules as far as JSON Schema can say them.

use std::collections::BTreeMap;

use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value as Field};
use serde_json::{Map, Value, json};

use super::comments::Comments;

/// Collects the schemas that operations refer to.
pub(super) struct Schemas<'c> {
    comments: &'c Comments,
    done: BTreeMap<String, Value>,
}

/// The name of a type among the components: `intake.Customer` for `aftercare.intake.v1.Customer`.
pub(super) fn component(full_name: &str) -> String {
    full_name.trim_start_matches("aftercare.").replacen(".v1.", ".", 1)
}

fn reference(full_name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", component(full_name)) })
}

impl<'c> Schemas<'c> {
    pub(super) fn new(comments: &'c Comments) -> Self {
        Self { comments, done: BTreeMap::new() }
    }

    pub(super) fn finish(self) -> Map<String, Value> {
        self.done.into_iter().collect()
    }

    /// The schema of a message, by reference where it is one of ours.
    pub(super) fn message(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(schema) = well_known(message.full_name()) {
            return schema;
        }
        let name = component(message.full_name());
        if !self.done.contains_key(&name) {
            self.done.insert(name.clone(), Value::Null);
            let schema = self.object(message, &[]);
            self.done.insert(name, schema);
        }
        reference(message.full_name())
    }

    /// The schema of a message without some of its fields, in place.
    pub(super) fn object(&mut self, message: &MessageDescriptor, without: &[FieldDescriptor]) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in message.fields().filter(|field| !without.contains(field)) {
            if needed(&field) {
                required.push(Value::String(field.json_name().to_owned()));
            }
            properties.insert(field.json_name().to_owned(), self.field(&field));
        }
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        let text = self.comments.of(&message.parent_file(), message.path());
        if !text.is_empty() {
            schema.insert("description".to_owned(), json!(text));
        }
        schema.insert("properties".to_owned(), Value::Object(properties));
        if !required.is_empty() {
            schema.insert("required".to_owned(), Value::Array(required));
        }
        Value::Object(schema)
    }

    /// The schema of a field, with its comment and its rules.
    pub(super) fn field(&mut self, field: &FieldDescriptor) -> Value {
        let rules = rules(field);
        let mut schema = if field.is_map() {
            let value = match field.kind() {
                Kind::Message(entry) => self.kind(&entry.map_entry_value_field().kind()),
                _ => json!({}),
            };
            json!({ "type": "object", "additionalProperties": value })
        } else if field.is_list() {
            let list = sub(&rules, "repeated");
            let mut items = self.kind(&field.kind());
            constrain(&mut items, &list.as_ref().and_then(|list| sub(list, "items")));
            let mut schema = json!({ "type": "array", "items": items });
            copy(&mut schema, list.as_ref(), &[("min_items", "minItems"), ("max_items", "maxItems")]);
            schema
        } else {
            let mut schema = self.kind(&field.kind());
            constrain(&mut schema, &Some(rules));
            schema
        };
        let text = self.comments.of(&field.parent_message().parent_file(), field.path());
        if let Some(object) = schema.as_object_mut().filter(|_| !text.is_empty()) {
            object.insert("description".to_owned(), json!(text));
        }
        schema
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
            Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "format": "uint32", "minimum": 0 }),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({ "type": "string", "format": "int64", "pattern": "^-?[0-9]+$" })
            }
            Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "format": "uint64", "pattern": "^[0-9]+$" }),
            Kind::Float => json!({ "type": "number", "format": "float" }),
            Kind::Double => json!({ "type": "number", "format": "double" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Message(message) => self.message(message),
            Kind::Enum(enumeration) => self.enumeration(enumeration),
        }
    }

    fn enumeration(&mut self, enumeration: &EnumDescriptor) -> Value {
        let name = component(enumeration.full_name());
        if !self.done.contains_key(&name) {
            let file = enumeration.parent_file();
            let values: Vec<_> = enumeration.values().map(|value| value.name().to_owned()).collect();
            let lines: Vec<String> = std::iter::once(self.comments.of(&file, enumeration.path()).to_owned())
                .chain(enumeration.values().map(|value| {
                    let text = self.comments.of(&file, value.path()).replace('\n', " ");
                    format!("- `{}`: {text}", value.name())
                }))
                .collect();
            let schema = json!({ "type": "string", "enum": values, "description": lines.join("\n") });
            self.done.insert(name, schema);
        }
        reference(enumeration.full_name())
    }
}

/// What proto3 JSON makes of Google's own types.
fn well_known(full_name: &str) -> Option<Value> {
    Some(match full_name {
        "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "google.protobuf.Duration" => json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?s$" }),
        "google.protobuf.FieldMask" => json!({ "type": "string" }),
        "google.protobuf.Empty" | "google.protobuf.Struct" => json!({ "type": "object" }),
        "google.protobuf.Value" => json!({}),
        "google.protobuf.ListValue" => json!({ "type": "array", "items": {} }),
        "google.protobuf.BoolValue" => json!({ "type": ["boolean", "null"] }),
        "google.protobuf.Int32Value" | "google.protobuf.UInt32Value" => json!({ "type": ["integer", "null"] }),
        "google.protobuf.FloatValue" | "google.protobuf.DoubleValue" => json!({ "type": ["number", "null"] }),
        "google.protobuf.StringValue"
        | "google.protobuf.BytesValue"
        | "google.protobuf.Int64Value"
        | "google.protobuf.UInt64Value" => json!({ "type": ["string", "null"] }),
        "google.protobuf.Any" => json!({
            "type": "object",
            "properties": { "@type": { "type": "string" } },
            "required": ["@type"],
            "additionalProperties": true
        }),
        "google.api.HttpBody" => json!({ "type": "string", "contentMediaType": "application/octet-stream" }),
        _ => return None,
    })
}

fn rules(field: &FieldDescriptor) -> DynamicMessage {
    let options = field.options();
    let found = field
        .parent_pool()
        .get_extension_by_name("buf.validate.field")
        .map(|extension| options.get_extension(&extension).into_owned());
    match found {
        Some(Field::Message(rules)) => rules,
        _ => options,
    }
}

fn sub(rules: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    if !rules.has_field_by_name(name) {
        return None;
    }
    rules.get_field_by_name(name)?.as_message().cloned()
}

/// Whether a request without the field is refused.
fn needed(field: &FieldDescriptor) -> bool {
    let rules = rules(field);
    let at_least_one = |name: &str, limit: &str| {
        let number = sub(&rules, name).and_then(|rules| rules.get_field_by_name(limit)?.as_u64());
        number.is_some_and(|number| number > 0)
    };
    let required = rules.get_field_by_name("required").and_then(|value| value.as_bool()).unwrap_or(false);
    let not_zero = sub(&rules, "enum").is_some_and(|rules| {
        let banned = rules.get_field_by_name("not_in");
        banned.is_some_and(|list| list.as_list().is_some_and(|list| list.contains(&Field::I32(0))))
    });
    required || not_zero || at_least_one("string", "min_len") || at_least_one("repeated", "min_items")
}

fn constrain(schema: &mut Value, rules: &Option<DynamicMessage>) {
    let Some(rules) = rules else { return };
    if schema.get("$ref").is_some() {
        return;
    }
    let text = sub(rules, "string");
    copy(schema, text.as_ref(), &[("min_len", "minLength"), ("max_len", "maxLength"), ("pattern", "pattern")]);
    for kind in ["int32", "double"] {
        let number = sub(rules, kind);
        copy(
            schema,
            number.as_ref(),
            &[("gte", "minimum"), ("lte", "maximum"), ("gt", "exclusiveMinimum"), ("lt", "exclusiveMaximum")],
        );
    }
}

fn copy(schema: &mut Value, rules: Option<&DynamicMessage>, names: &[(&str, &str)]) {
    let (Some(rules), Some(object)) = (rules, schema.as_object_mut()) else { return };
    for (rule, keyword) in names {
        if !rules.has_field_by_name(rule) {
            continue;
        }
        let value = match rules.get_field_by_name(rule).as_deref() {
            Some(Field::U64(number)) => json!(number),
            Some(Field::I64(number)) => json!(number),
            Some(Field::I32(number)) => json!(number),
            Some(Field::F64(number)) => json!(number),
            Some(Field::String(text)) => json!(text),
            _ => continue,
        };
        object.insert((*keyword).to_owned(), value);
    }
}
