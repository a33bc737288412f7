//! Bad input of every kind, through the public door: the documented status, the reason, a text in the caller's language, the
//! field at fault; and nothing has changed.

use harness::{Faults, Platform, Shape, Surface, eventually, steps, world::World};
use http::Method;
use prost::Message as _;
use proto::aftercare::intake::v1::GetCustomerRequest;
use serde_json::{Value, json};
use tonic::Code;

use crate::wire::{LANGUAGES, Refused, SURFACES, Wire};

const INTAKE: &str = "/aftercare.intake.v1.IntakeService";
const NOBODY: &str = "cu_00000000000000000000000000";

/// What a refusal has to be: HTTP status, gRPC code, reason, and the field that has to be named, if it is one's fault.
type Want = (u16, Code, &'static str, &'static str);

const NOT_FOUND: Want = (404, Code::NotFound, "NOT_FOUND", "");
const INVALID_ID: Want = (400, Code::InvalidArgument, "INVALID_ID", "");
const ILLEGAL: Want = (400, Code::FailedPrecondition, "ILLEGAL_TRANSITION", "");
const STALE: Want = (409, Code::Aborted, "STALE_ETAG", "");
const REUSED: Want = (409, Code::AlreadyExists, "REQUEST_ID_REUSED", "");
const MALFORMED: Want = (400, Code::InvalidArgument, "MALFORMED_JSON", "");
const TOO_LARGE: Want = (413, Code::InvalidArgument, "BODY_TOO_LARGE", "");
const NO_METHOD: Want = (405, Code::InvalidArgument, "METHOD_NOT_ALLOWED", "");
const NO_PATH: Want = (404, Code::NotFound, "UNKNOWN_PATH", "");
const NO_JSON: Want = (415, Code::InvalidArgument, "UNSUPPORTED_MEDIA_TYPE", "");

const fn invalid(field: &'static str) -> Want {
    (400, Code::InvalidArgument, "INVALID_FIELDS", field)
}

const fn unknown(field: &'static str) -> Want {
    (400, Code::InvalidArgument, "UNKNOWN_FIELD", field)
}

/// One case on its way, at which bad input is thrown.
pub(crate) struct Case {
    pub(crate) platform: Platform,
    pub(crate) wire: Wire,
    customer: Value,
    request: Value,
    pub(crate) order: String,
}

impl Case {
    pub(crate) async fn open() -> Self {
        let platform = Platform::start(Shape::OneProcess, Surface::Rest, Faults::None).await;
        World::make(&platform).await;
        let wire = Wire::to(&platform);
        let call = async |rpc: &str, request: Value| {
            let answer = wire.call(Surface::Rest, rpc, &request, "en").await;
            answer.unwrap_or_else(|refused| panic!("{rpc} {request}: {refused:?}"))
        };
        let customer = call(
            "CreateCustomer",
            json!({
                "requestId": "the-first-call", "name": "李晓明", "phones": [{ "number": "+8613800138000", "primary": true }],
                "addresses": [{ "province": "上海市", "city": "上海市", "district": "徐汇区", "line": "漕溪北路 88 号",
                    "divisionCode": "310104", "position": { "latitude": 31.19, "longitude": 121.44 } }],
            }),
        )
        .await;
        let owner = &customer["customerId"];
        // In warranty: nobody has to agree to a price.
        let bought = (steps::now().date_naive() - chrono::Days::new(60)).to_string();
        let product = json!({ "customerId": owner, "model": "WM-80S", "categoryCode": "appliance.washer", "purchaseDate": bought });
        let product = text(&call("CreateProduct", product).await, "productId");
        let request = call(
            "CreateServiceRequest",
            json!({ "customerId": owner, "productId": product, "kind": "REQUEST_KIND_REPAIR", "channel": "CHANNEL_HOTLINE" }),
        )
        .await;
        let id = json!({ "serviceRequestId": request["serviceRequestId"] });
        call("TriageServiceRequest", id.clone()).await;
        call("ReleaseServiceRequest", id.clone()).await;
        let request = eventually("the request is scheduled", async || {
            let request =
                wire.call(Surface::Rest, "GetServiceRequest", &id, "en").await.map_err(|refused| refused.message)?;
            if request["state"] == "REQUEST_STATE_SCHEDULED" { Ok(request) } else { Err(request["state"].to_string()) }
        })
        .await;
        let orders = call("ListWorkOrders", json!({ "serviceRequestId": request["serviceRequestId"] })).await;
        let order = text(&orders["workOrders"][0], "workOrderId");
        Self { platform, wire, customer, request, order }
    }

