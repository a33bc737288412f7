//! What is told without being asked again, and pictures that are kept in memory: streams of changes, the board, slots and
//! suggestions.

use std::collections::BTreeSet;

use common::{page, record::Role};
use futures::{StreamExt as _, future::join_all, stream};
use harness::contract;
use http::{HeaderValue, Method, header};
use serde_json::{Value, json};

use crate::{
    caller::{Caller, sees_unit},
    oracle::{allowed, sees, text},
    world::{World, rpc},
};

/// Whether a caller is told of a change, by what the change says of itself.
fn told(caller: &Caller, change: &Value) -> bool {
    let actor = &caller.actor;
    let is = |name: &str, id: &str| !id.is_empty() && text(change, name) == id;
    match actor.role {
        Role::Technician => ["technicianId", "formerTechnicianId", "recordId"].iter().any(|name| is(name, &actor.id)),
        Role::Partner => is("partnerId", &actor.partner_id),
        Role::CustomerLink => {
            let about = actor.link.as_ref().map_or("", |link| &link.record_id);
            ["recordId", "workOrderId", "serviceRequestId"].iter().any(|name| is(name, about))
        }
        _ if actor.units == common::record::Units::All => true,
        _ => !text(change, "orgUnitId").is_empty() && sees_unit(actor, text(change, "orgUnitId")),
    }
}

/// All changes that a caller is told of, from the beginning, as JSON lines or as server-sent events, until the stream ends.
async fn watch(world: &World, caller: &Caller, accept: &'static str) -> Vec<Value> {
    let cursor = page::seal(&json!({ "after": 0 }), b"aftercare.gateway.v1.Change");
    let mut headers = world.wire.headers(caller);
    headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
    let target = format!("/v1/changes:watch?cursor={cursor}");
    let (status, _, body) = world.wire.door.raw(Method::GET, &target, headers, "").await.expect("a stream");
    assert!(status.is_success(), "{}: {status}", caller.name);
    let body = String::from_utf8(body.to_vec()).expect("text");
    let lines = body.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
    let messages = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| message.get("change").filter(|change| change.is_object()).cloned()).collect()
}

/// The same over gRPC: the first change is enough to see that both tell the same.
async fn first(world: &World, caller: &Caller) -> Value {
    let rpc = rpc("gateway", "WatchChanges");
    let cursor = page::seal(&json!({ "after": 0 }), b"aftercare.gateway.v1.Change");
    let message = contract::from_json(rpc.input(), json!({ "cursor": cursor })).expect("a request");
    let answer = world.wire.grpc(caller, &rpc, &message).await;
    let answer = answer.unwrap_or_else(|refused| panic!("{}: {}", caller.name, refused.whole));
    contract::json(&answer).expect("JSON")["change"].clone()
}

fn key(change: &Value) -> (String, String, String) {
    let of = |name: &str| text(change, name).to_owned();
    (of("recordKind"), of("recordId"), of("recordVersion"))
}

/// Everybody who may watch is told of what lies within reach, all of it and no more; boards show the own unit.
pub(crate) async fn streams_tell_what_the_caller_sees(world: &World) {
    let rpc_of_changes = rpc("gateway", "WatchChanges");
    let watching = |caller: &&Caller| !caller.bearer.is_empty() && allowed(&rpc_of_changes, caller);
    let callers: Vec<&Caller> = world.callers.iter().filter(watching).collect();
    let events = join_all(callers.iter().map(|caller| watch(world, caller, "text/event-stream"))).await;
    let lines = join_all(callers.iter().map(|caller| watch(world, caller, "application/json"))).await;
    let at = callers.iter().position(|caller| caller.name == "admin").expect("an administrator");
    let all = &events[at];
    assert!(all.len() > 300, "only {} changes", all.len());
    let mut problems = Vec::new();
    let mut heard = 0;
    for ((caller, events), lines) in callers.iter().zip(&events).zip(&lines) {
        let wanted: BTreeSet<_> = all.iter().filter(|change| told(caller, change)).map(key).collect();
        for (form, changes) in [("events", events), ("lines", lines)] {
            let got: BTreeSet<_> = changes.iter().map(key).collect();
            heard += got.len();
            let (more, less) = (got.difference(&wanted).count(), wanted.difference(&got).count());
            if more + less > 0 {
                problems.push(format!("{} by {form}: {more} changes too many, {less} missing", caller.name));
            }
        }
        let one = first(world, caller).await;
        if events.first().map(key) != Some(key(&one)).filter(|key| !key.1.is_empty()) {
            problems.push(format!("{}: gRPC begins with {one}", caller.name));
        }
    }
    // Whose a change is must be so: the record itself says it.
    for change in all {
        let kind = crate::world::KNOWN.iter().find(|kind| **kind == text(change, "recordKind"));
        let Some(record) = kind.and_then(|kind| world.find(kind, text(change, "recordId"))) else { continue };
        if text(change, "orgUnitId") != text(&record.json, "orgUnitId") {
            problems.push(format!("{change} is of {}", text(&record.json, "orgUnitId")));
        }
    }
    let boards = boards(world, &mut problems).await;
    println!(
        "{} watchers, {heard} changes heard of {}, {boards} boards, {} problems",
        callers.len(),
        all.len(),
        problems.len()
    );
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(heard > 1_000 && boards >= 6, "only {heard} changes heard, {boards} boards seen");
}

