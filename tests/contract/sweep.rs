//! Bad input of the kinds that every RPC can get, sent to every RPC that can get it.

use harness::{Faults, Platform, Shape, Surface, contract};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MethodDescriptor, Value as Field};
use serde_json::json;
use tonic::Code;

use crate::{
    bad_input::Case,
    parents::Parents,
    wire::{LANGUAGES, Refused, SURFACES, Wire, public_rpcs},
};

const ZEROS: &str = "00000000000000000000000000";

async fn platform() -> (Platform, Wire) {
    let platform = Platform::start(Shape::OneProcess, Surface::Rest, Faults::None).await;
    let wire = Wire::to(&platform);
    (platform, wire)
}

/// The problem when a refusal is not this one, or is not told well.
fn problem(
    what: &str,
    language: &str,
    answer: Result<serde_json::Value, Box<Refused>>,
    code: Code,
    reason: &str,
) -> Option<String> {
    match answer {
        Ok(answer) => Some(format!("{what}: not refused: {answer}")),
        Err(refused) if (refused.code, refused.reason.as_str()) != (code, reason) => {
            Some(format!("{what}: {refused:?}"))
        }
        Err(refused) => refused.is_told_well(language).err().map(|problem| format!("{what}: {problem}")),
    }
}

fn none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// Every Get by id: a malformed id, an id of another type, an id of nothing.
#[tokio::test(flavor = "multi_thread")]
async fn every_get_tells_wrong_ids_apart() {
    let (platform, wire) = platform().await;
    let by_id = |rpc: &MethodDescriptor| {
        let fields: Vec<FieldDescriptor> = rpc.input().fields().collect();
        let [id] = fields.as_slice() else { return None };
        (rpc.name().starts_with("Get") && id.name().ends_with("_id")).then(|| id.name().to_owned())
    };
    let mut problems = Vec::new();
    let mut seen = 0;
    for rpc in public_rpcs() {
        let Some(name) = by_id(&rpc) else { continue };
        seen += 1;
        let with = |id: &str| {
            let mut message = DynamicMessage::new(rpc.input());
            message.set_field_by_name(&name, Field::String(id.to_owned()));
            message
        };
        let malformed = wire.send(Surface::Grpc, &rpc, &with("nonsense"), "en").await;
        let prefix = malformed.err().and_then(|refused| refused.facts.get("prefix").cloned()).unwrap_or_default();
        let (foreign, unknown) = (format!("zz_{ZEROS}"), format!("{prefix}_{ZEROS}"));
        for (id, code, reason) in [
            ("nonsense", Code::InvalidArgument, "INVALID_ID"),
            ("../../etc/passwd", Code::InvalidArgument, "INVALID_ID"),
            (foreign.as_str(), Code::InvalidArgument, "INVALID_ID"),
            (unknown.as_str(), Code::NotFound, "NOT_FOUND"),
        ] {
            for surface in SURFACES {
                for language in LANGUAGES {
                    let answer = wire.send(surface, &rpc, &with(id), language).await;
                    let what = format!("{} {id} {surface:?} {language}", rpc.name());
                    problems.extend(problem(&what, language, answer, code, reason));
                }
            }
        }
    }
    assert!(seen >= 20, "only {seen} RPCs");
    none(&problems);
    platform.stop().await;
}

