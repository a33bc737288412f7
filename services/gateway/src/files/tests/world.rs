//! The door with files, over an owner that knows one record.

use std::collections::HashMap;

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use common::{
    config::Sources,
    peers::{Peer, Peers},
    service::{Core, Definition as _},
    testing::{Backend, Bench, bench},
};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use prost::Message as _;
use proto::aftercare::dispatch::v1::{GetWorkOrderRequest, WorkOrder};
use serde_json::Value;
use tonic::{Status, service::Routes};
use tower::ServiceExt as _;

use crate::{Config, Gateway, Parts, audit::Buffer, files::Files};

/// The record that is there.
pub(super) const ORDER: &str = "wo_00000000000000000000000001";
/// Whose it is.
pub(super) const CUSTOMER: &str = "cu_00000000000000000000000001";

pub(super) struct World {
    pub(super) bench: Bench,
    pub(super) files: Files,
    pub(super) audit: Buffer,
    routes: Routes,
    pub(super) folder: tempfile::TempDir,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(super) fn reason(&self) -> String {
        let json = self.json();
        let details = json["details"].as_array().cloned().unwrap_or_default();
        details.iter().find_map(|detail| detail["reason"].as_str()).unwrap_or_default().to_owned()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Dispatch, as far as files ask it: one order, which the technician "te_far" does not see.
fn dispatch() -> Routes {
    let serve = |request: Request<Body>| {
        async move {
            // Signed with the clock of the test, so it cannot be verified by that of the machine.
            let token = request.headers().get(common::auth::IDENTITY).unwrap().to_str().unwrap();
            let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
            let caller = serde_json::from_slice::<Value>(&claims).unwrap()["sub"].as_str().unwrap().to_owned();
            let frame = request.into_body().collect().await.unwrap().to_bytes();
            let asked = GetWorkOrderRequest::decode(frame.slice(5..)).unwrap();
            if asked.work_order_id != ORDER || caller == "te_far" {
                return Status::not_found("no such order").into_http::<Body>();
            }
            let order = WorkOrder { work_order_id: ORDER.into(), customer_id: CUSTOMER.into(), ..WorkOrder::default() };
            let message = order.encode_to_vec();
            let mut frame = vec![0];
            frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
            frame.extend(message);
            let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
            let body = http_body_util::Full::new(Bytes::from(frame)).with_trailers(std::future::ready(Some(Ok::<
                _,
                std::convert::Infallible,
            >(
                trailers,
            ))));
            let mut response = http::Response::new(Body::new(body));
            response.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
            response
        }
    };
    Routes::from(axum::Router::new().fallback(serve))
}

pub(super) async fn world(backend: Backend) -> World {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("files").display().to_string();
    let overrides = format!(
        "[files]\nfolder = {path:?}\nsilence = \"300ms\"\nopen_uploads = 5\n[sign_in]\ndevelopment_headers = true\n"
    );
    let bench = bench::<Gateway>(backend, &overrides).await;
    let peers = Peers::of([("dispatch".to_owned(), Peer::Local(dispatch()))].into());
    let core = Core { peers, ..bench.core.clone() };
    let identity = format!("{overrides}[identity]\nkey = {:?}\n", common::testing::TEST_KEY);
    let sources = Sources::new(&[crate::NAME]).text("overrides", &identity).unwrap();
    let loaded = sources.load::<Config>(crate::NAME, crate::DEFAULTS).unwrap();
    let audit = Buffer::new(&core, 1000);
    let files = Files::open(&core, &loaded.service.files).unwrap();
    let own = Gateway::build(loaded.service.clone(), core.clone()).unwrap().routes;
    let parts = Parts {
        settings: loaded.settings,
        config: loaded.service,
        upstreams: HashMap::from([(crate::NAME.to_owned(), crate::Upstream::Local(own))]),
        reasons: Vec::new(),
        core: Some(core.clone()),
        health: tonic_health::server::HealthService::from_health_reporter(tonic_health::server::health_reporter().0),
        stopping: tokio_util::sync::CancellationToken::new(),
        clock: common::clock::Clock::system(),
        ids: core.ids.clone(),
    };
    let routes = crate::assemble(parts, Some(audit.clone())).await.unwrap();
    World { bench, files, audit, routes, folder }
}

impl World {
    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.routes.clone().oneshot(request.map(Body::new)).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(super) async fn call(
        &self,
        who: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let (user, role) = who.split_once('/').unwrap_or((who, "technician"));
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("x-aftercare-user", user).header("x-aftercare-role", role);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body).unwrap()).await
    }

    pub(super) async fn get(&self, who: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.call(who, "GET", path, headers, Body::empty()).await
    }

    pub(super) async fn upload(&self, who: &str, media_type: &str, query: &str, bytes: Vec<u8>) -> Answer {
        let path = format!("/v1/files{query}");
        self.call(who, "POST", &path, &[("content-type", media_type)], Body::from(bytes)).await
    }
}
