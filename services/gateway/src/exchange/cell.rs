//! Messages as rows of a table: one column for every leaf of the message, by its descriptor, so that a field added to the
//! contract is a column the same day. Names of columns are the contract's own paths and never change.

use chrono::{DateTime, SecondsFormat, Utc};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value};
use serde::{Deserialize, Serialize};

/// How deep messages are spread over columns; what lies deeper is one column of JSON.
const DEPTH: usize = 6;
/// Between the values of a list in one cell.
pub(crate) const BETWEEN: &str = "; ";

/// One value of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Cell {
    /// Nothing.
    #[serde(rename = "e")]
    Empty,
    /// A text.
    #[serde(rename = "t")]
    Text(String),
    /// A number as it is written; every digit of it counts.
    #[serde(rename = "n")]
    Number(String),
    /// Yes or no.
    #[serde(rename = "b")]
    Flag(bool),
}

impl Cell {
    /// The value as text.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Empty => "",
            Self::Text(text) | Self::Number(text) => text,
            Self::Flag(true) => "true",
            Self::Flag(false) => "false",
        }
    }

    fn of(text: String) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }
}

/// One row.
pub(crate) type Row = Vec<Cell>;

/// One column: the way from the message to its leaf.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// The path in the contract's names, `addresses.city`.
    pub(crate) name: String,
    path: Vec<FieldDescriptor>,
}

/// All columns of a message, in the order of the contract.
pub(crate) fn columns(message: &MessageDescriptor) -> Vec<Column> {
    let mut columns = Vec::new();
    spread(message, &mut Vec::new(), &mut columns);
    columns
}

fn spread(message: &MessageDescriptor, above: &mut Vec<FieldDescriptor>, columns: &mut Vec<Column>) {
    let in_list = above.iter().any(FieldDescriptor::is_list);
    for field in message.fields() {
        above.push(field.clone());
        match field.kind() {
            Kind::Message(inner)
                if !(field.is_map()
                    || is_leaf(&inner)
                    || above.len() >= DEPTH
                    || inner == *message
                    || above[..above.len() - 1].iter().any(|outer| is_of(outer, &inner))
                    || in_list && field.is_list()) =>
            {
                spread(&inner, above, columns);
            }
            _ => {
                let name = above.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".");
                columns.push(Column { name, path: above.clone() });
            }
        }
        above.pop();
    }
}

fn is_of(field: &FieldDescriptor, message: &MessageDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(inner) if inner == *message)
}

/// Messages that are one value.
fn is_leaf(message: &MessageDescriptor) -> bool {
    message.full_name().starts_with("google.protobuf.")
}

/// A message as a row of these columns.
pub(crate) fn row(columns: &[Column], message: &DynamicMessage) -> Row {
    columns.iter().map(|column| cell(message, &column.path)).collect()
}

fn cell(message: &DynamicMessage, path: &[FieldDescriptor]) -> Cell {
    let Some((field, below)) = path.split_first() else { return Cell::Empty };
    if field.supports_presence() && !message.has_field(field) {
        return Cell::Empty;
    }
    let value = message.get_field(field);
    match (&*value, below.is_empty()) {
        (Value::Message(inner), false) => cell(inner, below),
        (Value::List(items), false) => joined(items.iter().map(|item| match item {
            Value::Message(inner) => cell(inner, below).text().to_owned(),
            other => leaf(field, other).text().to_owned(),
        })),
        (Value::List(items), true) => joined(items.iter().map(|item| leaf(field, item).text().to_owned())),
        (Value::Map(_), _) => match serde_json::to_value(message) {
            Ok(json) => json.get(field.json_name()).map_or(Cell::Empty, |map| Cell::of(map.to_string())),
            Err(_) => Cell::Empty,
        },
        (other, _) => leaf(field, other),
    }
}

/// Values of a list, each at its place; a list of nothing is nothing.
fn joined(values: impl Iterator<Item = String>) -> Cell {
    let values: Vec<String> = values.collect();
    if values.iter().all(String::is_empty) { Cell::Empty } else { Cell::Text(values.join(BETWEEN)) }
}

fn leaf(field: &FieldDescriptor, value: &Value) -> Cell {
    match value {
        Value::Bool(flag) => Cell::Flag(*flag),
        Value::I32(number) => Cell::Number(number.to_string()),
        Value::I64(number) => Cell::Number(number.to_string()),
        Value::U32(number) => Cell::Number(number.to_string()),
        Value::U64(number) => Cell::Number(number.to_string()),
        Value::F32(number) => Cell::Number(number.to_string()),
        Value::F64(number) => Cell::Number(number.to_string()),
        Value::String(text) => Cell::of(text.clone()),
        Value::Bytes(bytes) => {
            use base64::Engine as _;
            Cell::of(base64::engine::general_purpose::STANDARD.encode(bytes))
        }
        Value::EnumNumber(0) => Cell::Empty,
        Value::EnumNumber(number) => Cell::Text(name_of(field, *number)),
        Value::Message(message) => message_leaf(message),
        Value::List(_) | Value::Map(_) => Cell::Empty,
    }
}

