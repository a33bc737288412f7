//! RPC x caller x id field x record: own, colleague's, another region's, another partner's, missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::atomic::{AtomicU64, Ordering},
};

use harness::contract;
use prost_reflect::{DynamicMessage, FieldDescriptor, MethodDescriptor, Value};
use tonic::Code;

use crate::{
    bodies,
    caller::Caller,
    fields::{IdField, KINDS, Names, id_fields, names},
    furnish::SPARE,
    oracle::{allowed, rule, sees, text},
    wire::{Answer, Refused, service_of},
    world::{Record, World, inner_rpcs, rpcs},
};

static SERIAL: AtomicU64 = AtomicU64::new(1);

/// Of the cells of callers who may call, CI asks one in so many; `AFTERCARE_FULL=1` asks all. Which ones is a matter of their
/// names, and every field of every RPC is asked by somebody.
const SHARE: u64 = 3;

/// Fields that a rule looks at only behind another one that a body out of descriptors does not pass: the record that the call
/// is about has to be in a certain state first, or the rest of the body has to make sense. For these it is seen that another's id
/// answers like a missing one, and not that the id was looked up. Each is named, and no other may be.
const BEHIND_A_RULE: [(&str, &str); 32] = [
    ("InvestigateComplaint", "complaint_id"),
    ("LinkComplaint", "complaint_id"),
    ("OpenCorrectiveAction", "complaint_id"),
    ("UpdateComplaint", "complaint_id"),
    ("AssignWorkOrder", "crew_technician_ids"),
    ("AssignWorkOrder", "technician_id"),
    ("ContractServicePoint", "service_point_id"),
    ("HoldSlot", "technician_id"),
    ("HoldSlot", "work_order_id"),
    ("RemoveAbsence", "technician_id"),
    ("RescheduleWorkOrder", "technician_id"),
    ("UpdateTechnician", "service_point_id"),
    ("UpdateEndpoint", "endpoint_id"),
    ("MergeCustomers", "merged_customer_id"),
    ("MergeServiceRequest", "duplicate_of_id"),
    ("QuoteServiceRequest", "service_request_id"),
    ("UpdateServiceRequest", "product_id"),
    ("AdjustStock", "location_id"),
    ("ChangeStockCondition", "location_id"),
    ("IssueStock", "location_id"),
    ("ReceiveOldPart", "location_id"),
    ("ReceiveReturn", "location_id"),
    ("ReceiveStock", "location_id"),
    ("RequestSupplementaryOrder", "location_id"),
    ("ReserveParts", "near_location_id"),
    ("ReturnStock", "location_id"),
    ("ScrapStock", "location_id"),
    ("SettleReturn", "location_id"),
    ("ShipTransfer", "from_location_id"),
    ("ShipTransfer", "to_location_id"),
    ("AssignCallback", "agent_id"),
    ("CompleteCallback", "callback_id"),
];

/// An id of the same form and length that nothing has.
pub(crate) fn missing(like: &str) -> String {
    match like.split_once('_') {
        Some((prefix, rest)) => format!("{prefix}_{}", "0".repeat(rest.len())),
        // No part of another id.
        None => "z".repeat(like.len()),
    }
}

/// The request of one cell: `field` names `id`, every other id field names what the caller may name.
pub(crate) fn request(
    world: &World,
    caller: &Caller,
    rpc: &MethodDescriptor,
    field: Option<&IdField>,
    id: &str,
) -> DynamicMessage {
    let service = service_of(rpc);
    let named = |other: &FieldDescriptor| match names(&service, rpc, &IdField { path: vec![other.clone()] }) {
        Some(Names::Record(kind)) => match (own(world, caller, kind), world.of_kind(kind).next()) {
            (Some(record), _) => record.id.clone(),
            (None, Some(example)) => missing(&example.id),
            (None, None) => String::new(),
        },
        _ => String::new(),
    };
    let body = bodies::request(rpc, SERIAL.fetch_add(1, Ordering::Relaxed), &named);
    match field {
        Some(field) => bodies::with_id(body, &field.path, id),
        None => body,
    }
}

