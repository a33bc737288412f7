//! The OpenAPI 3.1 document of the REST surface, made from the descriptors when the gateway starts.

mod comments;
mod schema;

use std::collections::{BTreeMap, HashMap};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use self::{comments::Comments, schema::Schemas};
use crate::{
    contract::{Contract, Rpc},
    exchange::list,
    rest::{
        bind,
        table::{Binding, BodyRule, Table},
        template::Segment,
    },
};

/// How deep message fields are spread into query parameters.
const QUERY_DEPTH: usize = 3;

/// The answers other than success: HTTP status, component, what it means.
const REFUSALS: &[(&str, &str, &str)] = &[
    (
        "400",
        "InvalidArgument",
        "The request is malformed, a field breaks its rule, or the record's state does not allow the action (`FAILED_PRECONDITION`).",
    ),
    ("401", "Unauthenticated", "The caller is not known."),
    ("403", "PermissionDenied", "The caller is known and may not."),
    ("404", "NotFound", "There is no such record, or nothing at this path."),
    ("409", "Conflict", "The etag is stale, another change came first, or the request id was used with another body."),
    ("413", "TooLarge", "The body is too large."),
    ("429", "ResourceExhausted", "A limit is reached. `Retry-After` says when to come back."),
    ("500", "Internal", "Our fault. The request id finds it in the log."),
    ("503", "Unavailable", "A part this call needs is down. Repeating is safe with the same `request_id`."),
    ("504", "DeadlineExceeded", "The call ran out of time. Repeating is safe with the same `request_id`."),
];

/// Builds the document.
pub(crate) fn document(contract: &Contract, table: &Table) -> Value {
    let comments = Comments::read(&contract.pool);
    let mut writer = Writer {
        comments: &comments,
        schemas: Schemas::new(&comments),
        paths: BTreeMap::new(),
        shapes: HashMap::new(),
        uses: HashMap::new(),
    };
    for binding in table.bindings() {
        writer.operation(binding);
    }
    let status = contract.pool.get_message_by_name("google.rpc.Status");
    let status = status.map_or_else(|| json!({}), |status| writer.schemas.message(&status));
    let tags = tags(contract, &comments);
    let paths: Map<String, Value> =
        std::mem::take(&mut writer.paths).into_iter().map(|(path, item)| (path, Value::Object(item))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Aftercare",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The public interface of Aftercare: every RPC of the contract over REST/JSON. The same port speaks gRPC and gRPC-Web.\n\nJSON follows proto3 JSON: lowerCamelCase names (snake_case is taken too), 64-bit integers as strings, enums by name, instants in RFC 3339. Lists are paged: send `nextPageToken` back as `pageToken`. A create or an action with a `requestId` (or an `Idempotency-Key` header) can be repeated without doing it twice; an update must carry the `etag` it was based on (or an `If-Match` header).",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": writer.schemas.finish(),
            "responses": responses(&status),
            "parameters": parameters(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "The access token of a sign-in (`POST /v1/sign-in`) or of `/oauth/token`, or an API key `ak_…`." },
                "apiKey": { "type": "apiKey", "in": "header", "name": "x-api-key", "description": "The API key of a partner's program." },
                "client": { "type": "oauth2", "description": "A partner's program.", "flows": { "clientCredentials": { "tokenUrl": "/oauth/token", "scopes": {} } } }
            }
        },
        "security": [{ "bearer": [] }, { "apiKey": [] }, { "client": [] }]
    })
}

fn responses(status: &Value) -> Value {
    let one = |text: &str| json!({ "description": text, "content": { "application/json": { "schema": status } } });
    Value::Object(REFUSALS.iter().map(|(_, name, text)| ((*name).to_owned(), one(text))).collect())
}

fn parameters() -> Value {
    let header = |name: &str, text: &str| json!({ "name": name, "in": "header", "required": false, "description": text, "schema": { "type": "string" } });
    json!({
        "Language": header("Accept-Language", "Language of texts in answers: `en` or `zh-CN`."),
        "RequestId": header("X-Request-Id", "Names the call in logs and comes back in the answer."),
        "IdempotencyKey": header("Idempotency-Key", "Stands for `requestId` when that is empty: a repeat with the same key and body gives the first answer again; with another body it is refused."),
        "IfMatch": header("If-Match", "Stands for `etag` when that is empty: the version of the record that the caller saw. A stale one is refused and nothing changes.")
    })
}

fn tags(contract: &Contract, comments: &Comments) -> Vec<Value> {
    contract
        .pool
        .services()
        .filter(|service| contract.rpcs.iter().any(|rpc| rpc.exposed && *rpc.method.parent_service() == *service))
        .map(|service| {
            json!({ "name": service.name(), "description": comments.of(&service.parent_file(), service.path()) })
        })
        .collect()
}

/// Media types of tables.
const CSV: &str = "text/csv";
const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