    pub(crate) fn customer(&self) -> String {
        text(&self.customer, "customerId")
    }

    fn request(&self) -> String {
        text(&self.request, "serviceRequestId")
    }

    /// Everything there is: records with their versions, and every change of them.
    async fn everything(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for (rpc, request) in [
            ("GetCustomerTimeline", json!({ "customerId": self.customer() })),
            ("ListCustomerChanges", json!({ "customerId": self.customer() })),
            ("ListCustomers", json!({})),
            ("ListProducts", json!({})),
            ("ListServiceRequests", json!({})),
            ("ListContacts", json!({ "serviceRequestId": self.request() })),
            ("ListWorkOrders", json!({})),
            ("ListServicePoints", json!({})),
            ("ListTechnicians", json!({})),
            ("ListParts", json!({})),
            ("ListLocations", json!({})),
            ("ListStockBalances", json!({})),
            ("ListReservations", json!({})),
            ("ListComplaints", json!({})),
            ("ListInvitations", json!({})),
        ] {
            let answer = self.wire.call(Surface::Rest, rpc, &request, "en").await;
            let mut answer = answer.unwrap_or_else(|refused| panic!("{rpc}: {refused:?}"));
            assert!(answer["unavailableServices"].as_array().is_none_or(Vec::is_empty), "{answer}");
            stop_clocks(&mut answer);
            all.push(answer);
        }
        all
    }
}

/// Leaves out what runs by itself: how much of a term is used is counted when it is asked for.
fn stop_clocks(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.remove("usedSeconds");
            object.values_mut().for_each(stop_clocks);
        }
        Value::Array(values) => values.iter_mut().for_each(stop_clocks),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What is no longer as it was.
fn changes(before: &[Value], after: &[Value]) -> Vec<String> {
    let pairs = before.iter().zip(after).filter(|(before, after)| before != after);
    pairs.map(|(before, after)| format!("{before}\n  became {after}")).collect()
}

pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

/// What is wrong with an answer to bad input.
fn fault(answer: Result<Value, Box<Refused>>, want: Want, language: &str) -> Option<String> {
    let refused = match answer {
        Ok(answer) => return Some(format!("not refused: {answer}")),
        Err(refused) => refused,
    };
    let (http, code, reason, field) = want;
    if (refused.code, refused.reason.as_str()) != (code, reason) || refused.http.is_some_and(|status| status != http) {
        return Some(format!("{want:?} was expected: {refused:?}"));
    }
    if !field.is_empty() && !refused.fields.iter().any(|named| named == field) {
        return Some(format!("{field} is not named: {refused:?}"));
    }
    refused.is_told_well(language).err()
}