/// A record within a caller's reach; of accounts and links one that nobody comes with, because the matrix may end it.
fn own<'a>(world: &'a World, caller: &Caller, kind: &str) -> Option<&'a Record> {
    let used = |record: &&Record| kind == "link" && world.callers.iter().any(|caller| caller.actor.id == record.id);
    let mut seen = world.of_kind(kind).filter(|record| sees(world, caller, record) && !used(record));
    let first = seen.next()?;
    let spare = |record: &&Record| text(&record.json, "displayName") == SPARE;
    Some([first].into_iter().chain(seen).find(spare).unwrap_or(first))
}

/// Records beyond a caller's reach, of as many different owners as there are.
pub(crate) fn foreign<'a>(world: &'a World, caller: &Caller, kind: &str) -> Vec<&'a Record> {
    let mut owners = BTreeMap::new();
    for record in world.of_kind(kind).filter(|record| !sees(world, caller, record)) {
        let text = |name: &str| record.json[name].as_str().unwrap_or_default().to_owned();
        let owner = (text("orgUnitId"), text("partnerId"), text("technicianId").is_empty());
        owners.entry(owner).or_insert(record);
    }
    owners.into_values().take(3).collect()
}

fn refused(answer: &Answer, id: &str) -> Option<Refused> {
    answer.as_ref().err().map(|refused| refused.without(id))
}

#[derive(Debug, Default)]
struct Score {
    calls: u64,
    cells: u64,
    /// Fields that name something, by what is done with it.
    fields: BTreeMap<&'static str, BTreeSet<String>>,
    /// Fields for which somebody saw that the record was looked up.
    reached: BTreeSet<String>,
    problems: Vec<String>,
}

/// Everything at the services themselves, as if the gateway had let it through.
pub(crate) async fn every_rpc_by_every_caller_with_every_id(world: &World) {
    let mut score = Score::default();
    let only = world.only.lock().expect("a name").clone();
    let rpcs: Vec<_> = rpcs().into_iter().filter(|rpc| rpc.full_name().contains(&only)).collect();
    for rpc in &rpcs {
        for caller in &world.callers {
            row(world, rpc, caller, &mut score).await;
        }
    }
    let all = rpcs.iter().flat_map(|rpc| id_fields(rpc).into_iter().map(move |field| (rpc, field)));
    let unsaid = all.clone().filter(|(rpc, field)| names(&service_of(rpc), rpc, field).is_none());
    let unsaid: Vec<_> = unsaid.map(|(rpc, field)| format!("{} {}", rpc.full_name(), field.dotted())).collect();
    assert!(unsaid.is_empty(), "id fields that nobody has said anything about: {unsaid:#?}");
    let records = score.fields.get("looked up").cloned().unwrap_or_default();
    let blind: Vec<_> = records.difference(&score.reached).collect();
    let told: Vec<_> = score.fields.iter().map(|(what, fields)| format!("{} {what}", fields.len())).collect();
    println!(
        "{} RPCs, {} id fields ({}), {} callers, {} cells, {} calls, {} problems",
        rpcs.len(),
        all.clone().count(),
        told.join(", "),
        world.callers.len(),
        score.cells,
        score.calls,
        score.problems.len()
    );
    let counted: usize = score.fields.values().map(BTreeSet::len).sum();
    assert!(score.problems.is_empty(), "{} problems:\n{}", score.problems.len(), score.problems.join("\n"));
    assert!(blind.is_empty(), "fields whose record nobody was seen to look up: {blind:#?}");
    assert_eq!(counted, all.count(), "every id field is in the matrix");
    assert!(!only.is_empty() || (rpcs.len() > 280 && records.len() > 200), "the matrix has lost RPCs or fields");
}

