//! Any RPC with any bytes, straight at a service or through the public door.

use std::collections::BTreeMap;

use bytes::{Buf as _, BufMut as _, Bytes};
use chrono::Duration;
use common::{
    auth::{IDENTITY, Identity},
    clock::Clock,
    record::Units,
};
use harness::{client::Door, contract};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use proto::google::rpc::{ErrorInfo, Status as Details};
use tonic::{
    Code, Status,
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

    /// Straight at the service, as from inside the installation.
    pub(crate) async fn direct(&self, caller: &Caller, rpc: &MethodDescriptor, request: &DynamicMessage) -> Answer {
        self.with_token(self.token(caller).as_deref(), rpc, request).await
    }

    /// Straight at the service with any token.
    pub(crate) async fn with_token(
        &self,
        token: Option<&str>,
        rpc: &MethodDescriptor,
        request: &DynamicMessage,
    ) -> Answer {
        let routes = self.routes.get(&service_of(rpc)).cloned().expect("a service");
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let Ok(token) = HeaderValue::from_str(token) else { panic!("the token is no header") };
            headers.insert(HeaderName::from_static(IDENTITY), token);
        }
        let mut client = tonic::client::Grpc::new(routes);
        client.ready().await.expect("routes");
        let mut call = tonic::Request::new(Bytes::from(request.encode_to_vec()));
        *call.metadata_mut() = MetadataMap::from_headers(headers);
        let answer = client.unary(call, contract::path(rpc).parse().expect("a path"), Plain).await;
        decoded(rpc, answer.map(tonic::Response::into_inner))
    }

    /// Through the public door over gRPC, as the development headers say.
    pub(crate) async fn grpc(&self, caller: &Caller, rpc: &MethodDescriptor, request: &DynamicMessage) -> Answer {
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.expect("a channel");
        let mut call = tonic::Request::new(Bytes::from(request.encode_to_vec()));
        *call.metadata_mut() = MetadataMap::from_headers(development(caller));
        let answer = client.unary(call, contract::path(rpc).parse().expect("a path"), Plain).await;
        decoded(rpc, answer.map(tonic::Response::into_inner))
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
        let mut headers = development(caller);
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
        let mut headers = development(caller);
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

/// The headers by which the door knows a caller in development.
fn development(caller: &Caller) -> HeaderMap {
    let actor = &caller.actor;
    let mut pairs = vec![
        ("x-aftercare-user", actor.id.clone()),
        ("x-aftercare-role", actor.role.as_str().to_owned()),
        ("x-aftercare-org-unit", actor.org_unit_id.clone()),
        ("x-aftercare-partner", actor.partner_id.clone()),
        ("accept-language", "en".to_owned()),
    ];
    if let Units::Of(units) = &actor.units {
        pairs.push(("x-aftercare-units", units.join(",")));
    }
    let header = |(name, value): (&'static str, String)| {
        (HeaderName::from_static(name), HeaderValue::from_str(&value).expect("a header"))
    };
    pairs.into_iter().map(header).collect()
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
