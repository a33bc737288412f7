//! Any RPC with any bytes, straight at a service or through the public door.

use std::collections::BTreeMap;

use bytes::{Buf as _, BufMut as _, Bytes};
use chrono::Duration;
use common::{
    auth::{IDENTITY, Identity},
    clock::Clock,
};
use harness::{client::Door, contract};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use proto::google::rpc::{ErrorInfo, Status as Details};
use tonic::{
    Code, Status,
    body::Body,
    client::GrpcService,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    service::Routes,
    transport::Channel,
};

use crate::caller::{Caller, Entrance};

/// A refusal: its code, its reason, and all of it as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: Code,
    pub(crate) reason: String,
    pub(crate) whole: String,
}

impl Refused {
    pub(crate) fn of(status: &Status) -> Self {
        let details = Details::decode(status.details()).unwrap_or_default();
        let info = details.details.iter().find(|any| any.type_url.ends_with("ErrorInfo"));
        let info = info.and_then(|any| ErrorInfo::decode(any.value.as_slice()).ok()).unwrap_or_default();
        let mut facts: Vec<_> = info.metadata.into_iter().collect();
        facts.sort();
        let others: Vec<_> = details.details.iter().filter(|any| !any.type_url.ends_with("ErrorInfo")).collect();
        let whole = format!("{:?} {} {facts:?} {others:?}", status.code(), status.message());
        Self { code: status.code(), reason: info.reason, whole }
    }

    /// The same with the id that was asked for taken out: what is left must not depend on whether there is such a record.
    pub(crate) fn without(&self, id: &str) -> Self {
        let bytes = |text: &str| text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        let whole = self.whole.replace(id, "<id>").replace(&bytes(id), "<id>");
        Self { whole, ..self.clone() }
    }
}

/// What came back.
pub(crate) type Answer = Result<DynamicMessage, Box<Refused>>;

/// The ways to the services.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) routes: BTreeMap<String, Routes>,
    pub(crate) identity: Identity,
    pub(crate) door: Door,
    pub(crate) channel: Channel,
}

/// The service that serves an RPC, by its folder's name.
pub(crate) fn service_of(rpc: &MethodDescriptor) -> String {
    let package = rpc.parent_service().package_name().to_owned();
    package.split('.').nth(1).unwrap_or_default().replace('_', "-")
}

impl Wire {
    fn token(&self, caller: &Caller) -> Option<String> {
        let now = Clock::system().now();
        let sign = |identity: &Identity, at| identity.sign(&caller.actor, at).expect("an identity");
        match caller.entrance {
            Entrance::Signed => Some(sign(&self.identity, now)),
            Entrance::Nobody => None,
            Entrance::Expired => Some(sign(&self.identity, now - Duration::minutes(10))),
            Entrance::Outside => Some(sign(&Identity::new(&"o".repeat(40)).expect("a key"), now)),
        }
    }

    /// Straight at the service, as from inside the installation. What the door answers itself is asked at the door.
    pub(crate) async fn direct(&self, caller: &Caller, rpc: &MethodDescriptor, request: &DynamicMessage) -> Answer {
        if rpc.parent_service().name() == "TimelineService" {
            return self.grpc(caller, rpc, request).await;
        }
        self.at(&service_of(rpc), self.token(caller).as_deref(), rpc, request).await
    }

    /// Straight at this service, by this caller.
    pub(crate) async fn at_service(
        &self,
        service: &str,
        caller: &Caller,
        rpc: &MethodDescriptor,
        request: &DynamicMessage,
    ) -> Answer {
        self.at(service, self.token(caller).as_deref(), rpc, request).await
    }

