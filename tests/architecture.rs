//! The invariants of ARCHITECTURE.md, held by a test: where they are broken, the build is.

#![expect(clippy::unwrap_used, reason = "a check that cannot read the tree must fail")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use prost_reflect::{DescriptorPool, MethodDescriptor};

const SERVICES: [&str; 5] = ["intake", "dispatch", "parts-inventory", "complaint", "survey"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every source file below a folder, with its text.
fn sources(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", "node_modules", ".git", ".tools"].contains(&&*name) {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                let short = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((short, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no {ending} files below {folder}");
    found
}

fn rust() -> Vec<(String, String)> {
    ["proto", "services", "tests"].iter().flat_map(|folder| sources(folder, ".rs")).collect()
}

/// The part of a file that is not its own unit tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

fn none(what: &str, offenders: Vec<String>) {
    assert!(offenders.is_empty(), "{what}:\n  {}", offenders.join("\n  "));
}

fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
    let methods: Vec<_> = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    assert!(methods.len() > 100, "only {} RPCs", methods.len());
    methods
}

#[test]
fn the_top_holds_seven_names_and_text_files() {
    let wanted: BTreeSet<_> = ["Cargo.toml", "services", "proto", "charts", "docker", "tests", "Makefile"].into();
    let text = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "Cargo.lock"];
    let built = ["target", "data", "node_modules"];
    let strangers = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !wanted.contains(&**name))
        .filter(|name| !text.contains(&&**name) && !built.contains(&&**name))
        .collect();
    none("these do not belong at the top", strangers);
    none(
        "these are missing",
        wanted.iter().filter(|name| !root().join(name).exists()).map(|name| (*name).to_owned()).collect(),
    );
}

#[test]
fn the_rules_are_pure() {
    let banned = [
        "async ",
        "sea_orm",
        "tonic",
        "redis",
        "tokio",
        "Utc::now",
        "common::clock",
        "common::store",
        "common::service",
        "common::db",
        "common::timer",
        "proto::",
        "rand::",
        "std::fs",
        "std::env",
    ];
    let mut offenders = Vec::new();
    for service in SERVICES {
        let folder = format!("services/{service}/src");
        for (path, text) in sources(&folder, ".rs").into_iter().filter(|(path, _)| path.contains("src/domain")) {
            for word in banned {
                if without_tests(&text).contains(word) {
                    offenders.push(format!("{path}: {}", word.trim()));
                }
            }
        }
    }
    none("domain/ may not know of these", offenders);
}

#[test]
fn no_service_depends_on_another() {
    let mut offenders = Vec::new();
    for service in SERVICES {
        let manifest = fs::read_to_string(root().join(format!("services/{service}/Cargo.toml"))).unwrap();
        for other in SERVICES.iter().filter(|other| **other != service) {
            if manifest
                .lines()
                .any(|line| line.starts_with(&format!("{other}.")) || line.starts_with(&format!("{other} ")))
            {
                offenders.push(format!("{service} depends on {other}"));
            }
        }
    }
    none("services talk by contract only", offenders);
}

#[test]
fn the_declared_call_graph_is_the_codes() {
    let text = fs::read_to_string(root().join("charts/aftercare/callgraph.yaml")).unwrap();
    let mut declared = std::collections::BTreeMap::new();
    let mut caller = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_suffix(':') {
            caller = name;
        } else if let Some(calls) = line.trim().strip_prefix("calls: [") {
            let calls: BTreeSet<&str> =
                calls.trim_end_matches(']').split(", ").filter(|name| !name.is_empty()).collect();
            declared.insert(caller, calls);
        }
    }
    assert_eq!(declared["gateway"], BTreeSet::from(SERVICES), "the gateway calls every service");
    for service in SERVICES {
        let mut calls = BTreeSet::new();
        let sources = sources(&format!("services/{service}/src"), ".rs");
        for (_, text) in &sources {
            for way in ["from: \"", "way(\""] {
                let named = without_tests(text).split(way).skip(1).filter_map(|rest| rest.split('"').next());
                calls.extend(named.filter(|name| SERVICES.contains(name)));
            }
        }
        assert_eq!(declared[service], calls, "{service}: charts/aftercare/callgraph.yaml and the code differ");
    }
}

