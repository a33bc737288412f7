//! Any RPC by its name with its request as JSON, over either surface, and raw calls that no client of ours would make.

use std::collections::BTreeMap;

use bytes::{Buf as _, BufMut as _, Bytes};
use harness::{Platform, Surface, client::Door, contract};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use proto::{
    aftercare::access::v1::{AccessRule, Role},
    google::rpc::{BadRequest, ErrorInfo, LocalizedMessage},
};
use serde_json::Value;
use tonic::{
    Code, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

/// The languages that every refusal is told in.
pub(crate) const LANGUAGES: [&str; 2] = ["en", "zh-CN"];
/// Both surfaces.
pub(crate) const SURFACES: [Surface; 2] = [Surface::Rest, Surface::Grpc];

/// A refusal with everything it says.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// Over REST only.
    pub(crate) http: Option<StatusCode>,
    pub(crate) code: Code,
    pub(crate) reason: String,
    pub(crate) domain: String,
    pub(crate) facts: BTreeMap<String, String>,
    pub(crate) fields: Vec<String>,
    pub(crate) message: String,
    pub(crate) locale: String,
    pub(crate) localized: String,
}

/// The way to the platform.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    door: Door,
    channel: Channel,
}

/// The RPC of this name.
pub(crate) fn method(rpc: &str) -> MethodDescriptor {
    let mut all = contract::POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    all.find(|method| method.name() == rpc).unwrap_or_else(|| panic!("there is no RPC {rpc}"))
}

/// Every RPC that has a public door: all but those that only services may call.
pub(crate) fn public_rpcs() -> Vec<MethodDescriptor> {
    let rule = contract::POOL.get_extension_by_name("aftercare.access.v1.rule").expect("the access rule");
    let all = contract::POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let public = |method: &MethodDescriptor| {
        let options = method.options();
        let rule = options.get_extension(&rule);
        let rule = rule.as_message().map(prost::Message::encode_to_vec).unwrap_or_default();
        let rule = AccessRule::decode(rule.as_slice()).expect("an access rule");
        rule.public || rule.roles().any(|role| role != Role::Service)
    };
    all.filter(public).collect()
}

impl Wire {
    pub(crate) fn to(platform: &Platform) -> Self {
        let door = platform.door().clone();
        let channel = common::run::channel(door.address()).expect("an address");
        Self { door, channel }
    }

    /// Calls an RPC with a request in proto3 JSON.
    pub(crate) async fn call(
        &self,
        surface: Surface,
        rpc: &str,
        request: &Value,
        language: &str,
    ) -> Result<Value, Box<Refused>> {
        let method = method(rpc);
        let message = contract::from_json(method.input(), request.clone()).expect("a request that can be sent");
        self.send(surface, &method, &message, language).await
    }

    /// Calls an RPC.
    pub(crate) async fn send(
        &self,
        surface: Surface,
        method: &MethodDescriptor,
        message: &DynamicMessage,
        language: &str,
    ) -> Result<Value, Box<Refused>> {
        match surface {
            Surface::Rest => {
                let call = contract::rest(method, message).expect("a mapping");
                let (kind, body) = call.content();
                let kind = if call.file.is_none() { "application/json" } else { kind };
                self.rest(call.method.clone(), &call.target, &[("content-type", kind)], body, language).await
            }
            Surface::Grpc => {
                let bytes = self.grpc(&contract::path(method), message.encode_to_vec(), language).await?;
                let answer = DynamicMessage::decode(method.output(), bytes).expect("an answer of the contract");
                Ok(contract::json(&answer).expect("JSON"))
            }
        }
    }

    /// Sends a raw call over REST.
    pub(crate) async fn rest(
        &self,
        method: Method,
        target: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
        language: &str,
    ) -> Result<Value, Box<Refused>> {
        let mut all = caller(language);
        for (name, value) in headers {
            all.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"));
        }
        let (status, headers, body) = self.door.raw(method, target, all, body).await.expect("an answer");
        assert_eq!(headers["content-type"], "application/json", "{target}");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        if status.is_success() { Ok(body) } else { Err(Box::new(Refused::of_json(status, &body))) }
    }