    async fn at(&self, service: &str, token: Option<&str>, rpc: &MethodDescriptor, request: &DynamicMessage) -> Answer {
        let routes = self.routes.get(service).cloned().expect("a service");
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let Ok(token) = HeaderValue::from_str(token) else { panic!("the token is no header") };
            headers.insert(HeaderName::from_static(IDENTITY), token);
        }
        call(routes, headers, rpc, request).await
    }

    /// Through the public door over gRPC.
    pub(crate) async fn grpc(&self, caller: &Caller, rpc: &MethodDescriptor, request: &DynamicMessage) -> Answer {
        call(self.channel.clone(), self.headers(caller), rpc, request).await
    }

    /// What a caller sends to the public door. Who has no account there tries the headers that only the inside may use.
    pub(crate) fn headers(&self, caller: &Caller) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"));
        };
        put("accept-language", "en");
        if !caller.bearer.is_empty() {
            put("authorization", &format!("Bearer {}", caller.bearer));
        } else {
            put("x-aftercare-user", "us_admin");
            put("x-aftercare-role", "admin");
            if let Some(token) = self.token(caller) {
                put(IDENTITY, &token);
            }
        }
        headers
    }

    /// Through the public door over REST: code and reason of the refusal, or the answer's JSON.
    pub(crate) async fn rest(
        &self,
        caller: &Caller,
        rpc: &MethodDescriptor,
        request: &DynamicMessage,
    ) -> Result<serde_json::Value, (i64, String)> {
        let call = contract::rest(rpc, request).expect("a mapping");
        let body = call.body.map(|body| body.to_string()).unwrap_or_default();
        let mut headers = self.headers(caller);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (status, _, body) = self.door.raw(call.method, &call.target, headers, body).await.expect("an answer");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        if status.is_success() {
            return Ok(body);
        }
        let info = body["details"].as_array().into_iter().flatten().find(|detail| detail["reason"].is_string());
        let reason = info.map(|info| info["reason"].as_str().unwrap_or_default().to_owned()).unwrap_or_default();
        Err((body["code"].as_i64().unwrap_or_default(), reason))
    }

    /// Through the public door over gRPC-Web: the code of the refusal, or the answer's bytes.
    pub(crate) async fn web(
        &self,
        caller: &Caller,
        rpc: &MethodDescriptor,
        request: &DynamicMessage,
    ) -> Result<Bytes, i64> {
        let message = request.encode_to_vec();
        let mut frame = vec![0];
        frame.extend(u32::try_from(message.len()).expect("a short message").to_be_bytes());
        frame.extend(message);
        let mut headers = self.headers(caller);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc-web+proto"));
        let (_, headers, body) =
            self.door.raw(Method::POST, &contract::path(rpc), headers, frame).await.expect("an answer");
        let status = |text: &str| text.trim().parse::<i64>().ok();
        let in_head = headers.get("grpc-status").and_then(|value| status(value.to_str().ok()?));
        let text = String::from_utf8_lossy(&body);
        let in_tail = text.rsplit("grpc-status:").next().filter(|_| text.contains("grpc-status:"));
        let code = in_head.or_else(|| status(in_tail?.lines().next()?)).expect("a status");
        if code != 0 {
            return Err(code);
        }
        let len = body.get(1..5).map_or(0, |len| u32::from_be_bytes([len[0], len[1], len[2], len[3]]));
        Ok(body.slice(5..5 + usize::try_from(len).expect("a length")))
    }
}

fn decoded(rpc: &MethodDescriptor, answer: Result<Bytes, Status>) -> Answer {
    let bytes = answer.map_err(|status| Box::new(Refused::of(&status)))?;
    Ok(DynamicMessage::decode(rpc.output(), bytes).expect("an answer of the contract"))
}

/// One call: the answer, or the first element of a streaming one.
pub(crate) async fn call<S>(way: S, headers: HeaderMap, rpc: &MethodDescriptor, request: &DynamicMessage) -> Answer
where
    S: GrpcService<Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let mut client = tonic::client::Grpc::new(way);
    if client.ready().await.is_err() {
        panic!("{}: there is no way", rpc.full_name());
    }
    let mut call = tonic::Request::new(Bytes::from(request.encode_to_vec()));
    *call.metadata_mut() = MetadataMap::from_headers(headers);
    let path = contract::path(rpc).parse().expect("a path");
    if !rpc.is_server_streaming() {
        return decoded(rpc, client.unary(call, path, Plain).await.map(tonic::Response::into_inner));
    }
    let first = async {
        let mut answers = client.server_streaming(call, path, Plain).await?.into_inner();
        while let Some(bytes) = answers.message().await? {
            // What only shows that the stream lives is no answer.
            let message = DynamicMessage::decode(rpc.output(), bytes.clone()).expect("an element of the contract");
            if !message.has_field_by_name("signal") {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    };
    match tokio::time::timeout(std::time::Duration::from_secs(5), first).await {
        // A stream in which nothing happens is open all the same.
        Err(_) | Ok(Ok(None)) => Ok(DynamicMessage::new(rpc.output())),
        Ok(Ok(Some(bytes))) => decoded(rpc, Ok(bytes)),
        Ok(Err(status)) => decoded(rpc, Err(status)),
    }
}

/// Messages as they are on the wire.
#[derive(Clone, Copy, Debug)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
