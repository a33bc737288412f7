//! One active service point, technicians, and work orders made from released requests.

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{Arc, LazyLock, Mutex},
};

use chrono::{DateTime, Duration, Utc};
use common::{
    auth::{IDENTITY, LANGUAGE},
    clock::Clock,
    convert::{Window, timestamp},
    record::{Actor, Role},
    service::Definition as _,
    testing::{Backend, Bench, bench},
};
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage};
use proto::aftercare::{
    common::v1::{Address, LatLng, Money, PartLine, TimeWindow},
    dispatch::v1::{dispatch_service_server::DispatchService as _, *},
    intake::v1::{ServiceRequestEvent, ServiceRequestFact},
};
use tonic::{Request, Response, Status};
use tonic_types::StatusExt as _;

use crate::{Context, Dispatch, rpc::Api};

/// Calls an RPC as somebody of a role, by the whole way in: identity, validation, request id, retries, status.
macro_rules! call {
    ($world:expr, $role:ident, $rpc:ident, $request:expr) => {{
        use proto::aftercare::dispatch::v1::dispatch_service_server::DispatchService as _;
        let world: &crate::rpc::tests::world::World = &$world;
        let request = world.request(common::record::Role::$role, $request);
        world.api.$rpc(request).await.map(tonic::Response::into_inner)
    }};
}
pub(crate) use call;

pub(crate) struct World {
    pub(crate) bench: Bench,
    pub(crate) api: Arc<Api>,
    pub(crate) point: String,
    /// Who was sent where last: a technician acts as themselves, and sees nobody else's visits.
    sent: Mutex<HashMap<String, String>>,
}

/// The reason of a refusal.
pub(crate) fn reason<T: Debug>(result: Result<T, Status>) -> String {
    let status = result.unwrap_err();
    status.get_error_details().error_info().unwrap_or_else(|| panic!("{status:?}")).reason.clone()
}

/// A fact of a refusal.
pub(crate) fn fact(status: &Status, name: &str) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("{status:?}"));
    info.metadata.get(name).unwrap_or_else(|| panic!("{name} is not in {info:?}")).clone()
}

/// The fields of a refusal.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    details
        .bad_request()
        .into_iter()
        .flat_map(|bad| bad.field_violations.iter().map(|field| field.field.clone()))
        .collect()
}

/// A window that starts so many hours from now.
pub(crate) fn window(now: DateTime<Utc>, hours: i64) -> TimeWindow {
    Window { start: now + Duration::hours(hours), end: now + Duration::hours(hours + 2) }.message()
}

pub(crate) fn skill(code: &str, level: i32) -> Skill {
    Skill { code: code.to_owned(), level }
}

pub(crate) fn point_request() -> CreateServicePointRequest {
    CreateServicePointRequest {
        org_unit_id: "ou_1".to_owned(),
        name: "West Lake Service".to_owned(),
        contact_phone: "+8657112345678".to_owned(),
        address: Some(Address {
            division_code: "330106".to_owned(),
            city: "Hangzhou".to_owned(),
            ..Address::default()
        }),
        ..CreateServicePointRequest::default()
    }
}

pub(crate) fn contract() -> ServiceContract {
    ServiceContract {
        contract_number: "C-1".to_owned(),
        territories: vec!["3301".to_owned()],
        categories: vec!["lighting".to_owned(), "curtain".to_owned()],
        capacity_per_day: 20,
        valid_from: "2026-01-01".to_owned(),
        valid_until: "2026-12-31".to_owned(),
        rates: vec![RateLine {
            kind: "repair".to_owned(),
            fee: Some(Money { minor_units: 8_000, currency_code: "CNY".to_owned() }),
            ..RateLine::default()
        }],
        documents: Vec::new(),
    }
}

/// A call as somebody of a role.
pub(crate) fn signed<T>(core: &common::service::Core, role: Role, body: T) -> Request<T> {
    signed_as(core, &format!("{}-1", role.as_str()), role, body)
}

