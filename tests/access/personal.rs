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

pub(crate) async fn personal_data_is_shown_to_who_needs_it(world: &World) {
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
            let seen = world.of_kind(kind).filter(|record| sees(world, caller, record));
            for record in seen.take(25) {
                let mut request = DynamicMessage::new(get.input());
                let field = get.input().fields().next().expect("an id");
                request.set_field(&field, Value::String(text(&record.json, id).to_owned()));
                let whole = world.wire.direct(world.caller("admin"), &get, &request).await.expect("all of it");
                let part = world.wire.direct(caller, &get, &request).await;
                let part =
                    part.unwrap_or_else(|refused| panic!("{} by {}: {}", get.name(), caller.name, refused.whole));
                let mut found = Vec::new();
                pairs(&whole, &part, kind, &mut found);
                for (at, whole, part) in found {
                    let clear = needs(world, caller, kind, &record.json);
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
}

fn rpc_named(service: &str, name: &str) -> Option<prost_reflect::MethodDescriptor> {
    crate::world::rpcs().into_iter().find(|rpc| rpc.name() == name && crate::wire::service_of(rpc) == service)
}

/// Nobody finds out by looking for it what is masked in the answer.
pub(crate) async fn masked_data_cannot_be_searched(world: &World) {
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
            let masked = caller.sees_masked();
            let answer = world.wire.direct(caller, &rpc, &message).await;
            match answer {
                Ok(_) if !masked => {}
                Err(refused) if masked && refused.reason == "PERSONAL_FILTER" => {}
                other => panic!("{list} {question} by {}: {other:?}", caller.name),
            }
        }
    }
}

/// What of the customers must not be read by who sees them masked: their names of more than one letter, their numbers.
async fn secrets(world: &World) -> Vec<String> {
    let customers = world.list(world.caller("admin"), "intake", "ListCustomers").await.expect("customers");
    let phones = |customer: &serde_json::Value| customer["phones"].as_array().cloned().unwrap_or_default();
    let names = customers.iter().map(|customer| text(customer, "name").to_owned());
    let numbers = customers.iter().flat_map(phones).map(|phone| text(&phone, "number").to_owned());
    let all: Vec<_> = names.chain(numbers).filter(|secret| secret.chars().count() > 1).collect();
    assert!(all.len() > 60, "only {} names and numbers", all.len());
    all
}

/// A table, by itself and as a job, is masked like the list that it is made of, and filters no more than the list does.
pub(crate) async fn masked_data_cannot_be_exported(world: &World) {
    let secrets = secrets(world).await;
    let rpc = rpc("intake", "ListCustomers");
    let (mut tables, mut open) = (0, 0);
    for caller in world.callers.iter().filter(|caller| caller.has_account() && allowed(&rpc, caller)) {
        let get = async |target: &str| {
            let headers = world.wire.headers(caller);
            let (status, _, body) =
                world.wire.door.raw(http::Method::GET, target, headers, "").await.expect("an answer");
            (status.as_u16(), String::from_utf8_lossy(&body).into_owned())
        };
        let (status, table) = get("/v1/customers?format=csv").await;
        assert_eq!(status, 200, "{}: {table}", caller.name);
        let job = json!({ "path": "/v1/customers", "format": "SHEET_FORMAT_CSV" });
        let job = world.act(caller.name, "gateway", "StartExport", job).await;
        let mut address = String::new();
        for _ in 0..200 {
            let job = world.act(caller.name, "gateway", "GetJob", json!({ "jobId": job["jobId"] })).await;
            text(&job, "resultUrl").clone_into(&mut address);
            assert!(text(&job, "failureReason").is_empty(), "{}: {job}", caller.name);
            if !address.is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let at = address.find("/v1/").unwrap_or_default();
        let (status, made) = get(&address[at..]).await;
        assert_eq!(status, 200, "{}: {address}: {made}", caller.name);
        let whole = |text: &str| secrets.iter().filter(|secret| text.contains(*secret)).count();
        tables += 2;
        let masked = caller.sees_masked() && caller.actor.role != common::record::Role::Technician;
        for (form, table) in [("table", &table), ("job", &made)] {
            open += usize::from(whole(table) > 0);
            assert!(!masked || whole(table) == 0, "{} reads {} secrets in a {form}", caller.name, whole(table));
        }
        let guess = json!({ "path": "/v1/customers", "query": "text=%E6%9D%8E", "format": "SHEET_FORMAT_CSV" });
        let start = rpc_named("gateway", "StartExport").expect("an RPC");
        let message = harness::contract::from_json(start.input(), guess).expect("a request");
        for (what, refused) in [
            ("job", world.wire.direct(caller, &start, &message).await.is_err()),
            ("table", get("/v1/customers?format=csv&text=%E6%9D%8E").await.0 != 200),
        ] {
            assert_eq!(refused, caller.sees_masked(), "a guess by {} in a {what}", caller.name);
        }
    }
    println!("{tables} tables, {open} with names in full");
    assert!(tables >= 10 && open >= 4, "{tables} tables, {open} with names in full");
}

/// Unmasking is one RPC, with a reason, noted before anything is shown, for that one answer.
pub(crate) async fn unmasking_has_a_reason_and_is_noted(world: &World) {
    let rpc = rpc("gateway", "Unmask");
    let customer =
        &world.of_kind("customer").find(|one| text(&one.json, "name").chars().count() > 1).expect("one").json;
    let get = async |who: &str| {
        let request = json!({ "customerId": customer["customerId"] });
        world.act(who, "intake", "GetCustomer", request).await["name"].clone()
    };
    let ask = async |reason: &str| {
        let wish = json!({ "recordKind": "customer", "recordId": customer["customerId"], "reason": reason });
        let message = harness::contract::from_json(rpc.input(), wish).expect("a request");
        world.wire.grpc(world.caller("quality"), &rpc, &message).await
    };
    assert_ne!(get("quality").await, get("admin").await, "quality sees names masked");
    let refused = ask("").await.expect_err("no reason was given");
    assert_eq!(refused.reason, "INVALID_FIELDS", "{}", refused.whole);
    let reason = "The customer disputes the address; case 4711.";
    let shown = harness::contract::json(&ask(reason).await.expect("shown")).expect("JSON");
    assert_eq!(shown["customer"]["name"], get("admin").await);
    assert_ne!(get("quality").await, get("admin").await, "only that one answer was in full");
    let mut noted = Vec::new();
    for _ in 0..100 {
        let wish = json!({ "recordId": customer["customerId"], "action": "unmask" });
        let found = world.act("admin", "gateway", "ListAuditEntries", wish).await;
        noted = found["auditEntries"].as_array().cloned().unwrap_or_default();
        if !noted.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let [entry] = noted.as_slice() else { panic!("noted: {noted:?}") };
    assert_eq!(text(entry, "reason"), reason);
    assert_eq!(text(&entry["actor"], "id"), world.caller("quality").actor.account_id);
}
