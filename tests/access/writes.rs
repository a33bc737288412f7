//! What a write may not do: make or move a record where its maker sees nothing, or set what only the server sets.

use std::collections::BTreeSet;

use harness::contract;
use http::{HeaderValue, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tonic::Code;

use crate::{
    bodies,
    caller::Caller,
    oracle::{allowed, text},
    world::{World, rpc, rpcs},
};

/// All of it.
pub(crate) async fn nobody_writes_out_of_sight(world: &World) {
    nobody_makes_a_record_out_of_sight(world).await;
    nobody_learns_of_a_complaint_by_opening_it_again(world).await;
    nobody_moves_a_record_out_of_sight(world).await;
    nobody_sets_what_the_server_sets(world).await;
}

/// A record in another region is refused, and nothing of it stays.
async fn nobody_makes_a_record_out_of_sight(world: &World) {
    let east = |kind: &str| {
        let found = world.of_kind(kind).find(|record| text(&record.json, "orgUnitId") == "office-east");
        found.expect("a record in the east").json.clone()
    };
    let customer = east("customer")["customerId"].clone();
    let place = world.of_kind("location").find(|place| {
        text(&place.json, "orgUnitId") == "office-east" && text(&place.json, "kind") == "LOCATION_KIND_REGIONAL"
    });
    let place = place.expect("a store in the east").id.clone();
    let sku = world.list(world.caller("admin"), "parts-inventory", "ListParts").await.expect("parts")[0]["sku"].clone();
    let lines = json!([{ "sku": sku, "quantityMilli": "1000" }]);
    for (service, name, list, mut body) in [
        (
            "intake",
            "CreateServiceRequest",
            "ListServiceRequests",
            json!({ "customerId": customer, "kind": "REQUEST_KIND_REPAIR", "channel": "CHANNEL_HOTLINE" }),
        ),
        (
            "intake",
            "CreateCustomer",
            "ListCustomers",
            json!({ "name": "Far", "kind": "CUSTOMER_KIND_PERSON", "language": "en",
            "addresses": [{ "city": "北京市", "divisionCode": "110101" }] }),
        ),
        (
            "complaint",
            "ReceiveComplaint",
            "ListComplaints",
            json!({ "channel": "COMPLAINT_CHANNEL_HOTLINE", "subject": "COMPLAINT_SUBJECT_DELAY",
            "severity": "SEVERITY_NORMAL", "customerId": customer, "description": "late" }),
        ),
        (
            "complaint",
            "OpenCorrectiveAction",
            "ListCorrectiveActions",
            json!({ "causeCode": "out.of_sight", "problem": "again" }),
        ),
        (
            "dispatch",
            "CreateServicePoint",
            "ListServicePoints",
            json!({ "name": "Far", "contactName": "x", "contactPhone": "+8613800138000",
            "timeZone": "Asia/Shanghai", "address": { "city": "北京市" } }),
        ),
        (
            "parts-inventory",
            "OpenReturn",
            "ListReturns",
            json!({ "wish": "RETURN_WISH_RETURN", "customerId": customer, "reason": "defective" }),
        ),
        (
            "parts-inventory",
            "RequestSupplementaryOrder",
            "ListSupplementaryOrders",
            json!({ "lines": lines, "locationId": place, "reason": "damaged",
            "responsibility": "RESPONSIBILITY_PRODUCTION" }),
        ),
        ("survey", "SetCallbackAgent", "ListCallbackAgents", json!({ "agentId": "far", "available": true })),
    ] {
        let rpc = rpc(service, name);
        if rpc.input().get_field_by_name("org_unit_id").is_some() {
            body["orgUnitId"] = json!("office-north");
        }
        let count = async || world.list(world.caller("admin"), service, list).await.expect("a list").len();
        let before = count().await;
        let message = contract::from_json(rpc.input(), body.clone()).expect("a request");
        let refused = world.wire.direct(world.caller("supervisor east"), &rpc, &message).await;
        let refused = refused.expect_err(&format!("{name} {body}"));
        assert_eq!(
            (refused.code, &*refused.reason),
            (Code::PermissionDenied, "OUT_OF_REACH"),
            "{name}: {}",
            refused.whole
        );
        assert_eq!(count().await, before, "{name} left something");
    }
}

/// Where a complaint of the same matter is open already, the refusal is the same as where there is none.
async fn nobody_learns_of_a_complaint_by_opening_it_again(world: &World) {
    let there = world.of_kind("complaint").map(|record| &record.json).find(|complaint| {
        text(complaint, "orgUnitId") == "office-north" && text(complaint, "subject") == "COMPLAINT_SUBJECT_INSTALLATION"
    });
    let there = there.expect("a complaint in the north");
    let again = json!({ "channel": "COMPLAINT_CHANNEL_HOTLINE", "subject": there["subject"], "severity": "SEVERITY_NORMAL",
        "customerId": there["customerId"], "serviceRequestId": there["serviceRequestIds"][0],
        "orgUnitId": "office-north", "description": "again" });
    let rpc = rpc("complaint", "ReceiveComplaint");
    let message = contract::from_json(rpc.input(), again).expect("a request");
    let refused = world.wire.direct(world.caller("supervisor east"), &rpc, &message).await.expect_err("out of sight");
    assert_eq!(refused.reason, "OUT_OF_REACH", "{}", refused.whole);
}

/// Nor is one moved where its mover sees nothing.
async fn nobody_moves_a_record_out_of_sight(world: &World) {
    let found = world.of_kind("service_point").find(|record| text(&record.json, "orgUnitId") == "office-east");
    let point = found.expect("a service point in the east").id.clone();
    let present = world.act("admin", "dispatch", "GetServicePoint", json!({ "servicePointId": point })).await;
    let rpc = rpc("dispatch", "UpdateServicePoint");
    let change = json!({ "servicePointId": point, "etag": present["etag"], "orgUnitId": "office-north", "updateMask": "orgUnitId" });
    let message = contract::from_json(rpc.input(), change).expect("a request");
    let refused = world.wire.direct(world.caller("supervisor east"), &rpc, &message).await.expect_err("moved away");
    assert_eq!(refused.reason, "OUT_OF_REACH", "{}", refused.whole);
    let after = world.act("admin", "dispatch", "GetServicePoint", json!({ "servicePointId": point })).await;
    assert_eq!(after, present, "nothing has changed");
}

/// Every field that the server sets, set in every write that has no such field: refused, not taken.
async fn nobody_sets_what_the_server_sets(world: &World) {
    let (mut set, mut problems) = (0, Vec::new());
    for rpc in rpcs() {
        let asked: BTreeSet<String> = rpc.input().fields().map(|field| field.name().to_owned()).collect();
        // A file is taken as it is: there are no fields in it.
        let file = rpc
            .input()
            .fields()
            .any(|field| matches!(field.kind(), prost_reflect::Kind::Message(kind) if kind.name() == "HttpBody"));
        let anybody = world.callers.iter().any(|caller| may(&rpc, caller));
        if !asked.contains("request_id") || !anybody || file {
            continue;
        }
        let answer = rpc.output();
        let own: Vec<_> = answer.fields().filter(|field| !asked.contains(field.name())).collect();
        for field in own {
            set += 1;
            let body = bodies::request(&rpc, set, &|_| "none".to_owned());
            let call = contract::rest(&rpc, &body).expect("a mapping");
            let mut json = call.body.unwrap_or_else(|| json!({}));
            json[field.json_name()] = value(&field);
            let mut headers =
                world.wire.headers(world.callers.iter().rev().find(|one| may(&rpc, one)).expect("somebody"));
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let (status, _, answer) =
                world.wire.door.raw(call.method, &call.target, headers, json.to_string()).await.expect("an answer");
            let answer: Value = serde_json::from_slice(&answer).expect("JSON");
            if status.as_u16() != 400 || !answer.to_string().contains("UNKNOWN_FIELD") {
                problems.push(format!("{} {}: {status} {answer}", rpc.full_name(), field.name()));
            }
        }
    }
    println!("{set} fields that only the server sets, {} problems", problems.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(set > 500, "only {set} fields");
}

/// Whether somebody may call an RPC through the door.
fn may(rpc: &prost_reflect::MethodDescriptor, caller: &Caller) -> bool {
    !caller.bearer.is_empty() && allowed(rpc, caller)
}

fn value(field: &prost_reflect::FieldDescriptor) -> Value {
    use prost_reflect::Kind;
    let one = match field.kind() {
        Kind::Bool => json!(true),
        Kind::String => json!("set"),
        Kind::Message(_) => json!({}),
        Kind::Enum(kind) => json!(kind.values().next().map(|value| value.name().to_owned())),
        _ => json!(1),
    };
    if field.is_list() { json!([one]) } else { one }
}
