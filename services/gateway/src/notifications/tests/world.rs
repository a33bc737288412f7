//! A gateway with an intake that knows one customer, a mail server, and a service that takes messages by HTTP.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, response::IntoResponse as _};
use bytes::Bytes;
use common::{
    auth::IDENTITY,
    clock::Clock,
    convert::{Window, timestamp},
    peers::{Peer, Peers},
    record::{Actor, Role},
    service::{Call, Definition as _},
    testing::{Backend, Bench, bench},
};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use prost::{Message as _, Name};
use proto::aftercare::{
    common::v1::Event,
    dispatch::v1::{WorkOrderEvent, WorkOrderFact},
    gateway::v1::*,
    intake::v1::{Customer, GetCustomerRequest, Phone},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Status, service::Routes};

use crate::{
    Config, Gateway, feed,
    notifications::{HttpConfig, send},
    rpc::Api,
    service::Context,
};

pub(crate) const CUSTOMER: &str = "cu_00000000000000000000000001";
pub(crate) const EMAIL: &str = "lihua@example.org";
pub(crate) const PHONE: &str = "+8613800138000";

/// Calls an RPC as an administrator, by the whole way in.
macro_rules! call {
    ($world:expr, $rpc:ident, $request:expr) => {{
        let request = $world.request($request);
        notification_service_server::NotificationService::$rpc(&$world.api(), request)
            .await
            .map(tonic::Response::into_inner)
    }};
}
pub(crate) use call;

/// What a mail server took: envelope and text.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) data: String,
}

/// A mail server that speaks as much SMTP as it is asked.
#[derive(Clone)]
pub(crate) struct MailServer {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
    /// What it answers to a recipient.
    pub(crate) verdict: Arc<AtomicU16>,
}

impl MailServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            mails: Arc::default(),
            verdict: Arc::new(AtomicU16::new(250)),
        };
        let own = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = own.clone();
                tokio::spawn(async move { server.converse(stream).await });
            }
        });
        server
    }

    async fn converse(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = stream.split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 test ESMTP\r\n").await?;
        let mut to = String::new();
        while let Some(line) = lines.next_line().await? {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            let answer = match &*verb {
                "EHLO" | "HELO" => "250-test\r\n250 8BITMIME\r\n".to_owned(),
                "RCPT" => {
                    to = line.trim_start_matches("RCPT TO:").trim_matches(['<', '>', ' ']).to_owned();
                    format!("{} so be it\r\n", self.verdict.load(Ordering::SeqCst))
                }
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await?;
                    let mut data = String::new();
                    while let Some(line) = lines.next_line().await? {
                        if line == "." {
                            break;
                        }
                        data.push_str(&line);
                        data.push('\n');
                    }
                    self.mails.lock().unwrap().push(Mail { to: to.clone(), data });
                    "250 taken\r\n".to_owned()
                }
                "QUIT" => {
                    write.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => "250 ok\r\n".to_owned(),
            };
            write.write_all(answer.as_bytes()).await?;
        }
        Ok(())
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }
}

/// A service that takes messages by HTTP.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<(HeaderMap, serde_json::Value)>>>,
    pub(crate) status: Arc<AtomicU16>,
}

impl Gate {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            status: Arc::new(AtomicU16::new(200)),
        };
        let own = gate.clone();
        let take = move |headers: HeaderMap, body: Bytes| {
            let gate = own.clone();
            async move {
                gate.seen.lock().unwrap().push((headers, serde_json::from_slice(&body).unwrap()));
                StatusCode::from_u16(gate.status.load(Ordering::SeqCst)).unwrap()
            }
        };
        let router = Router::new().fallback(take);
        tokio::spawn(async move { axum::serve(listener, router).await });
        gate
    }

    /// Its configuration as the channel "sms".
    fn config(&self) -> BTreeMap<String, HttpConfig> {
        let http = HttpConfig {
            url: format!("http://{}/send", self.address),
            headers: BTreeMap::from([("x-key".to_owned(), common::config::Secret::new("s3cret"))]),
            body: r#"{"mobile":"{to}","content":"{text}","ref":"{id}"}"#.to_owned(),
        };
        BTreeMap::from([("sms".to_owned(), http)])
    }
}

/// An intake that knows one customer.
fn intake(customer: Customer) -> Peer {
    let answer = move |request: axum::extract::Request| {
        let customer = customer.clone();
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let asked = GetCustomerRequest::decode(body.slice(5..)).unwrap();
            if asked.customer_id != customer.customer_id {
                return Status::not_found("nobody").into_http::<Body>();
            }
            let message = customer.encode_to_vec();
            let mut frame = vec![0];
            frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
            frame.extend(message);
            let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
            let body =
                http_body_util::Full::new(Bytes::from(frame)).with_trailers(std::future::ready(Some(Ok(trailers))));
            ([(header::CONTENT_TYPE, "application/grpc")], Body::new(body)).into_response()
        }
    };
    Peer::Local(Routes::from(Router::new().fallback(answer)))
}