/// Whether this run asks a cell.
fn chosen(world: &World, rpc: &MethodDescriptor, caller: &Caller, field: &IdField) -> bool {
    if std::env::var_os("AFTERCARE_FULL").is_some() || !world.only.lock().expect("a name").is_empty() {
        return true;
    }
    let mut hasher = DefaultHasher::new();
    (rpc.full_name(), field.dotted()).hash(&mut hasher);
    let place = u64::from(caller.name.bytes().map(u32::from).sum::<u32>());
    // An administrator always: somebody has to be seen to look the record up.
    caller.name == "admin" || (hasher.finish() % SHARE + place).is_multiple_of(SHARE)
}

async fn row(world: &World, rpc: &MethodDescriptor, caller: &Caller, score: &mut Score) {
    for field in id_fields(rpc) {
        let what = match names(&service_of(rpc), rpc, &field) {
            Some(Names::Record(_)) => "looked up",
            Some(Names::Filter(_)) => "filters",
            Some(Names::Kept(_)) => "kept as given",
            Some(Names::Shared) => "of catalogues",
            Some(Names::Word) => "the caller's own word",
            None => continue,
        };
        score.fields.entry(what).or_default().insert(format!("{}.{}", rpc.full_name(), field.dotted()));
    }
    if !caller.known() || !allowed(rpc, caller) {
        // At the door, who has no account there is nobody.
        let at_door = rpc.parent_service().name() == "TimelineService" && caller.bearer.is_empty();
        let code = if caller.known() && !at_door { Code::PermissionDenied } else { Code::Unauthenticated };
        let answer = world.wire.direct(caller, rpc, &request(world, caller, rpc, None, "")).await;
        score.calls += 1;
        score.cells += 1;
        match answer {
            Err(refused) if refused.code == code => {}
            other => score.problems.push(format!(
                "{} by {}: {code:?} was expected: {}",
                rpc.full_name(),
                caller.name,
                shown(&other)
            )),
        }
        return;
    }
    if rule(rpc).public {
        return;
    }
    for field in id_fields(rpc).iter().filter(|field| chosen(world, rpc, caller, field)) {
        match names(&service_of(rpc), rpc, field) {
            Some(Names::Record(kind)) => looked_up(world, rpc, caller, (field, kind), score).await,
            Some(Names::Filter(kind) | Names::Kept(kind)) => named(world, rpc, caller, (field, kind), score).await,
            Some(Names::Shared | Names::Word) | None => {}
        }
    }
}

