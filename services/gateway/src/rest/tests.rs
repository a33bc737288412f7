//! The transcoder against the examples of `google/api/http.proto`, and against every kind of bad input.

use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

use super::{
    bind, reply,
    table::{Found, Table},
};
use crate::contract::Contract;

fn contract() -> Contract {
    let here = env!("CARGO_MANIFEST_DIR");
    let mut compiler = protox::Compiler::new([format!("{here}/tests/proto"), format!("{here}/../../proto")]).unwrap();
    compiler.include_imports(true).open_file("example/v1/messaging.proto").unwrap();
    Contract::read(&compiler.encode_file_descriptor_set()).unwrap()
}

struct Sent {
    rpc: String,
    message: Value,
}

/// What a REST call becomes: the RPC's name and its request as JSON, empty fields left out; or the refusal's reason,
/// field and rule.
fn sent_with(
    method: Method,
    target: &str,
    body: &str,
    headers: &[(&'static str, &'static str)],
) -> Result<Sent, [String; 3]> {
    let contract = contract();
    let table = Table::read(&contract.rpcs).unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
    let (binding, segments) = match table.find(&method, path) {
        Found::Binding(binding, segments) => (binding, segments),
        Found::Methods(allowed) => {
            return Err(["405".into(), allowed.into_iter().collect::<Vec<_>>().join(","), String::new()]);
        }
        Found::Nothing => return Err(["404".into(), String::new(), String::new()]),
    };
    match bind::request(binding, &segments, query, &headers, body.as_bytes()) {
        Ok(message) => Ok(Sent {
            rpc: binding.rpc.method.name().to_owned(),
            message: reply::message_json(&message, true).unwrap(),
        }),
        Err(error) => {
            let field = error.fields.first();
            Err([
                error.reason.name.to_owned(),
                field.map(|field| field.field.clone()).unwrap_or_default(),
                field.map(|field| field.rule.clone()).unwrap_or_default(),
            ])
        }
    }
}

fn sent(method: Method, target: &str, body: &str) -> Result<Sent, [String; 3]> {
    sent_with(method, target, body, &[])
}

#[track_caller]
fn check(method: Method, target: &str, body: &str, rpc: &str, message: Value) {
    let found = sent(method, target, body).unwrap_or_else(|refusal| panic!("{target}: {refusal:?}"));
    assert_eq!((found.rpc.as_str(), found.message), (rpc, message), "{target}");
}

#[track_caller]
fn refuse(method: Method, target: &str, body: &str, expected: [&str; 3]) {
    match sent(method, target, body) {
        Ok(found) => panic!("{target} {body} was taken: {}", found.message),
        Err(refusal) => assert_eq!(refusal.each_ref().map(String::as_str), expected, "{target} {body}"),
    }
}

#[test]
fn the_examples_of_the_specification_hold() {
    let id = json!({ "messageId": "123456" });
    check(Method::GET, "/v1/messages/123456/raw", "", "GetByName", json!({ "name": "messages/123456" }));
    check(Method::GET, "/v1/messages/123456", "", "GetMessage", id);
    check(
        Method::GET,
        "/v1/messages/123456?revision=2&sub.subfield=foo",
        "",
        "GetMessage",
        json!({ "messageId": "123456", "revision": "2", "sub": { "subfield": "foo" } }),
    );
    check(
        Method::PATCH,
        "/v1/messages/123456",
        r#"{"text":"Hi!"}"#,
        "UpdateMessage",
        json!({ "messageId": "123456", "message": { "text": "Hi!" } }),
    );
    check(
        Method::PUT,
        "/v1/messages/123456",
        r#"{"text":"Hi!"}"#,
        "ReplaceMessage",
        json!({ "messageId": "123456", "text": "Hi!" }),
    );
    check(
        Method::GET,
        "/v1/users/me/messages/123456",
        "",
        "GetMessage",
        json!({ "userId": "me", "messageId": "123456" }),
    );
}

#[test]
fn nested_fields_deep_paths_and_verbs_are_bound() {
    check(
        Method::GET,
        "/v1/subs/a%20b/x/y%2Fz:read",
        "",
        "Nested",
        json!({ "sub": { "subfield": "a b" }, "tail": "x/y%2Fz" }),
    );
    check(Method::GET, "/v1/subs/a:read", "", "Nested", json!({ "sub": { "subfield": "a" } }));
    // In a variable of one segment the encoded slash is a slash of the value.
    check(Method::GET, "/v1/messages/a%2Fb", "", "GetMessage", json!({ "messageId": "a/b" }));
    // A colon that is no known verb belongs to the segment.
    check(Method::GET, "/v1/messages/a:b", "", "GetMessage", json!({ "messageId": "a:b" }));
    check(Method::GET, "/v1/messages:search", "", "Search", json!({}));
}

#[test]
fn query_parameters_of_every_kind_are_bound() {
    check(
        Method::GET,
        "/v1/messages:search?tags=a&tags=b%20c&colours=COLOUR_RED&colours=2&since=2026-11-21T08%3A00%3A00Z&within=1.5s\
         &fields=text,message_id&read=true&unread_only=true&leastScore=0.5&cursor=YWJj",
        "",
        "Search",
        json!({
            "tags": ["a", "b c"],
            "colours": ["COLOUR_RED", "COLOUR_BLUE"],
            "since": "2026-11-21T08:00:00Z",
            "within": "1.500s",
            "fields": "text,messageId",
            "read": true,
            "unreadOnly": true,
            "leastScore": 0.5,
            "cursor": "YWJj",
        }),
    );
}