/// A request signed for this person.
fn signed_as<T>(core: &common::service::Core, id: &str, role: Role, body: T) -> Request<T> {
    let actor = Actor::new(id, role, "ou_1").everywhere();
    // Identities are short-lived in real time, whatever the test's clock says.
    let token = core.identity.sign(&actor, Clock::system().now()).unwrap();
    let mut request = Request::new(body);
    request.metadata_mut().insert(IDENTITY, token.parse().unwrap());
    request.metadata_mut().insert(LANGUAGE, "en".parse().unwrap());
    request
}

impl World {
    pub(crate) async fn new(backend: Backend) -> Self {
        Self::configured(backend, &[]).await
    }

    /// With lines of the configuration replaced.
    pub(crate) async fn configured(backend: Backend, edits: &[(&str, &str)]) -> Self {
        Self::with(backend, edits, "").await
    }

    /// With lines of the configuration replaced, and the same said for consumers and timers.
    pub(crate) async fn with(backend: Backend, edits: &[(&str, &str)], overrides: &str) -> Self {
        let bench = bench::<Dispatch>(backend, overrides).await;
        // A test sees what it just wrote.
        let mut config = Dispatch::DEFAULTS.replace("age = \"200ms\"", "age = \"0s\"");
        for (line, other) in edits {
            assert!(config.contains(line), "{line} is not in the configuration");
            config = config.replace(line, other);
        }
        let config = toml::from_str(&config).unwrap();
        let api = Arc::new(Api(Context::new(config, bench.core.clone()).unwrap()));
        let mut world = Self { bench, api, point: String::new(), sent: Mutex::default() };
        world.point = world.active_point().await.service_point_id;
        world
    }

    /// A plan that is computed by nobody.
    pub(crate) async fn lost_plan(&self) -> String {
        use crate::{domain::plan, store};
        let call = self.bench.call(Role::Dispatcher);
        let lost = plan::Plan {
            id: call.ids.make(call.now),
            version: 0,
            number: "PL-LOST".to_owned(),
            created_at: call.now,
            updated_at: call.now,
            wish: plan::Wish {
                org_unit_id: String::new(),
                service_point_id: String::new(),
                first_day: call.now.date_naive(),
                days: 1,
                mode: plan::Mode::Whole,
                seconds: 1,
                seed: 1,
                max_iterations: 0,
                weights: self.api.0.config.plan.weights.clone(),
                technicians: Vec::new(),
                work_orders: Vec::new(),
            },
            state: plan::State::Running,
            outcome: None,
            failure: String::new(),
            applied_at: None,
            skipped: 0,
        };
        let tx = self.bench.core.db.begin().await.unwrap();
        let lost = store::plan::insert(&tx, &call, lost).await.unwrap();
        tx.commit().await.unwrap();
        lost.id.to_string()
    }

    /// Foresees arrivals once.
    pub(crate) async fn forecast(&self) {
        crate::planning::forecast::tell(&self.api.0).await.unwrap();
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.bench.core.clock.now()
    }

    pub(crate) fn request<T: Message + Name>(&self, role: Role, body: T) -> Request<T> {
        match self.technician_of(&body).filter(|_| role == Role::Technician) {
            Some(technician) => signed_as(&self.bench.core, &technician, role, body),
            None => signed(&self.bench.core, role, body),
        }
    }

    /// The technician that a request names, or who was sent to the visit that it names.
    fn technician_of<T: Message + Name>(&self, body: &T) -> Option<String> {
        static CONTRACT: LazyLock<DescriptorPool> =
            LazyLock::new(|| DescriptorPool::decode(proto::DESCRIPTORS).unwrap());
        let message = CONTRACT.get_message_by_name(&T::full_name())?;
        let message = DynamicMessage::decode(message, body.encode_to_vec().as_slice()).unwrap();
        let text = |name| Some(message.get_field_by_name(name)?.as_str()?.to_owned()).filter(|text| !text.is_empty());
        text("technician_id").or_else(|| self.sent.lock().unwrap().get(&text("work_order_id")?).cloned())
    }