struct Writer<'c> {
    comments: &'c Comments,
    schemas: Schemas<'c>,
    paths: BTreeMap<String, Map<String, Value>>,
    /// The path as first written, by its shape: OpenAPI knows one name for a place in a path.
    shapes: HashMap<String, (String, Vec<String>)>,
    /// How often an RPC has been mapped.
    uses: HashMap<String, usize>,
}

impl Writer<'_> {
    fn operation(&mut self, binding: &Binding) {
        let (path, names) = self.path(binding);
        let uses = self.uses.entry(binding.rpc.path.clone()).or_default();
        *uses += 1;
        let method = &binding.rpc.method;
        let mut id = format!("{}_{}", method.parent_service().name(), method.name());
        if *uses > 1 {
            id = format!("{id}_{uses}");
        }
        let text = self.comments.of(&method.parent_file(), method.path()).to_owned();
        let summary = text.split(". ").next().unwrap_or_default().trim_end_matches('.').replace('\n', " ");
        let mut operation = json!({
            "operationId": id,
            "tags": [method.parent_service().name()],
            "summary": summary,
            "description": format!("{text}\n\n{}", access(&binding.rpc)),
            "parameters": self.parameters(binding, &names),
            "responses": self.answers(binding),
        });
        if let Some(object) = operation.as_object_mut() {
            if let Some(body) = self.body(binding) {
                object.insert("requestBody".to_owned(), body);
            }
            if binding.rpc.access.public {
                object.insert("security".to_owned(), json!([]));
            }
        }
        let verb = binding.method.as_ref().map_or_else(|| "post".to_owned(), |verb| verb.as_str().to_lowercase());
        self.paths.entry(path).or_default().insert(verb, operation);
    }

    fn path(&mut self, binding: &Binding) -> (String, Vec<String>) {
        let template = &binding.template;
        let total = template.segments.len();
        let (mut path, mut shape, mut names) = (String::new(), String::new(), Vec::new());
        let mut at = 0;
        while at < total {
            let variable = binding.path_fields.iter().find(|variable| variable.start == at);
            let piece = match (variable, &template.segments[at]) {
                (Some(variable), _) => {
                    names.push(variable.fields.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join("_"));
                    at = variable.end.unwrap_or(total);
                    None
                }
                (None, Segment::Literal(text)) => {
                    at += 1;
                    Some(text.clone())
                }
                (None, Segment::One | Segment::Rest) => {
                    names.push(format!("segment_{at}"));
                    at += 1;
                    None
                }
            };
            match piece {
                Some(text) => {
                    path.push_str(&format!("/{text}"));
                    shape.push_str(&format!("/{text}"));
                }
                None => {
                    path.push_str(&format!("/{{{}}}", names.last().map_or("", String::as_str)));
                    shape.push_str("/{}");
                }
            }
        }
        if !template.verb.is_empty() {
            path.push_str(&format!(":{}", template.verb));
            shape.push_str(&format!(":{}", template.verb));
        }
        self.shapes.entry(shape).or_insert((path, names)).clone()
    }

    fn parameters(&mut self, binding: &Binding, names: &[String]) -> Vec<Value> {
        let mut parameters = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let schema = binding
                .path_fields
                .get(index)
                .and_then(|variable| variable.fields.last())
                .map_or_else(|| json!({ "type": "string" }), |field| self.schemas.field(field));
            let text = schema["description"].as_str().unwrap_or_default().to_owned();
            parameters
                .push(json!({ "name": name, "in": "path", "required": true, "description": text, "schema": schema }));
        }
        let input = binding.rpc.method.input();
        let taken: Vec<FieldDescriptor> = taken(binding);
        if !matches!(binding.body, BodyRule::Whole) {
            self.query(&input, &taken, "", 1, &mut parameters);
        }
        let refer = |name: &str| json!({ "$ref": format!("#/components/parameters/{name}") });
        if list::items(&binding.rpc.method).is_some() {
            parameters.push(json!({ "name": "format", "in": "query", "required": false,
                "description": "The whole list as a table instead of a page: `csv` or `xlsx`.",
                "schema": { "type": "string", "enum": ["json", "csv", "xlsx"] } }));
        }
        if input.get_field_by_name("request_id").is_some() {
            parameters.push(refer("IdempotencyKey"));
        }
        if input.get_field_by_name("etag").is_some() {
            parameters.push(refer("IfMatch"));
        }
        parameters.extend([refer("Language"), refer("RequestId")]);
        parameters
    }

    fn query(
        &mut self,
        message: &MessageDescriptor,
        taken: &[FieldDescriptor],
        above: &str,
        depth: usize,
        parameters: &mut Vec<Value>,
    ) {
        for field in message.fields().filter(|field| !taken.contains(field) && !field.is_map()) {
            let name = format!("{above}{}", field.json_name());
            if let Kind::Message(inner) = field.kind()
                && !inner.full_name().starts_with("google.protobuf.")
            {
                if !field.is_list() && depth < QUERY_DEPTH {
                    self.query(&inner, &[], &format!("{name}."), depth + 1, parameters);
                }
                continue;
            }
            let schema = self.schemas.field(&field);
            let text = schema["description"].as_str().unwrap_or_default().to_owned();
            parameters
                .push(json!({ "name": name, "in": "query", "required": false, "description": text, "schema": schema }));
        }
    }

    fn body(&mut self, binding: &Binding) -> Option<Value> {
        let schema = match &binding.body {
            BodyRule::None => return None,
            BodyRule::Whole => self.schemas.object(&binding.rpc.method.input(), &taken(binding)),
            BodyRule::Field(field) => self.schemas.field(field),
        };
        if bind::takes_raw_body(binding) {
            return Some(json!({ "required": true, "content": { "application/octet-stream": {} } }));
        }
        let required = schema.get("required").is_some();
        Some(json!({ "required": required, "content": { "application/json": { "schema": schema } } }))
    }

    fn answers(&mut self, binding: &Binding) -> Value {
        let method = &binding.rpc.method;
        let schema = match &binding.response_body {
            None => self.schemas.message(&method.output()),
            Some(field) => self.schemas.field(field),
        };
        let content = if method.is_server_streaming() {
            json!({ "application/x-ndjson": { "schema": schema }, "text/event-stream": { "schema": schema } })
        } else if method.output().full_name() == "google.api.HttpBody" {
            json!({ (CSV): {}, (WORKBOOK): {}, "application/octet-stream": {} })
        } else if list::items(method).is_some() {
            json!({ "application/json": { "schema": schema }, (CSV): {}, (WORKBOOK): {} })
        } else {
            json!({ "application/json": { "schema": schema } })
        };
        let mut answers = Map::new();
        answers.insert("200".to_owned(), json!({ "description": "Done.", "content": content }));
        for (status, name, _) in REFUSALS {
            // Without rights to lack, but there are wrong passwords and tokens that are over.
            let never = (binding.rpc.access.public && *status == "403")
                || (matches!(binding.body, BodyRule::None) && *status == "413");
            if !never {
                answers.insert((*status).to_owned(), json!({ "$ref": format!("#/components/responses/{name}") }));
            }
        }
        Value::Object(answers)
    }
}