    /// Sends raw bytes as the message of a gRPC call.
    pub(crate) async fn grpc(&self, path: &str, message: Vec<u8>, language: &str) -> Result<Bytes, Box<Refused>> {
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.expect("a channel");
        let mut request = tonic::Request::new(Bytes::from(message));
        *request.metadata_mut() = tonic::metadata::MetadataMap::from_headers(caller(language));
        let answer = client.unary(request, path.parse().expect("a path"), Plain).await;
        answer.map(tonic::Response::into_inner).map_err(|status| Box::new(Refused::of_status(&status)))
    }
}

fn caller(language: &str) -> HeaderMap {
    let pairs = [
        ("x-aftercare-user", "us_contract"),
        ("x-aftercare-role", "admin"),
        ("x-aftercare-org-unit", "head-office"),
        ("accept-language", language),
    ];
    let pairs = pairs.map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a header")));
    pairs.into_iter().collect()
}

impl Refused {
    fn of_json(http: StatusCode, body: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let details = body["details"].as_array().cloned().unwrap_or_default();
        let find = |name: &str| {
            let url = format!("type.googleapis.com/google.rpc.{name}");
            details.iter().find(|detail| detail["@type"] == url.as_str()).cloned().unwrap_or_default()
        };
        let (info, local) = (find("ErrorInfo"), find("LocalizedMessage"));
        let violations = find("BadRequest")["fieldViolations"].as_array().cloned().unwrap_or_default();
        let facts = info["metadata"].as_object().cloned().unwrap_or_default();
        Self {
            http: Some(http),
            code: Code::from(i32::try_from(body["code"].as_i64().unwrap_or(2)).unwrap_or(2)),
            reason: text(&info["reason"]),
            domain: text(&info["domain"]),
            facts: facts.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            fields: violations.iter().map(|violation| text(&violation["field"])).collect(),
            message: text(&body["message"]),
            locale: text(&local["locale"]),
            localized: text(&local["message"]),
        }
    }

    fn of_status(status: &Status) -> Self {
        let details = proto::google::rpc::Status::decode(status.details()).unwrap_or_default().details;
        let find = |name: &str| {
            let url = format!("type.googleapis.com/google.rpc.{name}");
            details.iter().find(|detail| detail.type_url == url).map(|detail| detail.value.clone()).unwrap_or_default()
        };
        let info = ErrorInfo::decode(find("ErrorInfo").as_slice()).expect("a detail of its type");
        let local = LocalizedMessage::decode(find("LocalizedMessage").as_slice()).expect("a detail of its type");
        let bad = BadRequest::decode(find("BadRequest").as_slice()).expect("a detail of its type");
        Self {
            http: None,
            code: status.code(),
            reason: info.reason,
            domain: info.domain,
            facts: info.metadata.into_iter().collect(),
            fields: bad.field_violations.into_iter().map(|violation| violation.field).collect(),
            message: status.message().to_owned(),
            locale: local.locale,
            localized: local.message,
        }
    }

    /// Whether it is told as every refusal has to be: one reason, and one text in the language asked for, with nothing
    /// left to fill in.
    pub(crate) fn is_told_well(&self, language: &str) -> Result<(), String> {
        let chinese = self.message.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter));
        let wrong = [
            ("no reason", self.reason.is_empty()),
            ("not our domain", self.domain != "aftercare"),
            ("another locale", self.locale != language),
            ("two texts", self.localized != self.message),
            ("another language", chinese != (language == "zh-CN")),
            ("a gap in the text", self.message.contains(['{', '}'])),
        ];
        match wrong.iter().find(|(_, wrong)| *wrong) {
            Some((what, _)) => Err(format!("{what}: {self:?}")),
            None => Ok(()),
        }
    }
}

/// Bytes as they are.
#[derive(Clone, Copy, Debug, Default)]
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