    pub(crate) async fn active_point(&self) -> ServicePoint {
        let id = call!(self, Dispatcher, create_service_point, point_request()).unwrap().service_point_id;
        let line = InspectionItem { item: "tools".to_owned(), passed: true, note: String::new() };
        let inspect =
            InspectServicePointRequest { service_point_id: id.clone(), checklist: vec![line], ..Default::default() };
        call!(self, Dispatcher, inspect_service_point, inspect).unwrap();
        let approve = ApproveServicePointRequest { service_point_id: id.clone(), ..Default::default() };
        call!(self, Supervisor, approve_service_point, approve).unwrap();
        let sign = ContractServicePointRequest {
            service_point_id: id.clone(),
            contract: Some(contract()),
            ..Default::default()
        };
        call!(self, Manager, contract_service_point, sign).unwrap();
        let activate = ActivateServicePointRequest { service_point_id: id, ..Default::default() };
        call!(self, Manager, activate_service_point, activate).unwrap()
    }

    pub(crate) fn technician_request(&self, skills: &[Skill]) -> CreateTechnicianRequest {
        let shift = |weekday| Shift {
            weekday,
            start: "08:00".to_owned(),
            end: "22:00".to_owned(),
            breaks: vec![ShiftBreak { start: "12:00".to_owned(), end: "12:30".to_owned() }],
        };
        CreateTechnicianRequest {
            service_point_id: self.point.clone(),
            name: "Li Wei".to_owned(),
            phone: "+8613800000000".to_owned(),
            skills: skills.to_vec(),
            certificates: vec![Certificate {
                code: "electrician".to_owned(),
                number: "E-1".to_owned(),
                valid_until: "2026-12-31".to_owned(),
                valid_from: String::new(),
            }],
            home: Some(LatLng { latitude: 30.25, longitude: 120.15 }),
            shifts: (1..=7).map(shift).collect(),
            languages: vec!["zh-CN".to_owned()],
            daily_job_limit: 8,
            ..CreateTechnicianRequest::default()
        }
    }

    pub(crate) async fn technician(&self) -> Technician {
        let request = self.technician_request(&[skill("lighting", 3)]);
        call!(self, Dispatcher, create_technician, request).unwrap()
    }

    /// A released repair of a lamp, with two hours from six hours on.
    pub(crate) fn released(&self, request: &str, visit_number: i32) -> ServiceRequestEvent {
        ServiceRequestEvent {
            fact: ServiceRequestFact::Released.into(),
            service_request_id: request.to_owned(),
            number: format!("SR-{request}"),
            kind: "repair".to_owned(),
            state: "ready".to_owned(),
            urgency: "normal".to_owned(),
            customer_id: "cu_1".to_owned(),
            language: "zh-CN".to_owned(),
            category_code: "lighting.led".to_owned(),
            org_unit_id: "ou_1".to_owned(),
            division_code: "330106".to_owned(),
            position: Some(LatLng { latitude: 30.26, longitude: 120.16 }),
            windows: vec![window(self.now(), 6)],
            resolution_due_at: Some(timestamp(self.now() + Duration::hours(48))),
            charge_kind: "in_warranty".to_owned(),
            visit_number,
            ..ServiceRequestEvent::default()
        }
    }

    pub(crate) async fn tell(&self, event: &ServiceRequestEvent) {
        self.bench.deliver("intake", "service_request", &event.service_request_id, 1, event).await.unwrap();
    }

    pub(crate) async fn of_request(&self, request: &str) -> Vec<WorkOrder> {
        let list = ListWorkOrdersRequest {
            service_request_id: request.to_owned(),
            order_by: "number".to_owned(),
            ..Default::default()
        };
        call!(self, Dispatcher, list_work_orders, list).unwrap().work_orders
    }

    pub(crate) async fn order(&self, request: &str) -> WorkOrder {
        self.tell(&self.released(request, 1)).await;
        self.of_request(request).await.remove(0)
    }

    pub(crate) async fn order_with_parts(&self, request: &str, parts: Vec<PartLine>) -> WorkOrder {
        let event = ServiceRequestEvent { parts_wanted: parts, ..self.released(request, 1) };
        self.tell(&event).await;
        self.of_request(request).await.remove(0)
    }

    pub(crate) async fn get(&self, id: &str) -> WorkOrder {
        call!(self, Agent, get_work_order, GetWorkOrderRequest { work_order_id: id.to_owned() }).unwrap()
    }

