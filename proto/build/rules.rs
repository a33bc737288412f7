//! Turns `buf.validate` rules into Rust. A rule this page does not know fails the build: none is skipped in silence.
//!
//! Why not the `prost-protovalidate` crate: its types crate runs `protoc` when it is built, and this project
//! builds on machines without one.

use std::{collections::BTreeMap, error::Error};

use heck::ToSnakeCase as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _,
    Value,
};

use crate::requests::{inputs, rust_path};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One `impl crate::Validate` for every message that can stand in a request.
pub(crate) fn generate(pool: &DescriptorPool) -> Result<String> {
    let extension = pool.get_extension_by_name("buf.validate.field").ok_or("buf.validate is not in the pool")?;
    let mut reachable = BTreeMap::new();
    for message in inputs(pool) {
        reach(&message, &mut reachable);
    }
    let mut code = String::new();
    for message in reachable.values() {
        code.push_str(&implementation(message, &extension)?);
    }
    Ok(code)
}

fn ours(message: &MessageDescriptor) -> bool {
    message.full_name().starts_with("aftercare.")
}

fn reach(message: &MessageDescriptor, seen: &mut BTreeMap<String, MessageDescriptor>) {
    if !ours(message) || seen.insert(message.full_name().to_owned(), message.clone()).is_some() {
        return;
    }
    for field in message.fields() {
        if let Kind::Message(inner) = field.kind() {
            reach(&inner, seen);
        }
    }
}

fn implementation(message: &MessageDescriptor, extension: &ExtensionDescriptor) -> Result<String> {
    if message.parent_message().is_some() {
        return Err(format!("{}: nested messages are not used in requests", message.full_name()).into());
    }
    let mut body = String::new();
    for field in message.fields() {
        let options = field.options();
        let rules = options.get_extension(extension);
        let rules = rules.as_message().ok_or("buf.validate.field is not a message")?;
        if field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) {
            if set(rules).next().is_some() {
                return Err(format!("{}: rules inside a oneof are not supported", field.full_name()).into());
            }
            continue;
        }
        body.push_str(&checks(&field, rules)?);
    }
    Ok(format!(
        "impl crate::Validate for {} {{\n    #[allow(unused_variables)]\n    fn check(&self, at: &crate::validate::Path<'_>, found: &mut Vec<crate::Violation>) {{\n{body}    }}\n}}\n",
        rust_path(message)
    ))
}

fn set(rules: &DynamicMessage) -> impl Iterator<Item = (String, Value)> + '_ {
    rules.fields().map(|(field, value)| (field.name().to_owned(), value.clone()))
}

fn ident(field: &FieldDescriptor) -> String {
    let name = field.name().to_snake_case();
    if ["type", "ref", "match", "move", "use", "where", "loop", "in"].contains(&name.as_str()) {
        format!("r#{name}")
    } else {
        name
    }
}

fn checks(field: &FieldDescriptor, rules: &DynamicMessage) -> Result<String> {
    let name = field.name();
    let this = format!("self.{}", ident(field));
    let mut out = String::new();
    if field.is_map() {
        if set(rules).next().is_some() {
            return Err(format!("{}: rules on maps are not supported", field.full_name()).into());
        }
        return Ok(out);
    }
    if field.is_list() {
        let mut items = DynamicMessage::new(rules.descriptor());
        for (rule, value) in set(rules) {
            let list = match (rule.as_str(), &value) {
                ("repeated", Value::Message(list)) => list.clone(),
                _ => return Err(unknown(field, &rule)),
            };
            for (rule, value) in set(&list) {
                match (rule.as_str(), &value) {
                    ("min_items", Value::U64(n)) => {
                        out.push_str(&format!("        at.min_items({name:?}, {this}.len(), {n}, found);\n"));
                    }
                    ("max_items", Value::U64(n)) => {
                        out.push_str(&format!("        at.max_items({name:?}, {this}.len(), {n}, found);\n"));
                    }
                    ("items", Value::Message(inner)) => items = inner.clone(),
                    _ => return Err(unknown(field, &rule)),
                }
            }
        }
        let inner = value_checks(field, &items, name, "item")?;
        if !inner.is_empty() {
            out.push_str(&format!(
                "        for (index, item) in {this}.iter().enumerate() {{\n            let at = &at.index({name:?}, index);\n{inner}        }}\n"
            ));
        }
        return Ok(out);
    }
    if matches!(field.kind(), Kind::Message(_)) || field.supports_presence() {
        let mut rest = DynamicMessage::new(rules.descriptor());
        for (rule, value) in set(rules) {
            match (rule.as_str(), &value) {
                ("required", Value::Bool(true)) => {
                    out.push_str(&format!("        at.required({name:?}, {this}.is_some(), found);\n"));
                }
                _ => rest.set_field_by_name(&rule, value),
            }
        }
        let inner = value_checks(field, &rest, name, "item")?;
        if !inner.is_empty() {
            out.push_str(&format!("        if let Some(item) = &{this} {{\n{inner}        }}\n"));
        }
        return Ok(out);
    }
    value_checks(field, rules, name, &format!("(&{this})"))
}

