//! The world of the matrix: the demo company in small, with records of every kind in two regions and of two partners, and
//! what each of them says of itself.

use std::collections::{BTreeMap, BTreeSet};

use common::{
    clock::Clock,
    config::Sources,
    id::Ids,
    record::Role,
    run::Running,
    testing::{Backend, TestDb, database},
};
use harness::{client::Door, contract};
use prost_reflect::MethodDescriptor;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    caller::{Caller, Cast, callers},
    fields::{BESIDE, KINDS},
    oracle::{holder, text},
    wire::Wire,
};

/// A record as an administrator sees it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) json: Value,
}

pub(crate) struct World {
    pub(crate) wire: Wire,
    pub(crate) callers: Vec<Caller>,
    pub(crate) records: Vec<Record>,
    pub(crate) places: BTreeMap<(&'static str, String), usize>,
    /// Partner and customer file.
    pub(crate) partners_customers: BTreeSet<(String, String)>,
    /// Partner and complaint.
    pub(crate) partners_complaints: BTreeSet<(String, String)>,
    /// The gateway's own database, clock and keys.
    pub(crate) core: common::service::Core,
    /// The gateway's settings and those that all services share.
    pub(crate) loaded: common::config::Loaded<gateway::Config>,
    /// RPCs that the matrix asks alone, by a part of their names; all when there is none.
    pub(crate) only: std::sync::Mutex<String>,
    running: Running,
    /// Dropped after all that uses them.
    _databases: Vec<TestDb>,
    _folder: TempDir,
}

pub(crate) const PARTNERS: [&str; 2] = ["pa_one", "pa_two"];
pub(crate) const REGIONS: [&str; 2] = ["office-east", "office-north"];
const SIZE: all_in_one::demo::Size = all_in_one::demo::Size { households: 40, days: 6, cases_a_day: 8 };

/// Kinds whose changes are told under the same name as here, and that stay where they are.
pub(crate) const KNOWN: [&str; 3] = ["service_request", "work_order", "complaint"];

/// Every RPC that one service serves, the gateway's own among them.
pub(crate) fn rpcs() -> Vec<MethodDescriptor> {
    let all = contract::POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    all.filter(|rpc| ours(rpc) && rpc.parent_service().package_name() != "aftercare.common.v1").collect()
}

/// The RPCs that every service serves to the others.
pub(crate) fn inner_rpcs() -> Vec<MethodDescriptor> {
    let all = contract::POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    all.filter(|rpc| rpc.parent_service().package_name() == "aftercare.common.v1").collect()
}

fn ours(rpc: &MethodDescriptor) -> bool {
    rpc.parent_service().package_name().starts_with("aftercare.")
}

pub(crate) fn rpc(service: &str, name: &str) -> MethodDescriptor {
    let found = rpcs().into_iter().find(|rpc| rpc.name() == name && crate::wire::service_of(rpc) == service);
    found.unwrap_or_else(|| panic!("{service} has no {name}"))
}

impl World {
    pub(crate) async fn make(backend: Backend) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut text =
            String::from("listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[telemetry]\nlog_filter = \"error\"\n");
        for (section, terms) in
            [("gateway", include_str!("../terms/gateway.toml")), ("survey", include_str!("../terms/survey.toml"))]
        {
            let table: toml::Table = terms.parse().expect("terms are TOML");
            let table = toml::Table::from_iter([(section.to_owned(), toml::Value::Table(table))]);
            text.push_str(&toml::to_string(&table).expect("TOML"));
        }
        // Here nobody is believed for a header, and nothing is called by itself.
        let text = text.replace("development_headers = true", "development_headers = false");
        let sent = folder.path().join("sent.jsonl");
        let text = text + &format!("[gateway.notifications]\nfile = {sent:?}\n");
        let text = text + "[gateway.push]\npoll = \"50ms\"\nheartbeat = \"500ms\"\nlife = \"4s\"\n";
        let sources = Sources::new(&all_in_one::SERVICES).text("the world", &text).expect("sources");
        let mut sources = all_in_one::data_folder(sources, folder.path()).expect("a folder");
        let mut databases = Vec::new();
        if backend == Backend::Postgres {
            for service in all_in_one::SERVICES {
                let made = database(Backend::Postgres).await;
                let own = format!("[{}.database]\nurl = {:?}\n", service.replace('-', "_"), made.url);
                sources = sources.text("a database of its own", &own).expect("sources");
                databases.push(made);
            }
        }
        let clock = Clock::fixed(all_in_one::demo::beginning(Clock::system().now(), SIZE));
        let mut host = all_in_one::services(sources, clock.clone(), Ids::seeded(7)).await.expect("the services start");
        let address = all_in_one::door(&mut host).await.expect("the door opens");
        let keeper = all_in_one::demo::doorkeeper(&host).expect("a doorkeeper");
        let core = host.core(gateway::NAME).cloned().expect("the gateway's core");
        let loaded = host.sources().load(gateway::NAME, gateway::DEFAULTS).expect("the gateway's settings");
        let cores: Vec<_> = all_in_one::SERVICES.iter().filter_map(|name| host.core(name).cloned()).collect();
        let running = host.start().await.expect("the process starts");
        all_in_one::demo::build(&keeper, &cores, &clock, SIZE, &|_| ()).await.expect("the demo company");