#[test]
fn both_spellings_of_names_are_taken_in_bodies_and_masks() {
    check(
        Method::PATCH,
        "/v1/messages/1?update_mask=message_id,text",
        r#"{"message_id":"1"}"#,
        "UpdateMessage",
        json!({ "messageId": "1", "message": { "messageId": "1" }, "updateMask": "messageId,text" }),
    );
    check(
        Method::PUT,
        "/v1/messages/1",
        r#"{"message_id":"1","text":"a"}"#,
        "ReplaceMessage",
        json!({ "messageId": "1", "text": "a" }),
    );
    check(
        Method::POST,
        "/v1/messages",
        r#"{"colour":2,"size":9007199254740993,"sub":{"number":"7"}}"#,
        "Send",
        json!({ "colour": "COLOUR_BLUE", "size": "9007199254740993", "sub": { "number": 7 } }),
    );
    check(Method::POST, "/v1/messages", "", "Send", json!({}));
}

#[test]
fn headers_stand_for_empty_fields_only() {
    let key = [("idempotency-key", "k-1")];
    let message = |body| sent_with(Method::POST, "/v1/messages", body, &key).unwrap().message;
    assert_eq!(message(r#"{"text":"a"}"#), json!({ "requestId": "k-1", "text": "a" }));
    assert_eq!(message(r#"{"requestId":""}"#), json!({ "requestId": "k-1" }));
    assert_eq!(message(r#"{"request_id":"own"}"#), json!({ "requestId": "own" }));

    let etag = |value| {
        let sent = sent_with(Method::PATCH, "/v1/messages/1", "{}", &[("if-match", value)]).unwrap();
        sent.message["etag"].clone()
    };
    assert_eq!(etag("\"7\""), "7");
    assert_eq!(etag("W/\"7\""), "7");
    assert_eq!(etag("*"), Value::Null);
}

#[test]
fn unknown_paths_and_methods_are_told_apart() {
    refuse(Method::GET, "/v1/nothing", "", ["404", "", ""]);
    refuse(Method::GET, "/v1/messages/", "", ["404", "", ""]);
    refuse(Method::GET, "/v1/messages/1/2", "", ["404", "", ""]);
    refuse(Method::GET, "/v1/messages:other", "", ["404", "", ""]);
    refuse(Method::DELETE, "/v1/messages/1", "", ["405", "GET,PATCH,PUT", ""]);
    refuse(Method::GET, "/v1/messages", "", ["405", "POST", ""]);
    // What only services may call has no door.
    refuse(Method::GET, "/internal/x", "", ["404", "", ""]);
}

#[test]
fn bad_bodies_are_refused_with_their_field() {
    let post = |body, expected| refuse(Method::POST, "/v1/messages", body, expected);
    post("{", ["MALFORMED_JSON", "", ""]);
    post("{}x", ["MALFORMED_JSON", "", ""]);
    post("{\"text\":\"\u{0}\"}", ["MALFORMED_JSON", "", ""]);
    post("[1]", ["INVALID_FIELDS", "", "an object is needed"]);
    post(r#"{"txet":"a"}"#, ["UNKNOWN_FIELD", "txet", "unknown_field"]);
    post(r#"{"sub":{"nubmer":1}}"#, ["UNKNOWN_FIELD", "sub.nubmer", "unknown_field"]);
    post(r#"{"colour":"COLOUR_PINK"}"#, ["INVALID_FIELDS", "colour", "enum.defined_only"]);
    post(r#"{"text":1}"#, ["INVALID_FIELDS", "text", "json.type"]);
    post(r#"{"size":"many"}"#, ["INVALID_FIELDS", "size", "json.type"]);
    post(r#"{"sub":{"number":3000000000}}"#, ["INVALID_FIELDS", "sub.number", "json.type"]);
    let deep = format!("{{\"sub\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    post(&deep, ["MALFORMED_JSON", "", ""]);
    refuse(
        Method::PUT,
        "/v1/messages/1",
        r#"{"messageId":"2"}"#,
        ["INVALID_FIELDS", "message_id", "differs from the path"],
    );
}

#[test]
fn bad_queries_are_refused_with_their_field() {
    let search = |query: &str, expected| refuse(Method::GET, &format!("/v1/messages:search?{query}"), "", expected);
    search("nothing=1", ["UNKNOWN_FIELD", "nothing", "unknown_field"]);
    search("subs.number=1", ["UNKNOWN_FIELD", "subs.number", "unknown_field"]);
    search("subs=1", ["UNKNOWN_FIELD", "subs", "unknown_field"]);
    search("unread_only=yes", ["INVALID_FIELDS", "unread_only", "true or false"]);
    search("unread_only=true&unreadOnly=true", ["INVALID_FIELDS", "unread_only", "given more than once"]);
    search("since=yesterday", ["INVALID_FIELDS", "since", "json.type"]);
    search("colours=COLOUR_PINK", ["INVALID_FIELDS", "colours[0]", "enum.defined_only"]);
    refuse(Method::POST, "/v1/messages?text=a", "{}", ["UNKNOWN_FIELD", "text", "unknown_field"]);
    refuse(Method::PATCH, "/v1/messages/1?message.text=a", "{}", ["UNKNOWN_FIELD", "message.text", "unknown_field"]);
}

#[test]
fn the_contract_of_the_platform_has_no_two_mappings_of_one_path() {
    let contract = Contract::read(proto::DESCRIPTORS).unwrap();
    let table = Table::read(&contract.rpcs).unwrap();
    let exposed = contract.rpcs.iter().filter(|rpc| rpc.exposed).count();
    assert!(table.bindings().len() >= exposed && exposed > 50, "{exposed} RPCs are exposed");
}
