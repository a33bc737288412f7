//! Writes how personal fields are masked, for every message that some RPC takes or gives.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
};

use heck::ToSnakeCase as _;
use prost_reflect::{DescriptorPool, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::requests::rust_path;

/// Fields by which a message says whose it is.
const WHOSE: [&str; 3] = ["customer_id", "service_request_id", "technician_id"];

/// What a service has masked, or shown for a reason that is noted, before it is put in here.
const SHOWN: &str = "aftercare.gateway.v1.UnmaskedRecord";

struct Contract {
    personal: ExtensionDescriptor,
    messages: BTreeMap<String, MessageDescriptor>,
}

/// One `impl crate::Mask` for every message of ours that an RPC takes or gives.
pub(crate) fn generate(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let personal =
        pool.get_extension_by_name("aftercare.access.v1.personal").ok_or("aftercare.access.v1.personal is missing")?;
    let mut contract = Contract { personal, messages: BTreeMap::new() };
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        contract.reach(&method.input());
        contract.reach(&method.output());
    }
    let mut code = String::new();
    for message in contract.messages.values() {
        code.push_str(&contract.implementation(message)?);
    }
    Ok(code)
}

impl Contract {
    fn reach(&mut self, message: &MessageDescriptor) {
        let ours = message.full_name().starts_with("aftercare.");
        if !ours || self.messages.insert(message.full_name().to_owned(), message.clone()).is_some() {
            return;
        }
        for field in message.fields() {
            if let Kind::Message(inner) = field.kind() {
                self.reach(&inner);
            }
        }
    }

    fn is_personal(&self, field: &FieldDescriptor) -> bool {
        let options = field.options();
        options.has_extension(&self.personal) && options.get_extension(&self.personal).as_bool() == Some(true)
    }

    /// Whether a message holds personal data, itself or in what it holds.
    fn holds(&self, message: &MessageDescriptor, seen: &mut BTreeSet<String>) -> bool {
        if !seen.insert(message.full_name().to_owned()) {
            return false;
        }
        message.fields().any(|field| {
            self.is_personal(&field)
                || matches!(field.kind(), Kind::Message(inner)
                    if self.messages.contains_key(inner.full_name()) && self.holds(&inner, seen))
        })
    }

    fn implementation(&self, message: &MessageDescriptor) -> Result<String, Box<dyn Error>> {
        let path = rust_path(message);
        if message.parent_message().is_some() {
            return Err(format!("{}: nested messages are not used by RPCs", message.full_name()).into());
        }
        if message.full_name() == SHOWN || !self.holds(message, &mut BTreeSet::new()) {
            return Ok(format!("impl crate::Mask for {path} {{}}\n"));
        }
        let ids: Vec<String> = message
            .fields()
            .filter(|field| WHOSE.contains(&field.name()) && matches!(field.kind(), Kind::String) && !field.is_list())
            .map(|field| format!("&self.{}", field.name()))
            .collect();
        let (mut body, mut asks, mut inside) = (String::new(), String::new(), "clear");
        if !ids.is_empty() {
            body.push_str(&format!("        if clear.keeps(&[{}]) {{ return; }}\n", ids.join(", ")));
            // What is in it is of the same customer.
            inside = "&crate::mask::Clear::Nobody";
        } else if message.fields().any(|field| self.is_personal(&field)) {
            body.push_str("        if clear.keeps(&[]) { return; }\n");
        }
        for field in message.fields() {
            let name = field.name().to_snake_case();
            if field.is_map() || field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) {
                if self.is_personal(&field) {
                    return Err(format!("{}: personal fields stand in no map and no oneof", field.full_name()).into());
                }
                continue;
            }
            if self.is_personal(&field) {
                body.push_str(&masked(&field, &name)?);
                asks.push_str(&asked(&field, &name));
            } else if let Kind::Message(inner) = field.kind()
                && self.messages.contains_key(inner.full_name())
                && self.holds(&inner, &mut BTreeSet::new())
            {
                body.push_str(&if field.is_list() {
                    format!("        for inner in &mut self.{name} {{ inner.mask({inside}); }}\n")
                } else {
                    format!("        if let Some(inner) = &mut self.{name} {{ inner.mask({inside}); }}\n")
                });
            }
        }
        Ok(format!(
            "impl crate::Mask for {path} {{\n    const PERSONAL: bool = true;\n    fn mask(&mut self, clear: &crate::mask::Clear) {{\n{body}    }}\n    fn asks_personal(&self) -> bool {{ false{asks} }}\n}}\n"
        ))
    }
}

fn masked(field: &FieldDescriptor, name: &str) -> Result<String, Box<dyn Error>> {
    if matches!(field.kind(), Kind::Message(_)) {
        return Ok(format!("        self.{name} = Default::default();\n"));
    }
    if !matches!(field.kind(), Kind::String) {
        return Err(format!("{}: only texts and messages are masked", field.full_name()).into());
    }
    let phone = name.contains("phone") || field.parent_message().name() == "Phone";
    let how = match name {
        _ if phone => "phone",
        "birthday" => "blank",
        "spoken_to" => "name",
        _ if name.ends_with("name") => "name",
        _ => "text",
    };
    Ok(if field.is_list() {
        format!("        for value in &mut self.{name} {{ crate::mask::{how}(value); }}\n")
    } else {
        format!("        crate::mask::{how}(&mut self.{name});\n")
    })
}

fn asked(field: &FieldDescriptor, name: &str) -> String {
    if matches!(field.kind(), Kind::Message(_)) && !field.is_list() {
        format!(" || self.{name}.is_some()")
    } else {
        format!(" || !self.{name}.is_empty()")
    }
}