/// What both surfaces can get wrong: name, RPC, request, refusal.
fn over_both(case: &Case) -> Vec<(&'static str, &'static str, Value, Want)> {
    let (customer, request, order) = (case.customer(), case.request(), &case.order);
    let update =
        |etag: &str, path: &str| json!({ "customerId": customer, "etag": etag, "updateMask": path, "name": "王芳" });
    let new = json!({ "customerId": customer, "kind": "REQUEST_KIND_REPAIR", "channel": "CHANNEL_HOTLINE" });
    let with = |mut base: Value, name: &str, value: Value| {
        base[name] = value;
        base
    };
    vec![
        ("unknown id", "GetCustomer", json!({ "customerId": NOBODY }), NOT_FOUND),
        ("unknown id, write", "UpdateCustomer", with(update("1", "name"), "customerId", json!(NOBODY)), NOT_FOUND),
        ("unknown id in a field", "CreateServiceRequest", with(new.clone(), "customerId", json!(NOBODY)), NOT_FOUND),
        ("id of another type", "GetWorkOrder", json!({ "workOrderId": customer }), INVALID_ID),
        ("id of another type, write", "TriageServiceRequest", json!({ "serviceRequestId": customer }), INVALID_ID),
        (
            "id of another type in a field",
            "CreateServiceRequest",
            with(new.clone(), "productId", json!(customer)),
            INVALID_ID,
        ),
        ("malformed id", "GetServiceRequest", json!({ "serviceRequestId": "1; drop table" }), INVALID_ID),
        ("malformed id, timeline", "GetCustomerTimeline", json!({ "customerId": "x" }), invalid("customer_id")),
        ("illegal transition", "TriageServiceRequest", json!({ "serviceRequestId": request }), ILLEGAL),
        ("illegal transition", "CloseServiceRequest", json!({ "serviceRequestId": request }), ILLEGAL),
        ("illegal transition", "VerifyWorkOrder", json!({ "workOrderId": order }), ILLEGAL),
        ("stale etag, update", "UpdateCustomer", update("7", "name"), STALE),
        (
            "stale etag, action",
            "CancelServiceRequest",
            json!({ "serviceRequestId": request, "etag": "1", "reason": "x" }),
            STALE,
        ),
        ("etag that is none", "UpdateCustomer", update("latest", "name"), STALE),
        ("no etag", "UpdateCustomer", update("", "name"), invalid("etag")),
        ("reused request id", "CreateCustomer", json!({ "requestId": "the-first-call", "name": "王芳" }), REUSED),
        ("unknown enum number", "CreateCustomer", json!({ "name": "王芳", "kind": 99 }), invalid("kind")),
        ("enum left out", "CreateServiceRequest", json!({ "customerId": customer }), invalid("channel")),
        ("required field left out", "CreateCustomer", json!({ "kind": "CUSTOMER_KIND_PERSON" }), invalid("name")),
        (
            "required field of several",
            "CreateServiceRequest",
            json!({ "channel": "CHANNEL_HOTLINE" }),
            invalid("customer_id"),
        ),
        (
            "required message left out",
            "UpdateCustomer",
            with(update("1", "name"), "updateMask", Value::Null),
            invalid("update_mask"),
        ),
        ("unknown field in a mask", "UpdateCustomer", update("1", "secret"), invalid("update_mask.secret")),
        ("too long", "CreateCustomer", json!({ "name": "王".repeat(121) }), invalid("name")),
        (
            "too long, nested",
            "CreateCustomer",
            json!({ "name": "王芳", "addresses": [{}, { "line": "路".repeat(301) }] }),
            invalid("addresses[1].line"),
        ),
        (
            "too short, nested",
            "CreateCustomer",
            json!({ "name": "王芳", "phones": [{ "number": "1" }] }),
            invalid("phones[0].number"),
        ),
        ("wrong form", "CreateCustomer", json!({ "name": "王芳", "emails": ["none"] }), invalid("emails[0]")),
        (
            "no telephone",
            "CreateCustomer",
            json!({ "name": "王芳", "phones": [{ "number": "abcdef" }] }),
            (400, Code::InvalidArgument, "INVALID_PHONE", "phones[0].number"),
        ),
        ("no day", "CreateCustomer", json!({ "name": "王芳", "birthday": "1990-02-30" }), invalid("birthday")),
        (
            "no coordinate",
            "CreateCustomer",
            json!({ "name": "王芳", "addresses": [{ "position": { "latitude": 91 } }] }),
            invalid("addresses[0].position.latitude"),
        ),
        ("too many", "CreateCustomer", json!({ "name": "王芳", "tags": vec!["x"; 21] }), invalid("tags")),
        (
            "from the future",
            "CreateServiceRequest",
            with(new, "requestedAt", json!("2999-01-01T00:00:00Z")),
            invalid("requested_at"),
        ),
        ("negative page size", "ListCustomers", json!({ "pageSize": -1 }), invalid("page_size")),
        (
            "damaged page token",
            "ListCustomers",
            json!({ "pageToken": "AAAA" }),
            (400, Code::InvalidArgument, "INVALID_PAGE_TOKEN", ""),
        ),
        (
            "unknown order",
            "ListCustomers",
            json!({ "orderBy": "secret" }),
            (400, Code::InvalidArgument, "INVALID_ORDER", ""),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_refused_over_both_surfaces_and_changes_nothing() {
    let case = Case::open().await;
    let before = case.everything().await;
    let mut faults = Vec::new();
    for (name, rpc, request, want) in over_both(&case) {
        for surface in SURFACES {
            for language in LANGUAGES {
                let answer = case.wire.call(surface, rpc, &request, language).await;
                let fault = fault(answer, want, language);
                faults.extend(fault.map(|fault| format!("{name} ({rpc} {surface:?} {language}): {fault}")));
            }
        }
        let changed = changes(&before, &case.everything().await);
        faults.extend(changed.iter().map(|change| format!("{name} ({rpc}) has changed something: {change}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(case.everything().await, before);
    case.platform.stop().await;
}

/// What only REST can get wrong: name, method, target, headers, body, refusal.
type Raw = (&'static str, Method, String, Vec<(&'static str, String)>, String, Want);

fn over_rest(case: &Case) -> Vec<Raw> {
    let customer = format!("/v1/customers/{}", case.customer());
    let request = format!("/v1/service-requests/{}", case.request());
    let customers = || "/v1/customers".to_owned();
    let json = |more: &[(&'static str, &str)]| {
        let all = std::iter::once(&("content-type", "application/json")).chain(more);
        all.map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>()
    };
    let post = |name, target: String, body: &str, want| (name, Method::POST, target, json(&[]), body.to_owned(), want);
    let get = |name, target: String, want| (name, Method::GET, target, Vec::new(), String::new(), want);
    let patch = |name, more: &[(&'static str, &str)], body: &str, want| {
        (name, Method::PATCH, customer.clone(), json(more), body.to_owned(), want)
    };
    vec![
        post("malformed JSON", customers(), r#"{"name": "#, MALFORMED),
        post("malformed JSON, text behind it", customers(), r#"{"name": "x"} or so"#, MALFORMED),
        post("malformed JSON, no UTF-8", customers(), "{\"name\": \"\u{0}\"}", MALFORMED),
        post("no object", customers(), r#"["name"]"#, invalid("")),
        post("unknown field", customers(), r#"{"name": "x", "colour": 1}"#, unknown("colour")),
        post(
            "unknown field, nested",
            customers(),
            r#"{"name": "x", "phones": [{"colour": 1}]}"#,
            unknown("phones[0].colour"),
        ),
        post("unknown parameter", format!("{}?colour=1", customers()), r#"{"name": "x"}"#, unknown("colour")),
        get("unknown filter", format!("{}?colour=1", customers()), unknown("colour")),
        post("unknown enum name", customers(), r#"{"name": "x", "kind": "CUSTOMER_KIND_CAT"}"#, invalid("kind")),
        get("unknown enum name, filter", "/v1/service-requests?state=ASLEEP".to_owned(), invalid("state")),
        post("wrong type", customers(), r#"{"name": 5}"#, invalid("name")),
        post(
            "wrong type, nested",
            customers(),
            r#"{"name": "x", "phones": [{"number": {}}]}"#,
            invalid("phones[0].number"),
        ),
        post(
            "no instant",
            "/v1/service-requests".to_owned(),
            r#"{"requestedAt": "yesterday"}"#,
            invalid("requested_at"),
        ),
        get("no number", format!("{}?page_size=many", customers()), invalid("page_size")),
        get("given twice", format!("{}?page_size=1&page_size=2", customers()), invalid("page_size")),
        get("path without UTF-8", format!("{}/%ff", customers()), invalid("path")),
        post("too large", customers(), &format!(r#"{{"name": "{}"}}"#, "x".repeat(1024 * 1024)), TOO_LARGE),
        patch(
            "path and body differ",
            &[],
            &format!(r#"{{"customerId": "{NOBODY}", "etag": "1"}}"#),
            invalid("customer_id"),
        ),
        patch("stale If-Match", &[("if-match", "\"7\"")], r#"{"updateMask": "name", "name": "王芳"}"#, STALE),
        (
            "stale If-Match, action",
            Method::POST,
            format!("{request}:cancel"),
            json(&[("if-match", "W/\"1\"")]),
            r#"{"reason": "x"}"#.to_owned(),
            STALE,
        ),
        (
            "reused Idempotency-Key",
            Method::POST,
            customers(),
            json(&[("idempotency-key", "the-first-call")]),
            r#"{"name": "王芳"}"#.to_owned(),
            REUSED,
        ),
        ("wrong method", Method::DELETE, customer.clone(), Vec::new(), String::new(), NO_METHOD),
        ("wrong method, action", Method::GET, format!("{request}:triage"), Vec::new(), String::new(), NO_METHOD),
        get("unknown path", "/v1/cats".to_owned(), NO_PATH),
        post("unknown action", format!("{request}:explode"), "{}", NO_METHOD),
        get("id left out", "/v1/customers/".to_owned(), NO_PATH),
        (
            "wrong content type",
            Method::POST,
            customers(),
            vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            "name=x".to_owned(),
            NO_JSON,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_rest_can_get_wrong_is_refused_and_changes_nothing() {
    let case = Case::open().await;
    let before = case.everything().await;
    let mut faults = Vec::new();
    for (name, method, target, headers, body, want) in over_rest(&case) {
        let headers: Vec<(&'static str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for language in LANGUAGES {
            let answer = case.wire.rest(method.clone(), &target, &headers, body.clone(), language).await;
            faults.extend(fault(answer, want, language).map(|fault| format!("{name} ({language}): {fault}")));
        }
        let changed = changes(&before, &case.everything().await);
        faults.extend(changed.iter().map(|change| format!("{name} has changed something: {change}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    case.platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_grpc_can_get_wrong_is_refused_and_changes_nothing() {
    let case = Case::open().await;
    let before = case.everything().await;
    let mut faults = Vec::new();
    let large = GetCustomerRequest { customer_id: "x".repeat(1024 * 1024 + 1) }.encode_to_vec();
    for (name, path, message, want) in [
        ("too large", format!("{INTAKE}/GetCustomer"), large, (0, Code::ResourceExhausted, "BODY_TOO_LARGE", "")),
        ("unknown RPC", format!("{INTAKE}/GetCat"), Vec::new(), (0, Code::Unimplemented, "UNKNOWN_PATH", "")),
        (
            "unknown service",
            "/cats.v1.Cats/GetCat".to_owned(),
            Vec::new(),
            (0, Code::Unimplemented, "UNKNOWN_PATH", ""),
        ),
        // Between services only: for the public it is not there.
        (
            "no public RPC",
            "/aftercare.common.v1.EventService/Republish".to_owned(),
            Vec::new(),
            (0, Code::Unimplemented, "UNKNOWN_PATH", ""),
        ),
    ] {
        for language in LANGUAGES {
            let answer = case.wire.grpc(&path, message.clone(), language).await;
            let answer = answer.map(|bytes| json!(bytes.len()));
            faults.extend(fault(answer, want, language).map(|fault| format!("{name} ({language}): {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(case.everything().await, before);
    case.platform.stop().await;
}

/// The same call again, one after the other and all at once, over both surfaces: one effect, the same answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_id_has_one_effect_and_the_same_answer() {
    let case = Case::open().await;
    let wire = &case.wire;
    for surface in SURFACES {
        let create = json!({ "requestId": format!("again-{surface:?}"), "name": "张伟" });
        let first = wire.call(surface, "CreateCustomer", &create, "en").await.expect("a customer");
        let mut again = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (wire, create) = (wire.clone(), create.clone());
            again.spawn(
                async move { wire.call(surface, "CreateCustomer", &create, "zh-CN").await.expect("a customer") },
            );
        }
        assert!(again.join_all().await.iter().all(|answer| *answer == first), "a repeat answers otherwise");

        // A refused call has not used up its id.
        let id = text(&first, "customerId");
        let mut update = json!({ "requestId": format!("refused-once-{surface:?}"), "customerId": id, "etag": "5",
            "updateMask": "name", "name": "张敏" });
        let refused = wire.call(surface, "UpdateCustomer", &update, "en").await.expect_err("a stale etag");
        assert_eq!(refused.reason, "STALE_ETAG");
        update["etag"] = json!("1");
        let updated = wire.call(surface, "UpdateCustomer", &update, "en").await.expect("the id is free");
        assert_eq!(text(&updated, "etag"), "2");
        assert_eq!(wire.call(surface, "UpdateCustomer", &update, "en").await.expect("a repeat"), updated);
        // Also after the record has moved on, the answer is that of the first time.
        assert_eq!(wire.call(surface, "CreateCustomer", &create, "en").await.expect("a repeat"), first);

        let history =
            wire.call(surface, "GetCustomerTimeline", &json!({ "customerId": id }), "en").await.expect("a history");
        let actions: Vec<&str> =
            history["entries"].as_array().into_iter().flatten().filter_map(|entry| entry["action"].as_str()).collect();
        assert_eq!(actions, ["create", "update"]);
    }
    case.platform.stop().await;
}
