//! RPC x caller x id field x record: own, colleague's, another region's, another partner's, missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
};

use prost_reflect::{DynamicMessage, FieldDescriptor, MethodDescriptor};
use tonic::Code;

use crate::{
    bodies,
    caller::Caller,
    fields::{KINDS, Names, id_fields, names},
    oracle::{allowed, rule, sees},
    wire::{Answer, Refused, service_of},
    world::{Record, World, rpcs},
};

static SERIAL: AtomicU64 = AtomicU64::new(1);

/// Fields that a rule looks at only behind another one that a body out of descriptors does not pass: the record that the call
/// is about has to be in a certain state first. Each is named, and no other may be.
const BEHIND_A_RULE: [(&str, &str); 3] = [
    // The article is counted when the request may be answered.
    ("AnswerServiceRequest", "article_id"),
    // The technician is looked at when the order can be assigned and the window is good.
    ("AssignWorkOrder", "technician_id"),
    ("RescheduleWorkOrder", "technician_id"),
];

/// An id of the right form that nothing has.
fn missing(like: &str) -> String {
    match like.split_once('_') {
        Some((prefix, rest)) => format!("{prefix}_{}", "0".repeat(rest.len())),
        None => "nobody-at-all".to_owned(),
    }
}

/// The request of one cell: `field` names `id`, every other id field names what the caller may name.
fn request(world: &World, caller: &Caller, rpc: &MethodDescriptor, field: Option<&str>, id: &str) -> DynamicMessage {
    let service = service_of(rpc);
    let named = |other: &FieldDescriptor| {
        if field == Some(other.name()) {
            return id.to_owned();
        }
        match names(&service, rpc, other) {
            Some(Names::Record(kind)) => own(world, caller, kind).map_or_else(String::new, |record| record.id.clone()),
            _ => String::new(),
        }
    };
    bodies::request(rpc, SERIAL.fetch_add(1, Ordering::Relaxed), &named)
}

fn own<'a>(world: &'a World, caller: &Caller, kind: &str) -> Option<&'a Record> {
    world.of_kind(kind).find(|record| sees(world, caller, record))
}

/// Records beyond a caller's reach, of as many different owners as there are.
fn foreign<'a>(world: &'a World, caller: &Caller, kind: &str) -> Vec<&'a Record> {
    let mut owners = BTreeMap::new();
    for record in world.of_kind(kind).filter(|record| !sees(world, caller, record)) {
        let text = |name: &str| record.json[name].as_str().unwrap_or_default().to_owned();
        let owner = (text("orgUnitId"), text("partnerId"), text("technicianId").is_empty());
        owners.entry(owner).or_insert(record);
    }
    owners.into_values().take(4).collect()
}

fn refused(answer: &Answer, id: &str) -> Option<Refused> {
    answer.as_ref().err().map(|refused| refused.without(id))
}

#[derive(Debug, Default)]
struct Score {
    calls: u64,
    cells: u64,
    fields: BTreeSet<String>,
    /// Fields for which somebody saw that the record was looked up.
    reached: BTreeSet<String>,
    problems: Vec<String>,
}

/// Everything at the services themselves, as if the gateway had let it through.
#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_by_every_caller_with_every_id() {
    let world = World::make().await;
    let mut score = Score::default();
    let rpcs = rpcs();
    for rpc in &rpcs {
        for caller in &world.callers {
            row(&world, rpc, caller, &mut score).await;
        }
    }
    let all = rpcs.iter().flat_map(|rpc| id_fields(rpc).into_iter().map(move |field| (rpc, field)));
    let unsaid = all.clone().filter(|(rpc, field)| names(&service_of(rpc), rpc, field).is_none());
    let unsaid: Vec<_> = unsaid.map(|(_, field)| field.full_name().to_owned()).collect();
    assert!(unsaid.is_empty(), "id fields that nobody has said anything about: {unsaid:?}");
    let blind: Vec<_> = score.fields.difference(&score.reached).collect();
    println!(
        "{} RPCs, {} id fields ({} of records), {} callers, {} cells, {} calls, {} problems",
        rpcs.len(),
        all.count(),
        score.fields.len(),
        world.callers.len(),
        score.cells,
        score.calls,
        score.problems.len()
    );
    assert!(score.problems.is_empty(), "{} problems:\n{}", score.problems.len(), score.problems.join("\n"));
    assert!(blind.is_empty(), "fields whose record nobody was seen to look up: {blind:#?}");
    assert!(rpcs.len() > 150 && score.fields.len() > 100, "the matrix has lost RPCs or fields");
    world.end().await;
}

