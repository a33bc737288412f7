//! Personal data in answers: whole for who needs it, masked for who does not, and never to be found out by asking.

use harness::contract::POOL;
use prost_reflect::{DynamicMessage, Kind, Value};
use serde_json::json;

use crate::{
    caller::Caller,
    fields::KINDS,
    oracle::{allowed, holder, sees, text},
    world::{World, rpc},
};

/// Personal fields of an answer that are filled: as they stand in `whole` and in `shown`.
fn pairs(whole: &DynamicMessage, shown: &DynamicMessage, at: &str, found: &mut Vec<(String, String, String)>) {
    let personal = POOL.get_extension_by_name("aftercare.access.v1.personal").expect("the option");
    for (field, value) in whole.fields() {
        let other = shown.get_field(&field).into_owned();
        let at = format!("{at}.{}", field.name());
        if field.options().get_extension(&personal).as_bool() == Some(true) {
            found.push((at, format!("{value}"), format!("{other}")));
            continue;
        }
        match (field.kind(), value, &other) {
            (Kind::Message(_), Value::Message(whole), Value::Message(shown)) => pairs(whole, shown, &at, found),
            (Kind::Message(_), Value::List(whole), Value::List(shown)) => {
                for (whole, shown) in whole.iter().zip(shown) {
                    if let (Value::Message(whole), Value::Message(shown)) = (whole, shown) {
                        pairs(whole, shown, &at, found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether a caller needs to know the person that a record is about.
fn needs(world: &World, caller: &Caller, kind: &str, record: &serde_json::Value) -> bool {
    use common::record::Role;
    match caller.actor.role {
        Role::Warehouse | Role::Quality | Role::Finance => caller.actor.unmask,
        Role::Technician => {
            let me = caller.actor.id.as_str();
            let taken = |order: &serde_json::Value| {
                holder(order) == me && !["WORK_ORDER_STATE_ASSIGNED"].contains(&text(order, "state"))
            };
            let mut mine = world.of_kind("work_order").map(|order| &order.json).filter(|order| taken(order));
            match kind {
                "technician" => text(record, "technicianId") == me,
                "service_request" => {
                    // Who knows the customer by one visit knows the same customer in another case.
                    mine.any(|order| {
                        order["customerId"] == record["customerId"]
                            || order["serviceRequestId"] == record["serviceRequestId"]
                    })
                }
                _ => mine
                    .any(|order| order["customerId"] == record["customerId"] && !text(record, "customerId").is_empty()),
            }
        }
        _ => true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_is_shown_to_who_needs_it() {
    let world = World::make().await;
    let mut unmasked = world.caller("quality").clone();
    (unmasked.name, unmasked.actor.unmask) = ("quality with a reason", true);
    let (mut shown, mut masked, mut problems) = (0, 0, Vec::new());
    for (kind, service, list, id) in KINDS.into_iter().filter(|(_, _, list, _)| !list.is_empty()) {
        let get = list.strip_prefix("List").expect("a list").trim_end_matches('s');
        let get = rpc_named(service, &format!("Get{}", if get == "Technician" { "Technician" } else { get }));
        let Some(get) = get else { continue };
        for caller in world.callers.iter().filter(|caller| caller.known()).chain([&unmasked]) {
            if !allowed(&get, caller) || caller.actor.link.is_some() {
                continue;
            }
            let seen = world.of_kind(kind).filter(|record| sees(&world, caller, record));
            for record in seen.take(25) {
                let mut request = DynamicMessage::new(get.input());
                let field = get.input().fields().next().expect("an id");
                request.set_field(&field, Value::String(text(&record.json, id).to_owned()));
                let whole = world.wire.direct(world.caller("admin"), &get, &request).await.expect("all of it");
                let part = world.wire.direct(caller, &get, &request).await.expect("a record within reach");
                let mut found = Vec::new();
                pairs(&whole, &part, kind, &mut found);
                for (at, whole, part) in found {
                    let clear = needs(&world, caller, kind, &record.json);
                    *(if clear { &mut shown } else { &mut masked }) += 1;
                    if clear != (whole == part) {
                        problems.push(format!("{at} of {} for {}: {part} (clear: {clear})", record.id, caller.name));
                    }
                }
            }
        }
    }
    println!("{shown} personal fields shown, {masked} masked, {} problems", problems.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(shown > 200 && masked > 200, "only {shown} shown and {masked} masked");
    world.end().await;
}

fn rpc_named(service: &str, name: &str) -> Option<prost_reflect::MethodDescriptor> {
    crate::world::rpcs().into_iter().find(|rpc| rpc.name() == name && crate::wire::service_of(rpc) == service)
}

/// Nobody finds out by looking for it what is masked in the answer.
#[tokio::test(flavor = "multi_thread")]
async fn masked_data_cannot_be_searched() {
    let world = World::make().await;
    let phone = json!({ "phone": "+8613800138000" });
    for (list, question) in [
        ("ListCustomers", phone),
        ("ListCustomers", json!({ "text": "李" })),
        ("ListCustomers", json!({ "orderBy": "name" })),
        ("ListCustomers", json!({ "orderBy": "name desc" })),
        ("ListServiceRequests", json!({ "text": "李" })),
    ] {
        let rpc = rpc("intake", list);
        let message = harness::contract::from_json(rpc.input(), question.clone()).expect("a request");
        for caller in world.callers.iter().filter(|caller| caller.known() && allowed(&rpc, caller)) {
            use common::record::Role;
            let masked =
                matches!(caller.actor.role, Role::Warehouse | Role::Quality | Role::Finance | Role::Technician);
            let answer = world.wire.direct(caller, &rpc, &message).await;
            match answer {
                Ok(_) if !masked => {}
                Err(refused) if masked && refused.reason == "PERSONAL_FILTER" => {}
                other => panic!("{list} {question} by {}: {other:?}", caller.name),
            }
        }
    }
    world.end().await;
}
