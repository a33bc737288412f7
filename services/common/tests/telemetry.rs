//! Spans really reach a collector: an RPC of a foreign caller and the event that follows, in one trace.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{Router, body::Bytes, extract::State, routing::post};
use common::{
    config::Settings,
    lifecycle::{Lifecycle, Protocols},
    telemetry,
};
use tonic::{Code, Status, metadata::MetadataMap, service::Routes};
use tracing::field;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What a collector was sent.
type Sent = Arc<Mutex<Vec<u8>>>;

async fn export(State(sent): State<Sent>, body: Bytes) -> http::Response<axum::body::Body> {
    sent.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&body);
    Status::new(Code::Ok, "").into_http()
}

fn contains(sent: &Sent, part: &[u8]) -> bool {
    sent.lock().unwrap_or_else(PoisonError::into_inner).windows(part.len()).any(|window| window == part)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_reaches_the_collector() {
    let sent = Sent::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/opentelemetry.proto.collector.trace.v1.TraceService/Export", post(export));
    let routes = Routes::from(router.with_state(sent.clone()));
    let settings = Settings::defaults("test").unwrap();
    let life = Lifecycle::new();
    let server = {
        let (life, settings) = (life.clone(), settings.clone());
        let serve =
            async move { life.serve(listener, routes, &settings.limits, &settings.drain, Protocols::Grpc, None).await };
        tokio::spawn(serve)
    };

    let mut with_collector = settings.telemetry;
    with_collector.otlp_endpoint = format!("http://{address}");
    telemetry::start("a-service", &with_collector).unwrap();
    let mut metadata = MetadataMap::new();
    metadata.insert(telemetry::TRACEPARENT, format!("00-{TRACE}-00f067aa0ba902b7-01").parse().unwrap());
    let call = telemetry::rpc_span("/a.Service/Call", &metadata);
    let traceparent = call.in_scope(telemetry::current_traceparent);
    drop(call);
    let event = tracing::info_span!("event", otel.name = "a thing happened", trace_id = field::Empty);
    telemetry::set_parent(&event, &traceparent);
    drop(event);
    let begin = std::time::Instant::now();
    telemetry::stop().await;
    assert!(begin.elapsed() < std::time::Duration::from_secs(4), "{:?}", begin.elapsed());

    let trace = TRACE.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap());
    assert!(contains(&sent, &trace.collect::<Vec<_>>()), "the caller's trace goes on");
    for part in ["a-service", "/a.Service/Call", "a thing happened"] {
        assert!(contains(&sent, part.as_bytes()), "{part} was not sent");
    }
    life.stop();
    server.await.unwrap().unwrap();
}
