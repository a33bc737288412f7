//! Somebody who uses the platform through its public door, over REST or over gRPC. A journey is written once; surface and
//! faults are the person's.

use std::{
    collections::BTreeMap,
    error::Error as _,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use prost::{Message, Name};
use prost_reflect::{DynamicMessage, MethodDescriptor, Value as Field};
use rand::RngExt as _;
use serde_json::Value;
use tonic::{Code, Status, transport::Channel};
use tonic_prost::ProstCodec;

use crate::{contract, wait::PATIENCE};

/// The reason of a refusal that nobody gave.
const NO_ANSWER: &str = "NO_ANSWER";

/// How a call travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// REST/JSON.
    Rest,
    /// gRPC.
    Grpc,
}

/// What goes wrong with every call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Faults {
    /// Nothing.
    #[default]
    None,
    /// Every call with a request id is sent twice; both answers must be the same.
    Repeated,
    /// The client gives every call up at a random moment, then sends it again with the same request id.
    CutOff,
}

/// A refusal, the same over both surfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The gRPC code.
    pub code: Code,
    /// The HTTP status, over REST.
    pub status: Option<StatusCode>,
    /// The stable reason.
    pub reason: String,
    /// Text in the caller's language.
    pub message: String,
    /// Facts.
    pub facts: BTreeMap<String, String>,
    /// Fields at fault.
    pub fields: Vec<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} {} {}", self.code, self.reason, self.message)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn passing(&self) -> bool {
        matches!(self.code, Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown)
            || matches!(&*self.reason, "CONFLICT" | "OVERLOADED")
    }

    /// Whether the platform said it, as opposed to that nobody answered.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.reason != NO_ANSWER
    }

    /// A call that never got an answer.
    fn unanswered(error: impl fmt::Display) -> Self {
        Self {
            code: Code::Unavailable,
            status: None,
            reason: NO_ANSWER.to_owned(),
            message: error.to_string(),
            facts: BTreeMap::new(),
            fields: Vec::new(),
        }
    }

    fn of_status(status: &Status) -> Self {
        let details = proto::google::rpc::Status::decode(status.details()).unwrap_or_default().details;
        let find =
            |name: &str| details.iter().find(|detail| detail.type_url.ends_with(name)).map(|detail| &*detail.value);
        let info = find("google.rpc.ErrorInfo")
            .and_then(|bytes| proto::google::rpc::ErrorInfo::decode(bytes).ok())
            .unwrap_or_default();
        let bad = find("google.rpc.BadRequest")
            .and_then(|bytes| proto::google::rpc::BadRequest::decode(bytes).ok())
            .unwrap_or_default();
        Self {
            code: status.code(),
            status: None,
            reason: info.reason,
            message: status.message().to_owned(),
            facts: info.metadata.into_iter().collect(),
            fields: bad.field_violations.into_iter().map(|violation| violation.field).collect(),
        }
    }

    fn of_json(status: StatusCode, body: &Value) -> Self {
        let details = body["details"].as_array().cloned().unwrap_or_default();
        let find =
            |name: &str| details.iter().find(|detail| detail["@type"].as_str().is_some_and(|url| url.ends_with(name)));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let facts = find("google.rpc.ErrorInfo").and_then(|info| info["metadata"].as_object());
        let bad = find("google.rpc.BadRequest").and_then(|bad| bad["fieldViolations"].as_array());
        Self {
            code: Code::from_i32(i32::try_from(body["code"].as_i64().unwrap_or(2)).unwrap_or(2)),
            status: Some(status),
            reason: find("google.rpc.ErrorInfo").map(|info| text(&info["reason"])).unwrap_or_default(),
            message: text(&body["message"]),
            facts: facts.into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect(),
            fields: bad.into_iter().flatten().map(|violation| text(&violation["field"])).collect(),
        }
    }
}

/// A request of some RPC.
pub trait Ask: Message + Name + Default + Clone + fmt::Debug + 'static {}

impl<Q: Message + Name + Default + Clone + fmt::Debug + 'static> Ask for Q {}

/// An answer of some RPC.
pub trait Answer: Message + Default + PartialEq + fmt::Debug + 'static {}

impl<A: Message + Default + PartialEq + fmt::Debug + 'static> Answer for A {}

/// The public door, reached over both surfaces: one gateway, or several of which each call takes the next.
#[derive(Clone, Debug)]
pub struct Door {
    ways: Arc<[Way]>,
    http: Client<HttpConnector, Full<Bytes>>,
    books: Arc<Books>,
}

/// One gateway.
#[derive(Debug)]
struct Way {
    address: String,
    channel: Channel,
}

/// What went through a door.
#[derive(Debug)]
struct Books {
    begun: Instant,
    calls: AtomicUsize,
    turned: AtomicUsize,
    setbacks: Mutex<Vec<String>>,
}

impl Door {
    /// The door at `http://host:port`.
    ///
    /// # Errors
    ///
    /// When that is no address.
    pub fn new(address: &str) -> anyhow::Result<Self> {
        Self::of(&[address.to_owned()])
    }

