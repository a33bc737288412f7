//! Writes the small traits by which the plumbing reads any request: its request id, its etag, its page.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, MessageDescriptor};

/// The Rust path of a top-level message.
pub(crate) fn rust_path(message: &MessageDescriptor) -> String {
    use heck::ToUpperCamelCase as _;
    let package = message.package_name().replace('.', "::");
    format!("crate::{package}::{}", message.name().to_upper_camel_case())
}

/// Every message some RPC takes.
pub(crate) fn inputs(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    let mut inputs = BTreeMap::new();
    for service in pool.services() {
        for method in service.methods() {
            inputs.insert(method.input().full_name().to_owned(), method.input());
        }
    }
    inputs.into_values().filter(|message| message.full_name().starts_with("aftercare.")).collect()
}

/// One `impl crate::Request` for every message some RPC takes.
pub(crate) fn generate(pool: &DescriptorPool) -> String {
    let mut code = String::new();
    for message in inputs(pool) {
        let has = |field: &str| message.get_field_by_name(field).is_some();
        let mut body = String::new();
        for (field, returns, value) in [
            ("request_id", "&str", "&self.request_id"),
            ("etag", "&str", "&self.etag"),
            ("page_token", "&str", "&self.page_token"),
            ("order_by", "&str", "&self.order_by"),
            ("page_size", "i32", "self.page_size"),
        ] {
            if has(field) {
                body.push_str(&format!("    fn {field}(&self) -> {returns} {{ {value} }}\n"));
            }
        }
        if has("page_token") {
            body.push_str("    fn clear_page(&mut self) { self.page_token.clear(); self.page_size = 0; }\n");
        }
        code.push_str(&format!("impl crate::Request for {} {{\n{body}}}\n", rust_path(&message)));
    }
    code
}
