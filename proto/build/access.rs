//! Writes the access rule of every RPC as a table, so that a service enforces what the contract says.

use std::{collections::BTreeMap, error::Error};

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, ReflectMessage as _, Value};

/// A slice literal of `(path, Access)`, in order of the paths.
pub(crate) fn generate(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let rule =
        pool.get_extension_by_name("aftercare.access.v1.rule").ok_or("aftercare.access.v1.rule is not in the pool")?;
    let mut table = BTreeMap::new();
    for service in pool.services() {
        for method in service.methods() {
            let path = format!("{}/{}", service.full_name(), method.name().to_snake_case());
            let options = method.options();
            let access = options.get_extension(&rule);
            let access = access.as_message().ok_or("an access rule is no message")?;
            table.insert(path, literal(access)?);
        }
    }
    let lines: Vec<String> = table.into_iter().map(|(path, access)| format!("({path:?}, {access})")).collect();
    Ok(format!("&[{}]", lines.join(",\n")))
}

fn literal(access: &DynamicMessage) -> Result<String, Box<dyn Error>> {
    let value = |field: &str| access.get_field_by_name(field).map(std::borrow::Cow::into_owned).ok_or("no such field");
    let public = value("public")?.as_bool().unwrap_or_default();
    let roles = value("roles")?;
    let roles: Vec<String> = roles
        .as_list()
        .unwrap_or_default()
        .iter()
        .map(|role| variant(access, "roles", role))
        .collect::<Result<_, _>>()?;
    let scope = variant(access, "scope", &value("scope")?)?;
    Ok(format!("Access {{ public: {public}, roles: &[{}], scope: {scope} }}", roles.join(", ")))
}

/// `ROLE_CUSTOMER_LINK` as `Role::CustomerLink`.
fn variant(access: &DynamicMessage, field: &str, value: &Value) -> Result<String, Box<dyn Error>> {
    let field = access.descriptor().get_field_by_name(field).ok_or("no such field")?;
    let Kind::Enum(kind) = field.kind() else { return Err("no enum".into()) };
    let number = value.as_enum_number().ok_or("no enum value")?;
    let name = kind.get_value(number).ok_or_else(|| format!("{} has no value {number}", kind.name()))?;
    let prefix = format!("{}_", kind.name().to_uppercase());
    let short = name.name().strip_prefix(&prefix).unwrap_or(name.name()).to_upper_camel_case();
    Ok(format!("{}::{short}", kind.name()))
}