    /// Several gateways at such addresses. A call that one of them does not answer goes to the next at once, as it does
    /// behind every load balancer.
    ///
    /// # Errors
    ///
    /// When one is no address.
    pub fn of(addresses: &[String]) -> anyhow::Result<Self> {
        let way =
            |address: &String| anyhow::Ok(Way { address: address.clone(), channel: common::run::channel(address)? });
        let ways: Vec<Way> = addresses.iter().map(way).collect::<anyhow::Result<_>>()?;
        anyhow::ensure!(!ways.is_empty(), "a door has an address");
        let http = Client::builder(TokioExecutor::new()).build_http();
        let books = Books {
            begun: Instant::now(),
            calls: AtomicUsize::new(0),
            turned: AtomicUsize::new(0),
            setbacks: Mutex::default(),
        };
        Ok(Self { ways: ways.into(), http, books: Arc::new(books) })
    }

    /// The address of the first gateway.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.ways[0].address
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.ways.iter().map(|way| &*way.address)
    }

    /// How many calls there were, and how many of them went on to another gateway.
    #[must_use]
    pub fn calls(&self) -> (usize, usize) {
        (self.books.calls.load(Ordering::Relaxed), self.books.turned.load(Ordering::Relaxed))
    }

    /// What clients had to wait out: calls that no gateway answered, or that were refused and made again.
    #[must_use]
    pub fn setbacks(&self) -> Vec<String> {
        self.books.setbacks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_back(&self, method: &MethodDescriptor, refusal: &Refusal) {
        let mut setbacks = self.books.setbacks.lock().unwrap_or_else(PoisonError::into_inner);
        let at = self.books.begun.elapsed().as_secs_f64();
        setbacks.push(format!("at {at:.1} s {}: {refusal}", method.full_name()));
    }

    /// Sends raw HTTP: what a well-behaved client would never send.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn raw(
        &self,
        method: http::Method,
        target: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Refusal> {
        self.raw_by(&self.ways[0], method, target, headers, body.into()).await
    }

    async fn raw_by(
        &self,
        way: &Way,
        method: http::Method,
        target: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Refusal> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{target}", way.address).parse().map_err(Refusal::unanswered)?;
        *request.headers_mut() = headers;
        let response = self.http.request(request).await.map_err(Refusal::unanswered)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(Refusal::unanswered)?.to_bytes();
        Ok((parts.status, parts.headers, body))
    }
}

/// Somebody with a role.
#[derive(Clone, Debug)]
pub struct Person {
    door: Door,
    headers: HeaderMap,
    surface: Surface,
    faults: Faults,
}

