//! The world of the matrix: the demo company in small, with records of every kind in two regions and of two partners, and
//! what each of them says of itself.

use std::collections::{BTreeMap, BTreeSet};

use common::{clock::Clock, config::Sources, id::Ids, record::Role, run::Running};
use harness::{client::Door, contract};
use prost_reflect::MethodDescriptor;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    caller::{Caller, Cast, callers},
    fields::KINDS,
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
    running: Running,
    _folder: TempDir,
}

pub(crate) const PARTNERS: [&str; 2] = ["pa_one", "pa_two"];
const REGIONS: [&str; 2] = ["office-east", "office-north"];
const SIZE: all_in_one::demo::Size = all_in_one::demo::Size { households: 40, days: 6, cases_a_day: 6 };

/// Every RPC of the services behind the door.
pub(crate) fn rpcs() -> Vec<MethodDescriptor> {
    let all = contract::POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let behind = |rpc: &MethodDescriptor| {
        let service = rpc.parent_service();
        let package = service.package_name();
        !["aftercare.gateway.v1", "aftercare.common.v1"].contains(&package)
    };
    all.filter(behind).collect()
}

pub(crate) fn rpc(service: &str, name: &str) -> MethodDescriptor {
    let found = rpcs().into_iter().find(|rpc| rpc.name() == name && crate::wire::service_of(rpc) == service);
    found.unwrap_or_else(|| panic!("{service} has no {name}"))
}

impl World {
    pub(crate) async fn make() -> Self {
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
        let sources = Sources::new(&all_in_one::SERVICES).text("the world", &text).expect("sources");
        let sources = all_in_one::data_folder(sources, folder.path()).expect("a folder");
        let clock = Clock::fixed(all_in_one::demo::beginning(Clock::system().now(), SIZE));
        let mut host = all_in_one::services(sources, clock.clone(), Ids::seeded(7)).await.expect("the services start");
        let address = all_in_one::door(&mut host).await.expect("the door opens");
        let keeper = all_in_one::demo::doorkeeper(&host).expect("a doorkeeper");
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
            running,
            _folder: folder,
        };
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
    async fn look(&mut self) {
        let documents: Vec<Record> = self.of_kind("stock_document").cloned().collect();
        let mut records = documents;
        for (kind, service, list, id) in KINDS {
            if list.is_empty() {
                continue;
            }
            let rows = self.list(self.caller("admin"), service, list).await.expect("an administrator sees all");
            records.extend(rows.into_iter().map(|json| Record { kind, id: text(&json, id).to_owned(), json }));
        }
        self.places = records.iter().enumerate().map(|(at, one)| ((one.kind, one.id.clone()), at)).collect();
        self.records = records;
    }

    fn pick(&self, kind: &str, region: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = self.of_kind(kind).find(|one| text(&one.json, "orgUnitId") == region && fits(&one.json));
        found.unwrap_or_else(|| panic!("no {kind} in {region} that fits")).json.clone()
    }

