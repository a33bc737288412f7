//! What every RPC must say about itself, checked before any code is generated.

use std::error::Error;

use prost_reflect::{DescriptorPool, DynamicMessage, Value};

/// Refuses a contract in which an RPC lacks its HTTP mapping or its access rule.
pub(crate) fn check(pool: &DescriptorPool) -> Result<(), Box<dyn Error>> {
    let http = pool.get_extension_by_name("google.api.http").ok_or("google.api.http is not in the pool")?;
    let rule =
        pool.get_extension_by_name("aftercare.access.v1.rule").ok_or("aftercare.access.v1.rule is not in the pool")?;
    let mut holes = Vec::new();
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let options = method.options();
        if !options.has_extension(&http) {
            holes.push(format!("{} has no google.api.http mapping", method.full_name()));
        }
        let access = options.get_extension(&rule);
        if !options.has_extension(&rule) || !access.as_message().is_some_and(complete) {
            holes.push(format!("{} has no complete access rule", method.full_name()));
        }
    }
    if holes.is_empty() { Ok(()) } else { Err(holes.join("\n").into()) }
}

/// Either public and nothing else, or at least one role and a scope.
fn complete(rule: &DynamicMessage) -> bool {
    let public = rule.get_field_by_name("public").is_some_and(|value| value.as_bool() == Some(true));
    let roles: Vec<i32> = rule
        .get_field_by_name("roles")
        .and_then(|value| value.as_list().map(|list| list.iter().filter_map(Value::as_enum_number).collect()))
        .unwrap_or_default();
    let scope = rule.get_field_by_name("scope").and_then(|value| value.as_enum_number()).unwrap_or_default();
    if public {
        roles.is_empty() && scope == 0
    } else {
        !roles.is_empty() && roles.iter().all(|role| *role != 0) && scope != 0
    }
}