impl Person {
    /// Somebody who enters by this door.
    #[must_use]
    pub fn new(door: Door, role: &str, id: &str, surface: Surface, faults: Faults) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("x-aftercare-user", id), ("x-aftercare-role", role), ("x-aftercare-org-unit", "head-office")]
        {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        }
        Self { door, headers, surface, faults }
    }

    /// Whoever holds this access token or API key.
    #[must_use]
    pub fn bearer(door: Door, token: &str, surface: Surface, faults: Faults) -> Self {
        let mut headers = HeaderMap::new();
        if let Ok(value) = format!("Bearer {token}").parse() {
            headers.insert(header::AUTHORIZATION, value);
        }
        Self { door, headers, surface, faults }
    }

    /// Headers that say who it is.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    /// The same person, asking for answers in this language.
    #[must_use]
    pub fn speaking(mut self, language: &'static str) -> Self {
        self.headers.insert(header::ACCEPT_LANGUAGE, http::HeaderValue::from_static(language));
        self
    }

    /// Calls the RPC that takes this request, with the person's faults. Outages are waited out: a client of this platform
    /// repeats with the same request id until it knows.
    ///
    /// # Errors
    ///
    /// The platform's refusal.
    ///
    /// # Panics
    ///
    /// When a repeat answers otherwise than the first call did.
    pub async fn send<Q, A>(&self, request: Q) -> Result<A, Refusal>
    where
        Q: Ask,
        A: Answer,
    {
        let method = contract::method(&Q::full_name());
        let request = with_request_id(&method, &request);
        let writes = request.get_field_by_name("request_id").is_some();
        if self.faults == Faults::CutOff && writes {
            let moment = Duration::from_micros(rand::rng().random_range(0..12_000));
            let _ = tokio::time::timeout(moment, self.once::<A>(&method, &request)).await;
        }
        let first = self.until_answered::<A>(&method, &request).await;
        if self.faults == Faults::Repeated && writes && first.is_ok() {
            let again = self.until_answered::<A>(&method, &request).await;
            assert_eq!(again, first, "{}: the repeat answers otherwise", method.full_name());
        }
        first
    }

    /// As [`Person::send`], for a call that has to succeed.
    ///
    /// # Panics
    ///
    /// When it is refused.
    #[expect(clippy::panic, reason = "a refused step fails the journey")]
    pub async fn call<Q, A>(&self, request: Q) -> A
    where
        Q: Ask,
        A: Answer,
    {
        let shown = format!("{request:?}");
        self.send(request).await.unwrap_or_else(|refusal| panic!("{} {shown}: {refusal:?}", Q::full_name()))
    }

    /// As [`Person::send`], for a call that has to be refused.
    ///
    /// # Panics
    ///
    /// When it is not.
    #[expect(clippy::panic, reason = "a wrong success fails the test")]
    pub async fn refused<Q, A>(&self, request: Q) -> Refusal
    where
        Q: Ask,
        A: Answer,
    {
        match self.send::<Q, A>(request).await {
            Ok(answer) => panic!("{} was not refused: {answer:?}", Q::full_name()),
            Err(refusal) => refusal,
        }
    }

    async fn until_answered<A>(&self, method: &MethodDescriptor, request: &DynamicMessage) -> Result<A, Refusal>
    where
        A: Message + Default + 'static,
    {
        let begun = Instant::now();
        loop {
            match self.once::<A>(method, request).await {
                Err(refusal) if refusal.passing() && begun.elapsed() < PATIENCE => {
                    self.door.set_back(method, &refusal);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                other => return other,
            }
        }
    }

    async fn once<A>(&self, method: &MethodDescriptor, request: &DynamicMessage) -> Result<A, Refusal>
    where
        A: Message + Default + 'static,
    {
        let ways = &self.door.ways;
        let turn = self.door.books.calls.fetch_add(1, Ordering::Relaxed);
        for further in 0.. {
            let way = &ways[(turn + further) % ways.len()];
            let answer = match self.surface {
                Surface::Rest => self.rest(way, method, request).await,
                Surface::Grpc => self.grpc(way, method, request).await,
            };
            match answer {
                Err(refusal) if !refusal.answered() && further + 1 < ways.len() => {
                    self.door.books.turned.fetch_add(1, Ordering::Relaxed);
                }
                answer => return answer,
            }
        }
        Err(Refusal::unanswered("no way in"))
    }

    async fn rest<A: Message + Default>(
        &self,
        way: &Way,
        method: &MethodDescriptor,
        request: &DynamicMessage,
    ) -> Result<A, Refusal> {
        let call = contract::rest(method, request).map_err(Refusal::unanswered)?;
        let mut headers = self.headers.clone();
        let (kind, body) = call.content();
        if !kind.is_empty() {
            headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_str(kind).map_err(Refusal::unanswered)?);
        }
        let (status, headers, body) = self.door.raw_by(way, call.method, &call.target, headers, body).await?;
        if let Some(file) = contract::file(method, &headers, &body).filter(|_| status.is_success()) {
            return A::decode(file.as_slice()).map_err(Refusal::unanswered);
        }
        let body: Value = serde_json::from_slice(&body).map_err(Refusal::unanswered)?;
        if !status.is_success() {
            return Err(Refusal::of_json(status, &body));
        }
        let answer = contract::from_json(method.output(), body).map_err(Refusal::unanswered)?;
        A::decode(answer.encode_to_vec().as_slice()).map_err(Refusal::unanswered)
    }

    async fn grpc<A>(&self, way: &Way, method: &MethodDescriptor, request: &DynamicMessage) -> Result<A, Refusal>
    where
        A: Message + Default + 'static,
    {
        let mut client = tonic::client::Grpc::new(way.channel.clone());
        client.ready().await.map_err(Refusal::unanswered)?;
        let path = contract::path(method).parse().map_err(Refusal::unanswered)?;
        let mut call = tonic::Request::new(Encoded(request.encode_to_vec().into()));
        *call.metadata_mut() = tonic::metadata::MetadataMap::from_headers(self.headers.clone());
        let answer = client.unary(call, path, ProstCodec::<Encoded, A>::default()).await;
        answer.map(tonic::Response::into_inner).map_err(|status| match status.source() {
            // It comes from the connection, not from the platform.
            Some(_) => Refusal::unanswered(status),
            None => Refusal::of_status(&status),
        })
    }
}

/// The request with a request id of its own, when it has a place for one that is empty.
fn with_request_id<Q: Message>(method: &MethodDescriptor, request: &Q) -> DynamicMessage {
    let mut dynamic = DynamicMessage::decode(method.input(), request.encode_to_vec().as_slice())
        .unwrap_or_else(|_| DynamicMessage::new(method.input()));
    let empty = dynamic.get_field_by_name("request_id").is_some_and(|value| value.as_str() == Some(""));
    if empty {
        dynamic.set_field_by_name("request_id", Field::String(uuid::Uuid::from_u128(rand::random()).to_string()));
    }
    dynamic
}

/// A message that is encoded already.
#[derive(Clone, Debug, Default)]
struct Encoded(Bytes);

impl Message for Encoded {
    fn encode_raw(&self, into: &mut impl bytes::BufMut) {
        into.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        _: u32,
        _: prost::encoding::WireType,
        _: &mut impl bytes::Buf,
        _: prost::encoding::DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}