/// Fields of the request itself that path or body fill.
fn taken(binding: &Binding) -> Vec<FieldDescriptor> {
    let mut taken: Vec<FieldDescriptor> = binding
        .path_fields
        .iter()
        .filter(|variable| variable.fields.len() == 1)
        .filter_map(|variable| variable.fields.first().cloned())
        .collect();
    if let BodyRule::Field(field) = &binding.body {
        taken.push(field.clone());
    }
    taken
}

/// Who may call, in words.
pub(crate) fn access(rpc: &Rpc) -> String {
    if rpc.access.public {
        return "Anybody may call it.".to_owned();
    }
    let roles: Vec<String> = rpc
        .access
        .roles()
        .map(|role| format!("`{}`", role.as_str_name().trim_start_matches("ROLE_").to_lowercase()))
        .collect();
    let scope = rpc.access.scope().as_str_name().trim_start_matches("SCOPE_").to_lowercase().replace('_', " ");
    format!("Roles: {}. Reach: {scope}.", roles.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn made() -> (Contract, Value) {
        let contract = Contract::read(proto::DESCRIPTORS).unwrap();
        let table = Table::read(&contract.rpcs).unwrap();
        let document = document(&contract, &table);
        (contract, document)
    }

    fn operations(document: &Value) -> Vec<&Value> {
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values()).collect()
    }

    #[test]
    fn every_exposed_rpc_has_one_operation_with_its_own_id() {
        let (contract, document) = made();
        let ids: Vec<&str> = operations(&document).iter().map(|op| op["operationId"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "an id stands twice");
        for rpc in contract.rpcs.iter().filter(|rpc| rpc.exposed) {
            let id = format!("{}_{}", rpc.method.parent_service().name(), rpc.method.name());
            assert!(ids.contains(&id.as_str()), "{id} is not documented");
        }
        assert!(!document.to_string().contains("EventService"));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
            match value {
                Value::Object(object) => {
                    found.extend(object.get("$ref").and_then(Value::as_str));
                    object.values().for_each(|value| walk(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| walk(value, found)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let (_, document) = made();
        let mut found = Vec::new();
        walk(&document, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some_and(|value| !value.is_null()), "{reference}");
        }
    }

    #[test]
    fn every_operation_says_who_may_call_it_and_how_it_fails() {
        let (_, document) = made();
        for operation in operations(&document) {
            let id = &operation["operationId"];
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{id} has no comment");
            let text = operation["description"].as_str().unwrap();
            assert!(text.contains("Roles:") || text.contains("Anybody"), "{id}");
            assert!(operation["responses"]["404"].is_object(), "{id}");
        }
    }
}