#[test]
fn common_names_no_business_noun() {
    // Roles are the vocabulary of access, which all share; records are not.
    let nouns =
        ["ServiceRequest", "WorkOrder", "ServicePoint", "Warranty", "ComplaintState", "Questionnaire", "StockBalance"];
    let offenders = sources("services/common/src", ".rs")
        .into_iter()
        .flat_map(|(path, text)| {
            let text = without_tests(&text).to_owned();
            nouns.into_iter().filter(move |noun| text.contains(*noun)).map(move |noun| format!("{path}: {noun}"))
        })
        .collect();
    none("common is plumbing", offenders);
}

#[test]
fn only_the_plumbing_talks_to_redis() {
    let offenders = rust()
        .into_iter()
        .filter(|(path, _)| !path.starts_with("services/common/") && !path.starts_with("tests/"))
        .filter(|(_, text)| text.contains("redis::"))
        .map(|(path, _)| path)
        .collect();
    none("events leave through the outbox only", offenders);
}

#[test]
fn every_service_has_the_same_files() {
    let files = [
        "Cargo.toml",
        "README.md",
        "config/default.toml",
        "messages/en.toml",
        "messages/zh-CN.toml",
        "src/main.rs",
        "src/lib.rs",
        "src/rpc.rs",
        "src/domain.rs",
        "src/store.rs",
        "src/consumers.rs",
        "src/workers.rs",
        "src/convert.rs",
        "src/error.rs",
    ];
    let missing = SERVICES
        .iter()
        .flat_map(|service| files.iter().map(move |file| format!("services/{service}/{file}")))
        .filter(|path| !root().join(path).exists())
        .collect();
    none("these are missing", missing);
}