/// Checks of one value; `value` is an expression of reference type.
fn value_checks(field: &FieldDescriptor, rules: &DynamicMessage, name: &str, value: &str) -> Result<String> {
    let mut out = String::new();
    if let Kind::Message(inner) = field.kind() {
        if let Some((rule, _)) = set(rules).next() {
            return Err(unknown(field, &rule));
        }
        if ours(&inner) {
            let at = if field.is_list() { "at".to_owned() } else { format!("&at.field({name:?})") };
            out.push_str(&format!("            crate::Validate::check({value}, {at}, found);\n"));
        }
        return Ok(out);
    }
    for (kind, value_rules) in set(rules) {
        let Value::Message(value_rules) = value_rules else { return Err(unknown(field, &kind)) };
        for (rule, limit) in set(&value_rules) {
            let call = match (kind.as_str(), rule.as_str(), &limit) {
                ("string", "min_len", Value::U64(n)) => format!("min_len({name:?}, {value}, {n}, found)"),
                ("string", "max_len", Value::U64(n)) => format!("max_len({name:?}, {value}, {n}, found)"),
                ("string", "pattern", Value::String(pattern)) => format!(
                    "pattern({name:?}, {value}, {{ static P: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| crate::validate::regex({pattern:?})); &P }}, {pattern:?}, found)"
                ),
                ("int32" | "int64", "gte", n) => format!("gte({name:?}, i64::from(*{value}), {}, found)", int(n)?),
                ("int32" | "int64", "gt", n) => format!("gt({name:?}, i64::from(*{value}), {}, found)", int(n)?),
                ("int32" | "int64", "lte", n) => format!("lte({name:?}, i64::from(*{value}), {}, found)", int(n)?),
                ("double", "gte", Value::F64(n)) => format!("gte_f64({name:?}, *{value}, {n:?}, found)"),
                ("double", "lte", Value::F64(n)) => format!("lte_f64({name:?}, *{value}, {n:?}, found)"),
                ("enum", "defined_only", Value::Bool(true)) => {
                    let Kind::Enum(enumeration) = field.kind() else { return Err(unknown(field, &rule)) };
                    let known: Vec<String> = enumeration.values().map(|value| value.number().to_string()).collect();
                    format!("known({name:?}, *{value}, &[{}], found)", known.join(", "))
                }
                ("enum", "not_in", Value::List(numbers)) => {
                    let numbers: Vec<String> =
                        numbers.iter().map(|n| int(n).map(|n| n.to_string())).collect::<Result<_>>()?;
                    format!("not_in({name:?}, *{value}, &[{}], found)", numbers.join(", "))
                }
                _ => return Err(unknown(field, &format!("{kind}.{rule}"))),
            };
            out.push_str(&format!("            at.{call};\n"));
        }
    }
    Ok(out)
}

fn int(value: &Value) -> Result<i64> {
    match value {
        Value::I32(n) => Ok(i64::from(*n)),
        Value::I64(n) => Ok(*n),
        other => Err(format!("{other:?} is not an integer rule").into()),
    }
}

fn unknown(field: &FieldDescriptor, rule: &str) -> Box<dyn Error> {
    format!(
        "{}: the rule {rule} is not supported; add it to proto/build/rules.rs and proto/src/validate.rs",
        field.full_name()
    )
    .into()
}