    /// Who acts on a visit from now on, when `call!` is told that a technician does.
    pub(crate) fn sent_to(&self, order: &str, technician: &str) {
        self.sent.lock().unwrap().insert(order.to_owned(), technician.to_owned());
    }

    pub(crate) fn assign_request(&self, order: &str, technician: &str) -> AssignWorkOrderRequest {
        self.sent_to(order, technician);
        AssignWorkOrderRequest {
            work_order_id: order.to_owned(),
            technician_id: technician.to_owned(),
            ..AssignWorkOrderRequest::default()
        }
    }

    pub(crate) async fn assign(&self, order: &str, technician: &str) -> Result<WorkOrder, Status> {
        let request = self.request(Role::Dispatcher, self.assign_request(order, technician));
        self.api.assign_work_order(request).await.map(Response::into_inner)
    }

    pub(crate) async fn accept(&self, order: &str) -> Result<WorkOrder, Status> {
        let request = AcceptWorkOrderRequest { work_order_id: order.to_owned(), ..Default::default() };
        call!(self, Technician, accept_work_order, request)
    }

    pub(crate) async fn refuse(&self, order: &str) -> Result<WorkOrder, Status> {
        let request =
            RefuseWorkOrderRequest { work_order_id: order.to_owned(), reason: "ill".to_owned(), ..Default::default() };
        call!(self, Technician, refuse_work_order, request)
    }

    /// Assigned, accepted, on the way and there.
    pub(crate) async fn to_site(&self, order: &str, technician: &str) -> WorkOrder {
        self.assign(order, technician).await.unwrap();
        self.accept(order).await.unwrap();
        let depart = DepartWorkOrderRequest { work_order_id: order.to_owned(), ..Default::default() };
        call!(self, Technician, depart_work_order, depart).unwrap();
        let arrive = ArriveWorkOrderRequest {
            work_order_id: order.to_owned(),
            position: Some(LatLng { latitude: 30.26, longitude: 120.16 }),
            ..Default::default()
        };
        call!(self, Technician, arrive_work_order, arrive).unwrap()
    }

    pub(crate) fn start_request(&self, order: &WorkOrder) -> StartWorkOrderRequest {
        StartWorkOrderRequest {
            work_order_id: order.work_order_id.clone(),
            checklist: entries(order, "start"),
            consent: Some(Consent {
                proposal: "replace the driver".to_owned(),
                agreed: true,
                method: ConsentMethod::Verbal.into(),
                ..Consent::default()
            }),
            ..StartWorkOrderRequest::default()
        }
    }

    pub(crate) async fn begun(&self, order: &WorkOrder, technician: &str) -> WorkOrder {
        self.to_site(&order.work_order_id, technician).await;
        call!(self, Technician, start_work_order, self.start_request(order)).unwrap()
    }

    pub(crate) fn complete_request(&self, order: &WorkOrder) -> CompleteWorkOrderRequest {
        CompleteWorkOrderRequest {
            work_order_id: order.work_order_id.clone(),
            checklist: entries(order, "complete"),
            functional_test: Some(FunctionalTest { passed: true, note: String::new() }),
            signature: Some(signature()),
            ..CompleteWorkOrderRequest::default()
        }
    }

    /// The facts of the work orders' events, oldest first.
    pub(crate) async fn facts(&self) -> Vec<WorkOrderFact> {
        self.events().await.iter().map(|event| event.fact()).collect()
    }

    pub(crate) async fn events(&self) -> Vec<WorkOrderEvent> {
        use prost::Message as _;
        let events = self.bench.events().await.unwrap();
        let ours = events.into_iter().filter(|event| event.aggregate_kind == "work_order");
        ours.map(|event| WorkOrderEvent::decode(event.payload.as_slice()).unwrap()).collect()
    }
}

pub(crate) fn signature() -> Signature {
    Signature { file_id: "file_1".to_owned(), vector: String::new(), signed_as: "customer".to_owned() }
}

/// Every item of a phase, done.
pub(crate) fn entries(order: &WorkOrder, phase: &str) -> Vec<ChecklistEntry> {
    let items = order.checklist.iter().filter(|item| item.phase == phase);
    items.map(|item| ChecklistEntry { item: item.item.clone(), done: true, note: String::new() }).collect()
}
