//! A gateway with a receiver beside it that writes down what it gets.

use std::{
    collections::HashMap,
    fmt::Debug,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap};
use common::{
    auth::IDENTITY,
    clock::Clock,
    record::{Actor, Role},
    service::{Call, Definition as _},
    testing::{Backend, Bench, bench},
};
use http::StatusCode;
use prost::{Message as _, Name as _};
use proto::aftercare::{
    common::v1::Event,
    dispatch::v1::{WorkOrderEvent, WorkOrderFact},
    gateway::v1::*,
};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Response, Status};
use tonic_types::StatusExt as _;

use crate::{
    Config, Gateway,
    domain::feed::Place,
    feed,
    rpc::Api,
    service::Context,
    store,
    webhooks::{WebhookConfig, deliver},
};

/// Calls an RPC by the whole way in, as an administrator or as a partner.
macro_rules! call {
    ($world:expr, $rpc:ident, $request:expr) => {
        $world
            .as_role(common::record::Role::Admin, "", $request, |api, request| async move {
                webhook_service_server::WebhookService::$rpc(&*api, request).await
            })
            .await
    };
    ($world:expr, $partner:literal, $rpc:ident, $request:expr) => {
        $world
            .as_role(common::record::Role::Partner, $partner, $request, |api, request| async move {
                webhook_service_server::WebhookService::$rpc(&*api, request).await
            })
            .await
    };
}
pub(crate) use call;

/// The reason of a refusal.
pub(crate) fn reason<T: Debug>(result: Result<T, Status>) -> String {
    let status = result.unwrap_err();
    status.get_error_details().error_info().unwrap_or_else(|| panic!("{status:?}")).reason.clone()
}

/// One call as the receiver saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{name} is not in {self:?}"))
    }

    /// The version of the record that it tells of.
    pub(crate) fn version(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["data"]["recordVersion"].as_str().unwrap().to_owned()
    }
}

type Answer = Arc<dyn Fn(&Seen) -> u16 + Send + Sync>;

/// A receiver.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<Mutex<Answer>>,
}