async fn boards(world: &World, problems: &mut Vec<String>) -> usize {
    let mut seen = 0;
    for (name, watched) in [("GetBoard", false), ("WatchBoard", true)] {
        let rpc = rpc("dispatch", name);
        for caller in world.callers.iter().filter(|caller| caller.known() && allowed(&rpc, caller)) {
            for unit in ["", "office-east", "office-north"] {
                let wish = json!({ "orgUnitId": unit, "days": 5 });
                let message = contract::from_json(rpc.input(), wish).expect("a request");
                let answer = match watched && !caller.bearer.is_empty() {
                    true => world.wire.grpc(caller, &rpc, &message).await,
                    false => world.wire.direct(caller, &rpc, &message).await,
                };
                let board = contract::json(&answer.expect("a board")).expect("JSON");
                seen += 1;
                let rows = |name: &str| board[name].as_array().cloned().unwrap_or_default();
                let lanes = rows("lanes");
                let foreign = lanes.iter().filter(|lane| !sees_unit(&caller.actor, text(lane, "orgUnitId"))).count();
                let orders = not_seen(world, caller, &board);
                if foreign > 0 || !orders.is_empty() {
                    problems.push(format!("{name} {unit} by {}: {foreign} lanes, {orders:?}", caller.name));
                }
                let may = unit.is_empty() || sees_unit(&caller.actor, unit);
                if lanes.is_empty() == may {
                    problems.push(format!("{name} {unit} by {}: {} lanes", caller.name, lanes.len()));
                }
            }
        }
    }
    seen
}

/// Technicians and visits that an answer names and the caller does not see.
fn not_seen(world: &World, caller: &Caller, answer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(answer, &mut |text| {
        let record = world.find("technician", text).or_else(|| world.find("work_order", text));
        if record.is_some_and(|record| !sees(world, caller, record)) {
            found.push(text.to_owned());
        }
    });
    found
}

fn walk(value: &Value, told: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => told(text),
        Value::Array(items) => items.iter().for_each(|item| walk(item, told)),
        Value::Object(fields) => fields.values().for_each(|value| walk(value, told)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Slots, candidates, suggestions and explanations name the caller's own people only, where head office learns of all.
pub(crate) async fn only_the_callers_people_are_told_of(world: &World) {
    let (mut asked, mut wider, mut problems) = (0, 0, Vec::new());
    for who in ["supervisor east", "dispatcher east", "manager north"] {
        let caller = world.caller(who);
        let own = world.of_kind("work_order").filter(|order| sees(world, caller, order));
        let open = own
            .filter(|order| text(&order.json, "state").ends_with("_CREATED") || order.json["assignment"].is_object());
        let orders: Vec<_> = open.take(6).collect();
        assert!(!orders.is_empty(), "{who} has no visit to place");
        for order in orders {
            for (name, body) in [
                ("ListSlots", json!({ "workOrderId": order.id, "days": 7 })),
                ("ListCandidates", json!({ "workOrderId": order.id })),
                ("SuggestAssignment", json!({ "workOrderId": order.id, "limit": 20 })),
                ("ExplainAssignment", json!({ "workOrderId": order.id })),
            ] {
                let rpc = rpc("dispatch", name);
                if !allowed(&rpc, caller) {
                    continue;
                }
                let message = contract::from_json(rpc.input(), body).expect("a request");
                let answer = async |caller: &Caller| {
                    let answer = world.wire.direct(caller, &rpc, &message).await;
                    contract::json(&answer.unwrap_or_else(|refused| panic!("{name}: {}", refused.whole))).expect("JSON")
                };
                asked += 1;
                let own = not_seen(world, caller, &answer(caller).await);
                if !own.is_empty() {
                    problems.push(format!("{name} {} by {who}: {own:?}", order.id));
                }
                wider += usize::from(!not_seen(world, caller, &answer(world.caller("admin")).await).is_empty());
            }
        }
        let rpc = rpc("dispatch", "ListDurations");
        let rows = world.list(caller, "dispatch", rpc.name()).await.expect("durations");
        problems.extend(not_seen(world, caller, &Value::Array(rows)).into_iter().map(|id| format!("{who}: {id}")));
        let all = world.list(world.caller("admin"), "dispatch", rpc.name()).await.expect("durations");
        let others = not_seen(world, caller, &Value::Array(all));
        assert!(!others.is_empty(), "nothing was learned of anybody whom {who} does not see");
    }
    println!("{asked} questions about visits, head office learns more in {wider}, {} problems", problems.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(asked >= 20 && wider >= 10, "{asked} questions, {wider} with a wider answer for head office");
}

/// Elements of a stream are masked like answers: nobody gets in full by waiting what is masked when it is asked for.
pub(crate) async fn elements_are_masked_like_answers(world: &World) {
    use proto::aftercare::intake::v1::Customer;
    let name = "欧阳明珠";
    for (who, whole) in [("admin", true), ("supervisor east", true), ("quality", false), ("technician", false)] {
        let mut call = common::service::Call::internal(&world.core, "access", "a stream");
        call.actor = world.caller(who).actor.clone();
        let customer = Customer { customer_id: "cu_1".to_owned(), name: name.to_owned(), ..Customer::default() };
        let element = stream::iter([Ok(customer)]).boxed();
        let shown: Vec<_> = common::rpc::statuses(&world.core, &call, element).collect().await;
        let shown = shown.into_iter().next().expect("an element").expect("an answer").name;
        assert_eq!(shown == name, whole, "{who} is shown {shown}");
    }
}