#[test]
fn every_rpc_has_its_file_its_access_rule_its_mapping_and_its_validation() {
    // The build refuses an RPC without mapping or rule; this holds the rest, and that the build still does.
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
    let http = pool.get_extension_by_name("google.api.http").unwrap();
    let rule = pool.get_extension_by_name("aftercare.access.v1.rule").unwrap();
    let field_rules = pool.get_extension_by_name("buf.validate.field").unwrap();
    let mut offenders = Vec::new();
    for method in methods() {
        let name = method.full_name();
        if !method.options().has_extension(&http) || !method.options().has_extension(&rule) {
            offenders.push(format!("{name} lacks its mapping or its access rule"));
        }
        let input = method.input();
        let bare: Vec<_> = input
            .fields()
            .filter(|field| field.name().ends_with("_id") && !field.options().has_extension(&field_rules))
            .map(|field| field.name().to_owned())
            .collect();
        if !bare.is_empty() {
            offenders.push(format!("{} has ids without rules: {}", input.full_name(), bare.join(", ")));
        }
        let service = method.parent_service().package_name().split('.').nth(1).unwrap().replace('_', "-");
        if SERVICES.contains(&&*service) {
            let file = format!("services/{service}/src/rpc/{}.rs", snake(method.name()));
            if !root().join(&file).exists() {
                offenders.push(format!("{name} has no {file}"));
            }
        }
    }
    none("the contract has holes", offenders);
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (place, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && place > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

#[test]
fn creates_and_transitions_take_a_request_id_and_pages_are_there_from_day_one() {
    let reads = ["Get", "List", "Find", "Resolve", "Republish", "Watch", "Compare", "Suggest", "Explain"];
    let mut offenders = Vec::new();
    for method in methods() {
        let (name, input) = (method.name(), method.input());
        let has = |field: &str| input.get_field_by_name(field).is_some();
        // The answer of a sign-in is a secret and is kept for no repeat; ending a session twice is ending it once.
        let signs = ["SignIn", "SignInTotp", "SignInOidc", "RefreshSession", "SignOut"].contains(&name);
        if !signs && !reads.iter().any(|verb| name.starts_with(verb)) && !has("request_id") {
            offenders.push(format!("{} takes no request_id", method.full_name()));
        }
        if name.starts_with("List") && !(has("page_size") && has("page_token")) {
            offenders.push(format!("{} has no pages", method.full_name()));
        }
        if name.starts_with("Update") && !has("etag") {
            offenders.push(format!("{} takes no etag", method.full_name()));
        }
    }
    none("the contract is uneven", offenders);
}

#[test]
fn no_event_holds_personal_data() {
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
    let personal = pool.get_extension_by_name("aftercare.access.v1.personal").unwrap();
    let mut offenders = Vec::new();
    for message in pool
        .all_messages()
        .filter(|message| message.name().ends_with("Event") && message.full_name().starts_with("aftercare."))
    {
        let mut open = vec![message.clone()];
        let mut seen = BTreeSet::new();
        while let Some(inner) = open.pop() {
            if !seen.insert(inner.full_name().to_owned()) {
                continue;
            }
            for field in inner.fields() {
                if field.options().get_extension(&personal).as_bool() == Some(true) {
                    offenders.push(format!("{} carries {}", message.full_name(), field.full_name()));
                }
                if let prost_reflect::Kind::Message(next) = field.kind() {
                    open.push(next);
                }
            }
        }
    }
    none("events are thin", offenders);
}

#[test]
fn the_feed_of_changes_hears_of_every_kind_of_record() {
    let mut offenders = Vec::new();
    for service in SERVICES {
        let heard =
            gateway::KINDS.iter().find(|(name, _)| *name == service).map(|(_, kinds)| *kinds).unwrap_or_default();
        for (path, text) in sources(&format!("services/{service}/src"), ".rs") {
            let declared =
                without_tests(&text).lines().filter(|line| line.trim().starts_with("const KIND: &'static str"));
            for kind in declared.filter_map(|line| line.split('"').nth(1)).filter(|kind| !heard.contains(kind)) {
                offenders.push(format!("{path}: {kind}"));
            }
        }
    }
    none("add these to KINDS in services/gateway/src/feed.rs", offenders);
}

#[test]
fn files_are_small_and_say_what_they_are() {
    let mut offenders = Vec::new();
    for (path, text) in rust() {
        let lines = text.lines().count();
        if lines > 500 {
            offenders.push(format!("{path} has {lines} lines"));
        }
        if !text.starts_with("//!") {
            offenders.push(format!("{path} does not start with //!"));
        }
    }
    none("a newcomer would stumble here", offenders);
}

#[test]
fn nothing_is_left_unfinished_and_nothing_panics_by_habit() {
    let marks = ["TODO", "FIXME", "unimplemented!", "todo!(", "#[ignore"];
    let mut offenders = Vec::new();
    for (path, text) in rust().into_iter().filter(|(path, _)| path != "tests/architecture.rs") {
        for mark in marks.iter().filter(|mark| text.contains(**mark)) {
            offenders.push(format!("{path}: {mark}"));
        }
        let ours = path.starts_with("services/") && path.contains("/src/") && !path.contains("testing");
        for habit in [".unwrap()", ".expect(\""] {
            if ours
                && !path.contains("tests")
                && without_tests(&text).contains(habit)
                && !without_tests(&text).contains("#[expect(clippy::")
            {
                offenders.push(format!("{path}: {habit}"));
            }
        }
    }
    none("finish these", offenders);
}

#[test]
fn every_reason_stands_in_both_catalogues() {
    use common::{catalog::Catalog, error::Reason, service::Definition};
    fn check<D: Definition>() {
        let catalog = Catalog::load(D::MESSAGES.0, D::MESSAGES.1).unwrap();
        assert_eq!(catalog.missing(D::REASONS), Vec::<&str>::new(), "{} lacks texts", D::NAME);
        let declared: BTreeSet<_> =
            D::REASONS.iter().chain(common::error::reason::ALL).map(|reason: &Reason| reason.name).collect();
        let dead: Vec<_> = catalog.rows().map(|(name, ..)| name).filter(|name| !declared.contains(name)).collect();
        assert_eq!(dead, Vec::<&str>::new(), "{} has texts for reasons it does not declare", D::NAME);
        let used = sources(&format!("services/{}/src", D::NAME), "error.rs");
        for (path, text) in used {
            for line in text.lines().filter(|line| line.contains("Reason::new(\"")) {
                let name = line.split('"').nth(1).unwrap();
                assert!(declared.contains(name), "{path}: {name} is not in REASONS");
            }
        }
    }
    check::<intake::Intake>();
    check::<dispatch::Dispatch>();
    check::<parts_inventory::PartsInventory>();
    check::<complaint::Complaint>();
    check::<survey::Survey>();
}

#[test]
fn who_is_listened_to_exists() {
    let mut offenders = Vec::new();
    let mut found = 0;
    for service in SERVICES {
        for (path, text) in sources(&format!("services/{service}/src"), "consumers.rs") {
            for line in text.lines() {
                let Some(name) = line.split("from: \"").nth(1).and_then(|rest| rest.split('"').next()) else {
                    continue;
                };
                found += 1;
                if !SERVICES.contains(&name) {
                    offenders.push(format!("{path}: nobody publishes as {name}"));
                }
            }
        }
    }
    assert!(found > 8, "only {found} subscriptions");
    none("these events would never be heard", offenders);
}