impl Server {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let answer: Answer = Arc::new(|_| 200);
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            answer: Arc::new(Mutex::new(answer)),
        };
        let router = Router::new().fallback(take).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(crate) fn answer(&self, answer: impl Fn(&Seen) -> u16 + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Arc::new(answer);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many calls came.
    pub(crate) async fn wait_for(&self, calls: usize) -> Vec<Seen> {
        for _ in 0..3_000 {
            let seen = self.seen();
            if seen.len() >= calls {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {calls} calls came", self.seen().len());
    }
}

async fn take(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap, String) {
    let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    let seen = Seen {
        headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let answer = server.answer.lock().unwrap().clone();
    let status = StatusCode::from_u16(answer(&seen)).unwrap();
    server.seen.lock().unwrap().push(seen);
    let mut headers = HeaderMap::new();
    if status.is_redirection() {
        headers.insert("location", format!("http://{}/elsewhere", server.address).parse().unwrap());
    }
    (status, headers, format!("answer {}", status.as_u16()))
}

pub(crate) struct World {
    pub(crate) bench: Bench,
    pub(crate) ctx: Context,
    pub(crate) server: Server,
    config: Config,
}

/// Running deliveries; over when dropped.
pub(crate) struct Running {
    _stop: DropGuard,
    _task: JoinHandle<()>,
}

impl World {
    pub(crate) async fn new(backend: Backend, change: impl FnOnce(&mut WebhookConfig)) -> Self {
        let bench = bench::<Gateway>(backend, "").await;
        let server = Server::start().await;
        let mut config: Config = toml::from_str(Gateway::DEFAULTS).unwrap();
        config.webhooks.poll = Duration::from_millis(10);
        config.webhooks.trusted_addresses = vec![server.address];
        change(&mut config.webhooks);
        let ctx = Context::new(config.clone(), bench.core.clone()).unwrap();
        Self { bench, ctx, server, config }
    }

    /// Another replica on the same database.
    pub(crate) fn replica(&self) -> Context {
        Context::new(self.config.clone(), self.bench.core.clone()).unwrap()
    }

    pub(crate) fn run(&self, ctx: &Context) -> Running {
        let stop = CancellationToken::new();
        let task = tokio::spawn(deliver::run(ctx.clone(), stop.clone()));
        Running { _stop: stop.drop_guard(), _task: task }
    }

    pub(crate) async fn as_role<Q, A, F>(
        &self,
        role: Role,
        partner: &str,
        body: Q,
        rpc: impl FnOnce(Arc<Api>, Request<Q>) -> F,
    ) -> Result<A, Status>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut actor = Actor::new(format!("{}-1", role.as_str()), role, "east").everywhere();
        actor.partner_id = partner.to_owned();
        // Identities are short-lived in real time, whatever the test's clock says.
        let token = self.ctx.core.identity.sign(&actor, Clock::system().now()).unwrap();
        let mut request = Request::new(body);
        request.metadata_mut().insert(IDENTITY, token.parse().unwrap());
        rpc(Arc::new(Api(self.ctx.clone())), request).await.map(Response::into_inner)
    }

    pub(crate) fn create(&self, kinds: &[&str]) -> CreateEndpointRequest {
        CreateEndpointRequest {
            url: format!("http://{}/in?x=1", self.server.address),
            kinds: kinds.iter().map(|&kind| kind.to_owned()).collect(),
            description: "orders".to_owned(),
            ..CreateEndpointRequest::default()
        }
    }

    pub(crate) async fn endpoint(&self, kinds: &[&str]) -> WebhookEndpoint {
        call!(self, create_endpoint, self.create(kinds)).unwrap()
    }

    /// Says whose case it is.
    pub(crate) async fn belongs(&self, case: &str, partner: &str) {
        let tx = self.bench.core.db.begin().await.unwrap();
        let place = Place { partner_id: partner.to_owned(), org_unit_id: "east".to_owned(), ..Place::default() };
        store::feed::keep_places(&tx, [(case.to_owned(), place)].into()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A visit of a case is assigned, or something of its kind.
    pub(crate) async fn happens(&self, kind: &str, id: &str, version: i64, case: &str) {
        let told = WorkOrderEvent {
            fact: WorkOrderFact::Assigned.into(),
            work_order_id: id.to_owned(),
            service_request_id: case.to_owned(),
            org_unit_id: "east".to_owned(),
            state: "assigned".to_owned(),
            ..WorkOrderEvent::default()
        };
        let ctx = &self.ctx;
        let call = Call::internal(&ctx.core, "dispatch", "event");
        let event = Event {
            id: format!("ev{id}{version}"),
            r#type: WorkOrderEvent::full_name(),
            service: "dispatch".to_owned(),
            aggregate_kind: kind.to_owned(),
            aggregate_id: id.to_owned(),
            aggregate_version: version,
            occurred_at: Some(common::convert::timestamp(call.now)),
            payload: told.encode_to_vec(),
            ..Event::default()
        };
        let tx = ctx.core.db.begin().await.unwrap();
        feed::record(ctx, &call, &tx, &[&event]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The deliveries, once so many are in a state.
    pub(crate) async fn deliveries(
        &self,
        request: &ListDeliveriesRequest,
        state: DeliveryState,
        wanted: usize,
    ) -> Vec<WebhookDelivery> {
        for _ in 0..3_000 {
            let listed: ListDeliveriesResponse = call!(self, list_deliveries, request.clone()).unwrap();
            if listed.deliveries.iter().filter(|one| one.state() == state).count() == wanted {
                return listed.deliveries;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never were {wanted} deliveries {state:?}");
    }

    /// The deliveries, once the first was tried so often.
    pub(crate) async fn settled(&self, request: &ListDeliveriesRequest, tries: i32) -> Vec<WebhookDelivery> {
        for _ in 0..3_000 {
            let listed: ListDeliveriesResponse = call!(self, list_deliveries, request.clone()).unwrap();
            if listed.deliveries[0].tries == tries {
                return listed.deliveries;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it was never tried {tries} times");
    }

    pub(crate) async fn until_disabled(&self, id: &str) -> WebhookEndpoint {
        for _ in 0..3_000 {
            let request = GetEndpointRequest { endpoint_id: id.to_owned() };
            let endpoint: WebhookEndpoint = call!(self, get_endpoint, request).unwrap();
            if endpoint.state() == EndpointState::Disabled {
                return endpoint;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{id} was never disabled");
    }
}