/// Another's record is like a missing one, and the own one is there.
async fn looked_up(
    world: &World,
    rpc: &MethodDescriptor,
    caller: &Caller,
    (field, kind): (&IdField, &'static str),
    score: &mut Score,
) {
    let what = format!("{} {} by {}", rpc.full_name(), field.dotted(), caller.name);
    let name = format!("{}.{}", rpc.full_name(), field.dotted());
    if BEHIND_A_RULE.contains(&(rpc.name(), field.name())) {
        score.reached.insert(name.clone());
    }
    let example = world.of_kind(kind).next().expect("the world has every kind").id.clone();
    let nowhere = missing(&example);
    let none = world.wire.direct(caller, rpc, &request(world, caller, rpc, Some(field), &nowhere)).await;
    score.calls += 1;
    if none.is_ok() {
        score.problems.push(format!("{what}: a {kind} that does not exist is taken"));
    }
    let none = refused(&none, &nowhere);
    let looked_up = none.as_ref().is_some_and(|refused| refused.code == Code::NotFound);
    if looked_up {
        score.reached.insert(name);
    }
    for record in foreign(world, caller, kind) {
        let answer = world.wire.direct(caller, rpc, &request(world, caller, rpc, Some(field), &record.id)).await;
        score.calls += 1;
        score.cells += 1;
        if refused(&answer, &record.id) != none {
            score.problems.push(format!(
                "{what}: another's {kind} {} answers otherwise than a missing one: {} against {none:?}",
                record.id,
                shown(&answer)
            ));
        }
    }
    let Some(record) = own(world, caller, kind).filter(|_| looked_up) else { return };
    let mut id = record.id.clone();
    let mut body = request(world, caller, rpc, Some(field), &id);
    // These two use a file up: they get one that nothing else is asked about.
    if ["AttachFile", "DeleteFile"].contains(&rpc.name()) {
        let fresh = text(&world.upload(caller.name, "").await, "fileId").to_owned();
        body.set_field_by_name("file_id", Value::String(fresh.clone()));
        id = if kind == "file" { fresh } else { id };
    }
    let answer = world.wire.direct(caller, rpc, &body).await;
    score.calls += 1;
    score.cells += 1;
    if answer.as_ref().is_err_and(|refused| Some(refused.without(&id)) == none) {
        score.problems.push(format!("{what}: the own {kind} {} is not found", record.id));
    }
}

/// Whether there is such a record makes no difference, and nothing of it is in the answer.
async fn named(
    world: &World,
    rpc: &MethodDescriptor,
    caller: &Caller,
    (field, kind): (&IdField, &'static str),
    score: &mut Score,
) {
    let Some(record) = foreign(world, caller, kind).into_iter().next() else { return };
    // Units are no secret: everybody may list them. One where nothing is stands for none.
    let nowhere = match &*record.id {
        "office-east" => "office-west".to_owned(),
        "office-north" => "office-south".to_owned(),
        id => missing(id),
    };
    let theirs = world.wire.direct(caller, rpc, &request(world, caller, rpc, Some(field), &record.id)).await;
    let none = world.wire.direct(caller, rpc, &request(world, caller, rpc, Some(field), &nowhere)).await;
    score.calls += 2;
    score.cells += 1;
    let alike = match (&theirs, &none) {
        (Ok(answer), Ok(_)) => !tells(world, caller, answer, &record.id),
        _ => refused(&theirs, &record.id) == refused(&none, &nowhere),
    };
    if !alike {
        score.problems.push(format!(
            "{} {} by {}: another's {kind} {}: {} against {}",
            rpc.full_name(),
            field.dotted(),
            caller.name,
            record.id,
            shown(&theirs),
            shown(&none)
        ));
    }
}

/// Whether an answer holds a record that the caller does not see, beside the id that was sent.
fn tells(world: &World, caller: &Caller, answer: &DynamicMessage, sent: &str) -> bool {
    let json = contract::json(answer).expect("JSON");
    let rows = json.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_array()).flatten();
    let mut rows = rows.filter(|row| row.is_object());
    rows.any(|row| {
        // The first id by which the world knows it says what it is.
        let known = KINDS.iter().find_map(|(kind, _, _, id)| {
            let first = row.as_object().and_then(|row| row.keys().next()).is_some_and(|first| first == id);
            world.find(kind, text(row, id)).filter(|_| first)
        });
        known.is_some_and(|record| record.id != sent && !sees(world, caller, record))
    })
}

pub(crate) fn shown(answer: &Answer) -> String {
    match answer {
        Ok(answer) => format!("OK {answer}").chars().take(300).collect(),
        Err(refused) => refused.whole.chars().take(400).collect(),
    }
}

/// What only services ask of each other, asked of each service by everybody.
pub(crate) async fn what_services_ask_each_other(world: &World) {
    let (mut cells, mut problems) = (0, Vec::new());
    for service in world.wire.routes.keys() {
        for rpc in inner_rpcs() {
            for caller in &world.callers {
                cells += 1;
                let body = bodies::request(&rpc, SERIAL.fetch_add(1, Ordering::Relaxed), &|_| "none".to_owned());
                let answer = world.wire.at_service(service, caller, &rpc, &body).await;
                let code = answer.as_ref().err().map_or(Code::Ok, |refused| refused.code);
                let right = match (caller.known(), allowed(&rpc, caller)) {
                    (false, _) => code == Code::Unauthenticated || code == Code::Unimplemented,
                    (true, false) => code == Code::PermissionDenied || code == Code::Unimplemented,
                    (true, true) => !matches!(code, Code::Unauthenticated | Code::PermissionDenied),
                };
                if !right {
                    problems.push(format!("{service} {} by {}: {}", rpc.full_name(), caller.name, shown(&answer)));
                }
            }
        }
    }
    println!("{} RPCs between services, {cells} cells, {} problems", inner_rpcs().len(), problems.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(cells > 300, "only {cells} cells");
}
