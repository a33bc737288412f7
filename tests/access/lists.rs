//! Lists, figures, histories, page tokens and repeats: each caller gets what is within reach, all of it and no more.

use std::collections::BTreeSet;

use harness::contract;
use serde_json::{Value, json};
use tonic::Code;

use crate::{
    caller::Caller,
    fields::KINDS,
    oracle::{allowed, sees, text},
    world::{Record, World, rpc},
};

/// Every list of records, by every caller: exactly the records that the caller sees.
pub(crate) async fn every_list_is_what_the_caller_sees(world: &World) {
    let (mut lists, mut problems) = (0, Vec::new());
    let only = world.only.lock().expect("a name").clone();
    let wanted = |list: &str| !list.is_empty() && list.contains(&only);
    for (kind, service, list, id) in KINDS.into_iter().filter(|(_, _, list, _)| wanted(list)) {
        for caller in world.callers.iter().filter(|caller| caller.known() && allowed(&rpc(service, list), caller)) {
            lists += 1;
            let rows = world.list(caller, service, list).await.unwrap_or_else(|error| panic!("{list}: {error}"));
            let got: BTreeSet<_> = rows.iter().map(|row| text(row, id).to_owned()).collect();
            let mine = world.of_kind(kind).filter(|record| sees(world, caller, record));
            let wanted: BTreeSet<_> = mine.map(|record| record.id.clone()).collect();
            let mut more: BTreeSet<_> = got.difference(&wanted).cloned().collect();
            if !more.is_empty() {
                // What was told of a moment ago is entered in the trail while we read: the newcomers are judged as well.
                let now = world.list(world.caller("admin"), service, list).await.expect("an administrator sees all");
                let now = now.into_iter().map(|json| Record { kind, id: text(&json, id).to_owned(), json });
                for new in now.filter(|new| world.find(kind, &new.id).is_none() && sees(world, caller, new)) {
                    more.remove(&new.id);
                }
            }
            let less: Vec<_> = wanted.difference(&got).collect();
            if !(more.is_empty() && less.is_empty()) {
                problems.push(format!("{list} by {}: leaked {more:?}, withheld {less:?}", caller.name));
            }
        }
    }
    // Stock is seen where it lies.
    for (list, ends) in
        [("ListStockBalances", &["locationId"] as &[&str]), ("ListStockMovements", &["fromLocationId", "toLocationId"])]
    {
        if !wanted(list) {
            continue;
        }
        let everything = world.list(world.caller("admin"), "parts-inventory", list).await.expect("all of it");
        let rpc = rpc("parts-inventory", list);
        for caller in world.callers.iter().filter(|caller| caller.known() && allowed(&rpc, caller)) {
            lists += 1;
            let here = |row: &&Value| {
                let there =
                    |end: &&str| world.find("location", text(row, end)).is_some_and(|place| sees(world, caller, place));
                ends.iter().any(there)
            };
            let wanted = everything.iter().filter(here).count();
            let got = world.list(caller, "parts-inventory", list).await.expect("a list");
            if got.len() != wanted || !got.iter().all(|row| here(&row)) {
                problems.push(format!("{list} by {}: {} rows instead of {wanted}", caller.name, got.len()));
            }
        }
    }
    println!("{lists} lists, {} problems", problems.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(lists > if only.is_empty() { 100 } else { 1 }, "only {lists} lists");
}

/// Figures count what is within reach: a region's own figures are those that head office asks of that region.
pub(crate) async fn figures_count_what_the_caller_sees(world: &World) {
    let wide = json!({ "start": "2000-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z" });
    let of_region = |base: &Value, region: &str| {
        let mut of = base.clone();
        of["orgUnitId"] = json!(region);
        of
    };
    for (service, name, base, who) in [
        (
            "complaint",
            "GetComplaintFigures",
            wide,
            [("supervisor east", "office-east"), ("manager north", "office-north")],
        ),
        ("survey", "GetScores", json!({}), [("supervisor east", "office-east"), ("manager north", "office-north")]),
        ("survey", "GetClosedLoop", json!({}), [("supervisor east", "office-east"), ("manager north", "office-north")]),
    ] {
        let all = world.act("admin", service, name, base.clone()).await;
        for (caller, region) in who {
            let own = world.act(caller, service, name, base.clone()).await;
            assert_eq!(own, world.act("admin", service, name, of_region(&base, region)).await, "{name} by {caller}");
            assert_ne!(own, all, "{name}: the world has something to count in one region only");
            let others = if region == "office-east" { "office-north" } else { "office-east" };
            let none = world.act(caller, service, name, of_region(&base, "office-of-nobody")).await;
            assert_eq!(world.act(caller, service, name, of_region(&base, others)).await, none, "{name} by {caller}");
        }
    }
}

/// Histories: of a record beyond reach there is none; of a case or a customer only what the caller sees.
pub(crate) async fn histories_are_of_what_the_caller_sees(world: &World) {
    let (mut asked, mut problems) = (0, Vec::new());
    for (kind, service, ..) in KINDS.into_iter().filter(|kind| kind.1 != "gateway") {
        let timeline = rpc(service, "ListTimeline");
        for caller in world.callers.iter().filter(|caller| caller.known() && allowed(&timeline, caller)) {
            for record in world.of_kind(kind).step_by(1 + world.of_kind(kind).count() / 12) {
                asked += 1;
                let entries = history(world, caller, service, json!({ "recordId": record.id })).await;
                // Where parts come from and go to is part of the installation: nobody made it.
                if kind == "location" && record.id.starts_with("loc_0000000000000000") {
                    continue;
                }
                if entries.is_empty() == sees(world, caller, record) {
                    problems.push(format!("{kind} {} by {}: {} entries", record.id, caller.name, entries.len()));
                }
            }
            for case in world.of_kind("service_request").step_by(5) {
                for wanted in [json!({ "serviceRequestId": case.id }), json!({ "customerId": case.json["customerId"] })]
                {
                    asked += 1;
                    for entry in history(world, caller, service, wanted).await {
                        let told = KINDS.iter().find(|(kind, ..)| *kind == known(text(&entry, "recordKind")));
                        let seen = told.and_then(|(kind, ..)| world.find(kind, text(&entry, "recordId")));
                        if seen.is_some_and(|record| !sees(world, caller, record)) {
                            problems.push(format!("{service} to {}: {entry}", caller.name));
                        }
                    }
                }
            }
        }
    }
    println!("{asked} histories, {} problems", problems.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// The matrix's name of a kind.
fn known(kind: &str) -> &str {
    if kind == "goods_return" { "return" } else { kind }
}

async fn history(world: &World, caller: &Caller, service: &str, request: Value) -> Vec<Value> {
    let rpc = rpc(service, "ListTimeline");
    let message = contract::from_json(rpc.input(), request).expect("a request");
    let answer = world.wire.direct(caller, &rpc, &message).await.unwrap_or_else(|error| panic!("{}", error.whole));
    contract::json(&answer).expect("JSON")["entries"].as_array().cloned().unwrap_or_default()
}

/// A page token is good for who sees the same, and for nobody else.
pub(crate) async fn a_page_token_is_its_callers_own(world: &World) {
    let (mut tokens, mut problems) = (0, Vec::new());
    for (_, service, list, _) in KINDS.into_iter().filter(|(_, _, list, _)| !list.is_empty()) {
        let rpc = rpc(service, list);
        let page = async |caller: &Caller, token: &str| {
            let request =
                contract::from_json(rpc.input(), json!({ "pageSize": 1, "pageToken": token })).expect("a request");
            world.wire.direct(caller, &rpc, &request).await
        };
        let callers: Vec<_> = world.callers.iter().filter(|caller| caller.known() && allowed(&rpc, caller)).collect();
        for owner in &callers {
            let first = page(owner, "").await.expect("a first page");
            let token = text(&contract::json(&first).expect("JSON"), "nextPageToken").to_owned();
            if token.is_empty() {
                continue;
            }
            for other in &callers {
                tokens += 1;
                let alike = sees_alike(owner, other);
                match page(other, &token).await {
                    Ok(_) if alike => {}
                    Err(refused) if !alike && refused.reason == "INVALID_PAGE_TOKEN" => {}
                    answer => {
                        problems.push(format!("{list}: {}'s token used by {}: {answer:?}", owner.name, other.name))
                    }
                }
            }
        }
    }
    println!("{tokens} tokens, {} problems", problems.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(tokens > 300, "only {tokens} tokens");
}

fn sees_alike(one: &Caller, other: &Caller) -> bool {
    use common::record::Role;
    let reach = |caller: &Caller| match caller.actor.role {
        Role::Admin | Role::Service => "all".to_owned(),
        Role::Technician | Role::Partner | Role::CustomerLink => caller.name.to_owned(),
        _ if caller.actor.units == common::record::Units::All => "all".to_owned(),
        _ => format!("{:?}", caller.actor.units),
    };
    reach(one) == reach(other)
}

/// A repeated request id answers its own caller only.
pub(crate) async fn a_repeat_answers_its_own_caller_only(world: &World) {
    let customer =
        json!({ "requestId": "the-same-id", "name": "Repeat", "kind": "CUSTOMER_KIND_PERSON", "language": "en" });
    let first = world.act("partner one", "intake", "CreateCustomer", customer.clone()).await;
    assert_eq!(world.act("partner one", "intake", "CreateCustomer", customer.clone()).await, first);
    let mut seen = BTreeSet::from([text(&first, "customerId").to_owned()]);
    for other in ["partner two", "admin"] {
        let answer = world.act(other, "intake", "CreateCustomer", customer.clone()).await;
        assert!(seen.insert(text(&answer, "customerId").to_owned()), "{other} got somebody else's answer");
    }
    // The same person in another role is another caller.
    let mut demoted = world.caller("partner one").clone();
    demoted.actor.role = common::record::Role::Finance;
    let rpc = rpc("intake", "CreateCustomer");
    let message = contract::from_json(rpc.input(), customer).expect("a request");
    let refused = world.wire.direct(&demoted, &rpc, &message).await.expect_err("finance makes no files");
    assert_eq!(refused.code, Code::PermissionDenied);
}
