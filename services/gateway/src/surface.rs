//! The one port: pages and probes by path, everything else by its content type to gRPC, gRPC-Web or REST.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{Html, IntoResponse as _, Response},
    routing::{get, head, post},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::{pb::health_server::HealthServer, server::HealthService};
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowHeaders, AllowOrigin, CorsLayer},
};

use crate::{
    Reasons, contract::Contract, docs, door::Door, grpc, identity, openapi, rest, rest::table::Table,
    upstream::Upstream,
};

/// The standard health service of gRPC.
const HEALTH: &str = "grpc.health.v1.Health";

/// The pages, rendered once.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    openapi: Arc<str>,
    reference: Arc<str>,
    errors: Arc<str>,
}

impl Pages {
    pub(crate) fn render(contract: &Contract, table: &Table, reasons: &[Reasons]) -> Self {
        let document = openapi::document(contract, table);
        Self {
            openapi: document.to_string().into(),
            reference: docs::reference(&document).into(),
            errors: docs::errors(reasons).into(),
        }
    }
}

/// What gRPC clients expect beside the contract: health, and reflection in development only.
pub(crate) fn beside_contract(
    contract: &Contract,
    development: bool,
    health: HealthService,
) -> anyhow::Result<HashMap<String, Upstream>> {
    let mut beside = HashMap::new();
    beside.insert(HEALTH.to_owned(), Upstream::Local(Routes::new(HealthServer::new(health))));
    if development {
        let exposed = contract.rpcs.iter().filter(|rpc| rpc.exposed);
        let names: BTreeSet<String> =
            exposed.map(|rpc| rpc.method.parent_service().full_name().to_owned()).chain([HEALTH.to_owned()]).collect();
        let builder = || {
            let builder = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
            names.iter().fold(builder, tonic_reflection::server::Builder::with_service_name)
        };
        let v1 = Routes::new(builder().build_v1()?);
        beside.insert("grpc.reflection.v1.ServerReflection".to_owned(), Upstream::Local(v1));
        let v1alpha = Routes::new(builder().build_v1alpha()?);
        beside.insert("grpc.reflection.v1alpha.ServerReflection".to_owned(), Upstream::Local(v1alpha));
    }
    Ok(beside)
}

/// Who may call from a browser: any origin in development, the named ones otherwise.
pub(crate) fn cors(development: bool, origins: &[String]) -> anyhow::Result<Option<CorsLayer>> {
    let origins: Vec<HeaderValue> = origins
        .iter()
        .map(|origin| origin.parse().with_context(|| format!("cors_origins: {origin} is no origin")))
        .collect::<anyhow::Result<_>>()?;
    let allowed = match (origins.is_empty(), development) {
        (true, false) => return Ok(None),
        (true, true) => AllowOrigin::any(),
        (false, _) => AllowOrigin::list(origins),
    };
    let exposed = [
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "x-request-id",
        "etag",
        "retry-after",
        "location",
        "upload-offset",
        "upload-length",
        "content-range",
    ];
    Ok(Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(exposed.map(HeaderName::from_static))
            .max_age(Duration::from_secs(3600)),
    ))
}

/// The router of the port.
pub(crate) fn router(door: Arc<Door>, pages: Pages, stopping: CancellationToken, cors: Option<CorsLayer>) -> Router {
    let Pages { openapi, reference, errors } = pages;
    let html = |text: Arc<str>| get(move || std::future::ready(Html(text.to_string())));
    let json = move || {
        let answer = ([(header::CONTENT_TYPE, "application/json")], openapi.to_string());
        std::future::ready(answer)
    };
    let router = Router::new()
        .route("/", html(docs::landing().into()))
        .route("/docs", html(reference))
        .route("/docs/errors", html(errors))
        .route("/docs/guide", html(docs::guide::guide(false).into()))
        .route("/docs/guide/zh-CN", html(docs::guide::guide(true).into()))
        .route("/openapi.json", get(json))
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(ready).with_state(stopping))
        .merge(files())
        .merge(identity::routes())
        .fallback(call)
        .with_state(door)
        .layer(CatchPanicLayer::new());
    match cors {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

/// The bytes of files; what is known of them are RPCs like all others.
fn files() -> Router<Arc<Door>> {
    use crate::files::{download, upload};
    let files = get(download::file).fallback(call);
    let thumbnail = get(download::thumbnail).fallback(call);
    let upload = head(upload::state).patch(upload::add).delete(upload::give_up).fallback(call);
    Router::new()
        .route("/v1/files", post(upload::whole).fallback(call))
        .route("/v1/files/{id}", files)
        .route("/v1/files/{id}/thumbnail", thumbnail)
        .route("/v1/uploads", post(upload::begin).fallback(call))
        .route("/v1/uploads/{id}", upload)
}

/// The gateway itself needs nothing but its services, and without one of them the others still answer.
async fn ready(State(stopping): State<CancellationToken>) -> (StatusCode, &'static str) {
    if stopping.is_cancelled() { (StatusCode::SERVICE_UNAVAILABLE, "stopping") } else { (StatusCode::OK, "ok") }
}

/// Any call of the contract.
pub(crate) async fn call(State(door): State<Arc<Door>>, request: Request) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match grpc::kind(content_type.unwrap_or_default()) {
        None => rest::serve(door, request).await,
        Some(grpc::Kind::Native) => grpc::serve(door, request.map(tonic::body::Body::new)).await.map(Body::new),
        Some(grpc::Kind::Web) => {
            let inner = service_fn(move |request| {
                let door = door.clone();
                async move { Ok::<_, Infallible>(grpc::serve(door, request).await) }
            });
            match GrpcWebLayer::new().layer(inner).oneshot(request).await {
                Ok(response) => response.into_response(),
                Err(never) => match never {},
            }
        }
    }
}