/// Every list: a negative size, damaged tokens, the token of another list and of other filters, an unknown order.
#[tokio::test(flavor = "multi_thread")]
async fn every_list_refuses_what_is_no_page_of_it() {
    let case = Case::open().await;
    let wire = &case.wire;
    let parents = Parents::of(&case).await;
    for name in ["张伟", "李娜"] {
        wire.call(Surface::Rest, "CreateCustomer", &json!({ "name": name }), "en").await.expect("a customer");
    }
    let page = wire.call(Surface::Rest, "ListCustomers", &json!({ "pageSize": 1 }), "en").await.expect("a page");
    let token = page["nextPageToken"].as_str().expect("a token").to_owned();
    let next = json!({ "pageSize": 1, "pageToken": token });
    wire.call(Surface::Rest, "ListCustomers", &next, "en").await.expect("the token is good where it belongs");
    let flipped = if token.starts_with('A') { token.replacen('A', "B", 1) } else { format!("A{}", &token[1..]) };

    let mut problems = Vec::new();
    let (mut pages, mut orders) = (0, 0);
    for rpc in public_rpcs().into_iter().filter(|rpc| rpc.input().get_field_by_name("page_token").is_some()) {
        pages += 1;
        let with = |name: &str, value: Field| {
            let mut message = parents.request(&rpc);
            // Other filters than the token's.
            if rpc.name() == "ListCustomers" && name == "page_token" {
                message.set_field_by_name("text", Field::String("张".to_owned()));
            }
            message.set_field_by_name(name, value);
            message
        };
        let text = |text: &str| Field::String(text.to_owned());
        let mut bad = vec![
            ("page_size", Field::I32(-1), "INVALID_FIELDS"),
            ("page_token", text("AAAA"), "INVALID_PAGE_TOKEN"),
            ("page_token", text("不是标记"), "INVALID_PAGE_TOKEN"),
            ("page_token", text(&flipped), "INVALID_PAGE_TOKEN"),
            ("page_token", text(&token), "INVALID_PAGE_TOKEN"),
        ];
        if rpc.input().get_field_by_name("order_by").is_some() {
            orders += 1;
            bad.push(("order_by", text("nonsense"), "INVALID_ORDER"));
            bad.push(("order_by", text("body; drop table customer"), "INVALID_ORDER"));
        }
        for (name, value, reason) in bad {
            for surface in SURFACES {
                for language in LANGUAGES {
                    let answer = wire.send(surface, &rpc, &with(name, value.clone()), language).await;
                    let what = format!("{} {name}={value:?} {surface:?} {language}", rpc.full_name());
                    let unnamed = reason == "INVALID_FIELDS"
                        && answer
                            .as_ref()
                            .err()
                            .is_none_or(|refused| !refused.fields.iter().any(|field| field == name));
                    problems.extend(unnamed.then(|| format!("{what}: the field is not named: {answer:?}")));
                    problems.extend(problem(&what, language, answer, Code::InvalidArgument, reason));
                }
            }
        }
    }
    assert!(pages >= 25 && orders >= 20, "only {pages} lists, {orders} with an order");
    none(&problems);
    case.platform.stop().await;
}

/// Every text of every request is bounded, every enum of every request is closed, and each is named when it is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn every_field_with_a_limit_keeps_it() {
    let (platform, wire) = platform().await;
    let mut problems = Vec::new();
    let (mut texts, mut enums) = (0, 0);
    for rpc in public_rpcs() {
        for field in rpc.input().fields().filter(|field| !field.is_map()) {
            let value = match field.kind() {
                Kind::String => Field::String("长".repeat(50_000)),
                Kind::Enum(_) => Field::EnumNumber(9_999),
                _ => continue,
            };
            *(if matches!(value, Field::EnumNumber(_)) { &mut enums } else { &mut texts }) += 1;
            let mut message = DynamicMessage::new(rpc.input());
            message.set_field(&field, if field.is_list() { Field::List(vec![value]) } else { value });
            let language = LANGUAGES[texts % 2];
            let answer = wire.grpc(&contract::path(&rpc), message.encode_to_vec(), language).await;
            let what = format!("{}.{}", rpc.input().name(), field.name());
            let name = if field.is_list() { format!("{}[0]", field.name()) } else { field.name().to_owned() };
            match answer {
                Ok(_) => problems.push(format!("{what}: not refused")),
                Err(refused) if refused.reason != "INVALID_FIELDS" => problems.push(format!("{what}: {refused:?}")),
                Err(refused) if !refused.fields.contains(&name) => {
                    problems.push(format!("{what}: {:?}", refused.fields))
                }
                Err(refused) => problems.extend(refused.is_told_well(language).err()),
            }
        }
    }
    assert!(texts > 400 && enums > 60, "only {texts} texts and {enums} enums");
    none(&problems);
    platform.stop().await;
}