        let address = format!("http://{address}");
        let channel = common::run::channel(&address).expect("an address");
        let door = Door::new(&address).expect("a door");
        let routes = keeper.routes.clone();
        let wire = Wire { routes, identity: keeper.identity.clone(), door, channel };
        let nobody = Cast {
            technicians: [(String::new(), String::new()), (String::new(), String::new())],
            partners: PARTNERS,
            linked_request: String::new(),
        };
        let mut world = Self {
            wire,
            callers: callers(&nobody),
            records: Vec::new(),
            places: BTreeMap::new(),
            partners_customers: BTreeSet::new(),
            partners_complaints: BTreeSet::new(),
            core,
            loaded,
            only: std::sync::Mutex::default(),
            running,
            _databases: databases,
            _folder: folder,
        };
        // Some invitations are sent only now.
        clock.advance(chrono::Duration::minutes(30));
        settle(&cores).await;
        world.look().await;
        for region in REGIONS {
            world.furnish(region).await;
        }
        for partner in ["partner one", "partner two"] {
            world.partner(partner).await;
        }
        settle(&cores).await;
        world.look().await;
        world.cast();
        world.accounts().await;
        for region in REGIONS {
            world.planned(region).await;
        }
        world.gateways_own().await;
        settle(&cores).await;
        world.deliveries().await;
        world.look().await;
        for (kind, ..) in KINDS {
            assert!(world.of_kind(kind).next().is_some(), "the world has no {kind}");
        }
        world
    }

    /// Ends the process.
    pub(crate) async fn end(self) {
        self.running.stop().await.expect("the process stops");
    }

    pub(crate) fn caller(&self, name: &str) -> &Caller {
        self.callers.iter().find(|caller| caller.name == name).unwrap_or_else(|| panic!("nobody is {name}"))
    }