    /// What the demo company does not do by itself, once in a region.
    async fn furnish(&mut self, region: &str) {
        let id = |value: &Value, name: &str| value[name].clone();
        let order = self.pick("work_order", region, |order| !holder(order).is_empty());
        let technician = holder(&order).to_owned();
        let case = id(&order, "serviceRequestId");
        let request = self.pick("service_request", region, |request| request["serviceRequestId"] == case);
        let customer = id(&request, "customerId");
        let store = self.pick("location", region, |place| text(place, "kind") == "LOCATION_KIND_REGIONAL");
        let van = self.pick("location", region, |place| text(place, "technicianId") == technician);
        let part = self.list(self.caller("admin"), "parts-inventory", "ListParts").await.expect("parts");
        let sku = id(&part[0], "sku");
        let lines = json!([{ "sku": sku, "quantityMilli": "1000" }]);
        let parts = "parts-inventory";
        let ship = json!({ "fromLocationId": store["locationId"], "toLocationId": van["locationId"], "condition": "STOCK_CONDITION_GOOD",
            "lines": lines, "signatureFileId": "file" });
        self.act("admin", parts, "ShipTransfer", ship).await;
        let issue = json!({ "locationId": store["locationId"], "lines": lines, "workOrderId": order["workOrderId"],
            "technicianId": technician, "signatureFileId": "file" });
        let document = self.act("admin", parts, "IssueStock", issue).await;
        let document_id = text(&document, "stockDocumentId").to_owned();
        self.records.push(Record { kind: "stock_document", id: document_id, json: document });
        let supplement = json!({ "orgUnitId": region, "workOrderId": order["workOrderId"], "serviceRequestId": case,
            "customerId": customer, "lines": lines, "locationId": store["locationId"], "reason": "damaged",
            "responsibility": "RESPONSIBILITY_PRODUCTION" });
        self.act("admin", parts, "RequestSupplementaryOrder", supplement).await;
        let back = json!({ "orgUnitId": region, "wish": "RETURN_WISH_EXCHANGE", "serviceRequestId": case,
            "customerId": customer, "sku": sku, "reason": "defective" });
        self.act("admin", parts, "OpenReturn", back).await;
        let contact = json!({ "customerId": customer, "serviceRequestId": case, "direction": "CONTACT_DIRECTION_OUTBOUND",
            "channel": "phone", "spokenTo": "李晓明", "summary": "asked for another day" });
        self.act("admin", "intake", "RecordContact", contact).await;
        let complaint = self.complain("admin", region, &customer, &case).await;
        let cause = format!("access.{}", region.replace('-', "_"));
        let action = json!({ "causeCode": cause, "problem": "again", "orgUnitId": region, "complaintId": complaint });
        self.act("admin", "complaint", "OpenCorrectiveAction", action).await;
        let regulator = json!({ "complaintId": complaint, "authority": "12315", "externalNumber": region });
        self.act("admin", "complaint", "OpenRegulatorCase", regulator).await;
        let agent = json!({ "agentId": format!("agent-{region}"), "orgUnitId": region, "available": true });
        self.act("admin", "survey", "SetCallbackAgent", agent).await;
    }

    async fn complain(&self, who: &str, region: &str, customer: &Value, case: &Value) -> Value {
        let complaint = json!({ "channel": "COMPLAINT_CHANNEL_HOTLINE", "subject": "COMPLAINT_SUBJECT_INSTALLATION",
            "severity": "SEVERITY_NORMAL", "customerId": customer, "serviceRequestId": case, "orgUnitId": region,
            "complainantName": "李晓明", "complainantPhone": "+8613800138000", "description": "it leaks" });
        self.act(who, "complaint", "ReceiveComplaint", complaint).await["complaintId"].clone()
    }

    /// What a partner's call centre enters.
    async fn partner(&mut self, who: &str) {
        let partner = self.caller(who).actor.partner_id.clone();
        let customer = json!({ "name": "欧阳明珠", "kind": "CUSTOMER_KIND_PERSON", "language": "zh-CN",
            "phones": [{ "number": format!("+86139{:08}", 10_000_000 + partner.len() + self.partners_customers.len()), "primary": true }],
            "addresses": [{ "province": "上海市", "city": "上海市", "district": "徐汇区", "line": "漕溪北路 88 号", "divisionCode": "310104",
                "position": { "latitude": 31.19, "longitude": 121.44 } }] });
        let customer = self.act(who, "intake", "CreateCustomer", customer).await["customerId"].clone();
        let product = json!({ "customerId": customer, "model": "WM-80S", "categoryCode": "appliance.washer" });
        let product = self.act(who, "intake", "CreateProduct", product).await["productId"].clone();
        let case = json!({ "customerId": customer, "productId": product, "kind": "REQUEST_KIND_REPAIR", "channel": "CHANNEL_PARTNER",
            "faultCode": "WM01", "description": "洗衣机不排水", "partnerId": "pa_somebody_else" });
        let case = self.act(who, "intake", "CreateServiceRequest", case).await;
        assert_eq!(text(&case, "partnerId"), partner, "a partner is who it is, whatever it says");
        let case = case["serviceRequestId"].clone();
        let contact = json!({ "customerId": customer, "direction": "CONTACT_DIRECTION_INBOUND", "channel": "phone", "summary": "called" });
        self.act(who, "intake", "RecordContact", contact).await;
        let complaint = self.complain(who, "office-east", &customer, &case).await;
        let owned = |id: &Value| (partner.clone(), id.as_str().unwrap_or_default().to_owned());
        self.partners_customers.insert(owned(&customer));
        self.partners_complaints.insert(owned(&complaint));
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
        for (kind, ..) in KINDS {
            assert!(self.of_kind(kind).next().is_some(), "the world has no {kind}");
        }
        assert!(self.callers.iter().any(|caller| caller.actor.role == Role::Technician && !caller.actor.id.is_empty()));
    }
}

/// Waits until every event has been handled.
async fn settle(cores: &[common::service::Core]) {
    let mut quiet = 0;
    for _ in 0..6_000 {
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