pub(crate) struct World {
    pub(crate) bench: Bench,
    pub(crate) ctx: Context,
    pub(crate) mail: MailServer,
    pub(crate) gate: Gate,
    _running: DropGuard,
}

impl World {
    /// E-mail only.
    pub(crate) async fn mailing(backend: Backend) -> Self {
        Self::new(backend, |_, _| {}).await
    }

    /// SMS by HTTP beside e-mail.
    pub(crate) async fn texting(backend: Backend) -> Self {
        Self::new(backend, |config, gate| config.notifications.http = gate.config()).await
    }

    pub(crate) async fn new(backend: Backend, change: impl FnOnce(&mut Config, &Gate)) -> Self {
        let bench = bench::<Gateway>(backend, "").await;
        let (mail, gate) = (MailServer::start().await, Gate::start().await);
        let mut config: Config = toml::from_str(Gateway::DEFAULTS).unwrap();
        let notifications = &mut config.notifications;
        notifications.poll = Duration::from_millis(10);
        notifications.smtp.host = mail.address.ip().to_string();
        notifications.smtp.port = mail.address.port();
        notifications.smtp.tls = "none".to_owned();
        notifications.operators = vec!["ops@example.org".to_owned()];
        notifications.units =
            BTreeMap::from([("east".to_owned(), vec!["lead@example.org".to_owned(), "deputy@example.org".to_owned()])]);
        change(&mut config, &gate);
        let mut core = bench.core.clone();
        let customer = Customer {
            customer_id: CUSTOMER.to_owned(),
            name: "李华".to_owned(),
            phones: vec![Phone { number: PHONE.to_owned(), primary: true, label: String::new() }],
            emails: vec![EMAIL.to_owned()],
            language: "en".to_owned(),
            ..Customer::default()
        };
        core.peers = Peers::of([("intake".to_owned(), intake(customer))].into());
        let ctx = Context::new(config, core).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(send::run(ctx.clone(), stop.clone()));
        Self { bench, ctx, mail, gate, _running: stop.drop_guard() }
    }

    pub(crate) fn api(&self) -> Api {
        Api(self.ctx.clone())
    }

    pub(crate) fn request<T>(&self, body: T) -> Request<T> {
        let actor = Actor::new("ad_1", Role::Admin, "").everywhere();
        // Identities are short-lived in real time, whatever the test's clock says.
        let token = self.ctx.core.identity.sign(&actor, Clock::system().now()).unwrap();
        let mut request = Request::new(body);
        request.metadata_mut().insert(IDENTITY, token.parse().unwrap());
        request
    }

    /// Something happens to a visit with an agreed window tomorrow.
    pub(crate) async fn visit(&self, id: &str, version: i64, fact: WorkOrderFact, customer: &str) {
        let start = common::testing::start() + chrono::Duration::hours(28);
        let window = Window { start, end: start + chrono::Duration::hours(2) };
        let told = WorkOrderEvent {
            fact: fact.into(),
            work_order_id: id.to_owned(),
            number: format!("WO-{id}"),
            service_request_id: "sr_1".to_owned(),
            customer_id: customer.to_owned(),
            org_unit_id: "east".to_owned(),
            window: Some(window.message()),
            reason: if fact == WorkOrderFact::Escalated { "late".to_owned() } else { String::new() },
            escalation_step: 2,
            ..WorkOrderEvent::default()
        };
        let call = Call::internal(&self.ctx.core, "dispatch", "event");
        let event = Event {
            id: format!("ev{id}{version}"),
            r#type: WorkOrderEvent::full_name(),
            service: "dispatch".to_owned(),
            aggregate_kind: "work_order".to_owned(),
            aggregate_id: id.to_owned(),
            aggregate_version: version,
            occurred_at: Some(timestamp(call.now)),
            payload: told.encode_to_vec(),
            ..Event::default()
        };
        let tx = self.ctx.core.db.begin().await.unwrap();
        feed::record(&self.ctx, &call, &tx, &[&event]).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn all(&self) -> Vec<Notification> {
        let request = ListNotificationsRequest { page_size: 500, ..ListNotificationsRequest::default() };
        let listed: ListNotificationsResponse = call!(self, list_notifications, request).unwrap();
        listed.notifications
    }

    /// The notifications, once so many of them are in a state.
    pub(crate) async fn until(&self, state: NotificationState, wanted: usize) -> Vec<Notification> {
        for _ in 0..2_000 {
            let all = self.all().await;
            if all.iter().filter(|one| one.state() == state).count() == wanted {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never were {wanted} {state:?}: {:?}", self.all().await);
    }

    /// Waits until the worker has looked at everything that is due.
    pub(crate) async fn looked_at(&self, result: &str) -> Vec<Notification> {
        for _ in 0..2_000 {
            let all = self.all().await;
            if all.iter().any(|one| one.result == result) {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never {result}: {:?}", self.all().await);
    }
}