/// An enum value by its name; one that this program does not know yet by its number.
fn name_of(field: &FieldDescriptor, number: i32) -> String {
    let Kind::Enum(kind) = field.kind() else { return number.to_string() };
    kind.get_value(number).map_or_else(|| number.to_string(), |value| value.name().to_owned())
}

fn message_leaf(message: &DynamicMessage) -> Cell {
    let part = |name: &str| message.get_field_by_name(name).map(std::borrow::Cow::into_owned);
    match message.descriptor().full_name() {
        "google.protobuf.Timestamp" => {
            let seconds = part("seconds").and_then(|value| value.as_i64()).unwrap_or_default();
            let nanos = part("nanos").and_then(|value| value.as_i32()).and_then(|nanos| u32::try_from(nanos).ok());
            let instant = DateTime::<Utc>::from_timestamp(seconds, nanos.unwrap_or_default());
            instant.map_or(Cell::Empty, |at| Cell::Text(at.to_rfc3339_opts(SecondsFormat::AutoSi, true)))
        }
        _ => match serde_json::to_value(message) {
            Ok(serde_json::Value::String(text)) => Cell::of(text),
            Ok(serde_json::Value::Number(number)) => Cell::Number(number.to_string()),
            Ok(serde_json::Value::Bool(flag)) => Cell::Flag(flag),
            Ok(other) => Cell::of(other.to_string()),
            Err(_) => Cell::Empty,
        },
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_reflect::DescriptorPool;
    use proto::aftercare::{
        common::v1::Address,
        intake::v1::{Consent, Customer, Phone},
    };

    use super::*;

    fn table(customer: &Customer) -> Vec<(String, Cell)> {
        let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
        let descriptor = pool.get_message_by_name("aftercare.intake.v1.Customer").unwrap();
        let columns = columns(&descriptor);
        let message = DynamicMessage::decode(descriptor, customer.encode_to_vec().as_slice()).unwrap();
        let cells = row(&columns, &message);
        columns.into_iter().map(|column| column.name).zip(cells).collect()
    }

    fn of(table: &[(String, Cell)], name: &str) -> Cell {
        table.iter().find(|(column, _)| column == name).unwrap_or_else(|| panic!("no column {name}")).1.clone()
    }

    #[test]
    fn a_message_is_spread_over_columns() {
        let phone = |number: &str, label: &str| Phone { number: number.into(), label: label.into(), primary: false };
        let table = table(&Customer {
            customer_id: "cu_1".into(),
            kind: 2,
            phones: vec![phone("+861", ""), phone("+862", "shop")],
            emails: vec!["a@b".into(), "c@d".into()],
            addresses: vec![Address { city: "上海市".into(), ..Address::default() }],
            consent: Some(Consent { survey: true, marketing: false }),
            create_time: Some(prost_types::Timestamp { seconds: 1_772_416_800, nanos: 0 }),
            ..Customer::default()
        });
        assert_eq!(of(&table, "kind"), Cell::Text("CUSTOMER_KIND_COMPANY".into()));
        assert_eq!(of(&table, "phones.number"), Cell::Text("+861; +862".into()));
        assert_eq!(of(&table, "phones.label"), Cell::Text("; shop".into()));
        assert_eq!(of(&table, "emails"), Cell::Text("a@b; c@d".into()));
        assert_eq!(of(&table, "addresses.city"), Cell::Text("上海市".into()));
        assert_eq!(of(&table, "addresses.position.latitude"), Cell::Empty);
        assert_eq!(of(&table, "consent.survey"), Cell::Flag(true));
        assert_eq!(of(&table, "create_time"), Cell::Text("2026-03-02T02:00:00Z".into()));
        assert_eq!(of(&table, "tier"), Cell::Empty);
        assert_eq!(of(&table, "update_time"), Cell::Empty);
    }

    #[test]
    fn every_list_of_the_contract_has_columns_of_unique_names() {
        let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
        let mut lists = 0;
        for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            let Some(items) = crate::exchange::list::items(&method) else { continue };
            let Kind::Message(item) = items.kind() else { panic!("{}", method.full_name()) };
            let names: Vec<_> = columns(&item).into_iter().map(|column| column.name).collect();
            let unique: std::collections::BTreeSet<_> = names.iter().collect();
            assert!(!names.is_empty() && names.len() == unique.len(), "{}: {names:?}", method.full_name());
            lists += 1;
        }
        assert!(lists > 30, "only {lists} lists");
    }
}