async fn row(world: &World, rpc: &MethodDescriptor, caller: &Caller, score: &mut Score) {
    let what = |field: &str| format!("{} {field} by {}", rpc.full_name(), caller.name);
    if !caller.known() || !allowed(rpc, caller) {
        let code = if caller.known() { Code::PermissionDenied } else { Code::Unauthenticated };
        let answer = world.wire.direct(caller, rpc, &request(world, caller, rpc, None, "")).await;
        score.calls += 1;
        score.cells += 1;
        match answer {
            Err(refused) if refused.code == code => {}
            other => score.problems.push(format!("{}: {code:?} was expected: {}", what(""), shown(&other))),
        }
        return;
    }
    if rule(rpc).public {
        return;
    }
    let service = service_of(rpc);
    for field in id_fields(rpc) {
        let Some(Names::Record(kind)) = names(&service, rpc, &field) else { continue };
        let name = format!("{}.{}", rpc.full_name(), field.name());
        score.fields.insert(name.clone());
        if BEHIND_A_RULE.contains(&(rpc.name(), field.name())) {
            score.reached.insert(name.clone());
        }
        let example = world.of_kind(kind).next().expect("the world has every kind").id.clone();
        let nowhere = missing(&example);
        let none = world.wire.direct(caller, rpc, &request(world, caller, rpc, Some(field.name()), &nowhere)).await;
        score.calls += 1;
        let none = refused(&none, &nowhere);
        let looked_up = none.as_ref().is_some_and(|refused| refused.code == Code::NotFound);
        if looked_up {
            score.reached.insert(name.clone());
        }
        for record in foreign(world, caller, kind) {
            let body = request(world, caller, rpc, Some(field.name()), &record.id);
            let answer = world.wire.direct(caller, rpc, &body).await;
            score.calls += 1;
            score.cells += 1;
            if answer.is_ok() && none.is_some() || refused(&answer, &record.id) != none {
                let what = what(field.name());
                score.problems.push(format!(
                    "{what}: another's {kind} {} answers otherwise than a missing one: {} against {none:?}",
                    record.id,
                    shown(&answer)
                ));
            }
        }
        let Some(record) = own(world, caller, kind).filter(|_| looked_up) else { continue };
        let body = request(world, caller, rpc, Some(field.name()), &record.id);
        let answer = world.wire.direct(caller, rpc, &body).await;
        score.calls += 1;
        score.cells += 1;
        if answer.as_ref().is_err_and(|refused| Some(refused.without(&record.id)) == none) {
            score.problems.push(format!("{}: the own {kind} {} is not found", what(field.name()), record.id));
        }
    }
}

fn shown(answer: &Answer) -> String {
    match answer {
        Ok(answer) => format!("OK {answer}").chars().take(300).collect(),
        Err(refused) => refused.whole.clone(),
    }
}

/// The same over the public door: another's record is NOT_FOUND over gRPC, gRPC-Web and REST, like a missing one.
#[tokio::test(flavor = "multi_thread")]
async fn every_door_answers_alike() {
    let world = World::make().await;
    let (mut cells, mut problems) = (0, Vec::new());
    for rpc in rpcs() {
        let service = service_of(&rpc);
        for caller in world.callers.iter().filter(|caller| caller.known()) {
            let signed_link = caller.actor.link.is_some();
            if rule(&rpc).public || !allowed(&rpc, caller) || signed_link {
                continue;
            }
            for field in id_fields(&rpc) {
                let Some(Names::Record(kind)) = names(&service, &rpc, &field) else { continue };
                let Some(record) = foreign(&world, caller, kind).pop() else { continue };
                let body = |id: &str| request(&world, caller, &rpc, Some(field.name()), id);
                let nowhere = missing(&record.id);
                let direct = world.wire.direct(caller, &rpc, &body(&record.id)).await;
                let Err(direct) = direct else {
                    problems.push(format!("{} by {}: OK", field.full_name(), caller.name));
                    continue;
                };
                for id in [&record.id, &nowhere] {
                    cells += 3;
                    let grpc = world.wire.grpc(caller, &rpc, &body(id)).await;
                    let rest = world.wire.rest(caller, &rpc, &body(id)).await;
                    let web = world.wire.web(caller, &rpc, &body(id)).await;
                    let code = i64::from(i32::from(direct.code));
                    let alike = grpc
                        .as_ref()
                        .is_err_and(|refused| (refused.code, &refused.reason) == (direct.code, &direct.reason))
                        && rest.as_ref().is_err_and(|(_, reason)| *reason == direct.reason)
                        && web.as_ref().is_err_and(|found| *found == code);
                    if !alike {
                        problems.push(format!(
                            "{} by {}: {direct:?}, gRPC {}, REST {rest:?}, gRPC-Web {web:?}",
                            field.full_name(),
                            caller.name,
                            shown(&grpc)
                        ));
                    }
                }
            }
        }
    }
    println!("{cells} cells over three doors, {} problems", problems.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(cells > 1_000, "only {cells} cells");
    assert!(!KINDS.is_empty());
    world.end().await;
}