    pub(crate) fn find(&self, kind: &'static str, id: &str) -> Option<&Record> {
        self.places.get(&(kind, id.to_owned())).map(|place| &self.records[*place])
    }

    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.kind == kind)
    }

    /// Does something that has to succeed.
    pub(crate) async fn act(&self, who: &str, service: &str, name: &str, request: Value) -> Value {
        let rpc = rpc(service, name);
        let message = contract::from_json(rpc.input(), request.clone()).expect("a request");
        let answer = self.wire.direct(self.caller(who), &rpc, &message).await;
        let answer = answer.unwrap_or_else(|refused| panic!("{who}: {name} {request}: {}", refused.whole));
        contract::json(&answer).expect("JSON")
    }

    /// All pages of a list.
    pub(crate) async fn list(&self, who: &Caller, service: &str, name: &str) -> Result<Vec<Value>, String> {
        let rpc = rpc(service, name);
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let mut request = json!({ "pageSize": 500, "pageToken": token });
            if name == "ListSessions" {
                request["accountId"] = json!(who.actor.account_id);
            }
            if name == "ListCustomerChanges" {
                request["customerId"] = json!("none");
            }
            let message = contract::from_json(rpc.input(), request).expect("a request");
            let answer = self.wire.direct(who, &rpc, &message).await.map_err(|refused| refused.whole.clone())?;
            let answer = contract::json(&answer).expect("JSON");
            let rows = answer.as_object().into_iter().flatten().find_map(|(_, value)| value.as_array());
            all.extend(rows.into_iter().flatten().cloned());
            token = text(&answer, "nextPageToken").to_owned();
            if token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Reads every record there is, as an administrator.
    pub(crate) async fn look(&mut self) {
        let listed = |kind: &str| KINDS.iter().any(|(name, _, list, _)| *name == kind && !list.is_empty());
        let mut records: Vec<Record> = self.records.iter().filter(|one| !listed(one.kind)).cloned().collect();
        records.retain(|one| !BESIDE.contains(&one.kind));
        for (kind, service, list, id) in KINDS {
            if list.is_empty() {
                continue;
            }
            let rows = self.list(self.caller("admin"), service, list).await.expect("an administrator sees all");
            records.extend(rows.into_iter().map(|json| Record { kind, id: text(&json, id).to_owned(), json }));
        }
        let own = records.iter().filter(|one| one.kind == "account").cloned();
        let own: Vec<_> = own.map(|one| Record { kind: "own_account", ..one }).collect();
        records.extend(own);
        for region in REGIONS {
            records.push(Record { kind: "org_unit", id: region.to_owned(), json: json!({ "orgUnitId": region }) });
        }
        for partner in PARTNERS {
            records.push(Record { kind: "partner", id: partner.to_owned(), json: json!({ "partnerId": partner }) });
        }
        self.places = records.iter().enumerate().map(|(at, one)| ((one.kind, one.id.clone()), at)).collect();
        self.records = records;
    }

    /// Keeps a record that no list shows to an administrator.
    pub(crate) fn keep(&mut self, kind: &'static str, id: &str, json: Value) {
        self.records.push(Record { kind, id: text(&json, id).to_owned(), json });
    }

    pub(crate) fn pick(&self, kind: &str, region: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = self.of_kind(kind).find(|one| text(&one.json, "orgUnitId") == region && fits(&one.json));
        found.unwrap_or_else(|| panic!("no {kind} in {region} that fits")).json.clone()
    }

    /// Fills the parts: technicians with visits in two regions, a customer with a link.
    fn cast(&mut self) {
        let technician = |region: &str| {
            let order = self.pick("work_order", region, |order| {
                let van = self.of_kind("transfer").any(|transfer| {
                    self.find("location", text(&transfer.json, "toLocationId"))
                        .is_some_and(|van| text(&van.json, "technicianId") == holder(order))
                });
                !holder(order).is_empty() && van
            });
            (holder(&order).to_owned(), region.to_owned())
        };
        let linked = self.pick("service_request", "office-east", |request| text(request, "partnerId").is_empty());
        let cast = Cast {
            technicians: REGIONS.map(technician),
            partners: PARTNERS,
            linked_request: text(&linked, "serviceRequestId").to_owned(),
        };
        self.callers = callers(&cast);
        assert!(self.callers.iter().any(|caller| caller.actor.role == Role::Technician && !caller.actor.id.is_empty()));
    }
}

/// Waits until every event has been handled.
pub(crate) async fn settle(cores: &[common::service::Core]) {
    let mut quiet = 0;
    for _ in 0..30_000 {
        let mut busy = false;
        for core in cores {
            core.wake();
            busy |= common::outbox::backlog(&core.db).await.expect("a backlog").0 > 0;
        }
        quiet = if busy { 0 } else { quiet + 1 };
        if quiet == 3 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the services do not come to rest");
}
