//! A stop that always comes to an end, workers that must not end, the guard before every RPC.

use std::time::Instant;

use axum::routing::post;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::ServiceExt as _;

use super::{admin::Readiness, guard::Guard, *};
use crate::config::Settings;

/// A method of the contract, for the guard's labels.
const PATH: &str = "/aftercare.common.v1.EventService/Republish";

fn limits() -> Limits {
    Settings::defaults("test").unwrap().limits
}

fn drain(millis: u64) -> Drain {
    Drain { notice: Duration::ZERO, deadline: Duration::from_millis(millis) }
}

/// A server with a health service; gives its address and the running server.
async fn server_with(
    life: &Lifecycle,
    limits: Limits,
    drain: Drain,
) -> (std::net::SocketAddr, tokio::task::JoinHandle<anyhow::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_, health) = tonic_health::server::health_reporter();
    let life = life.clone();
    let serve = async move { life.serve(listener, Routes::new(health), &limits, &drain, Protocols::Grpc, None).await };
    (address, tokio::spawn(serve))
}

#[tokio::test]
async fn peers_that_never_leave_do_not_hold_the_stop() {
    let life = Lifecycle::new();
    let (address, server) = server_with(&life, limits(), drain(300)).await;
    let silent = TcpStream::connect(address).await.unwrap();
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut client = HealthClient::new(crate::run::channel(&format!("http://{address}")).unwrap());
    let mut stream = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();

    let begin = Instant::now();
    life.stop();
    server.await.unwrap().unwrap();
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(2), "{took:?}");
    assert!(stream.message().await.is_err(), "the stream was cut");
    drop(silent);
}

#[tokio::test]
async fn calls_in_work_finish_before_the_deadline() {
    let life = Lifecycle::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let slow = post(|| async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        Status::not_found("late, and still answered").into_http::<axum::body::Body>()
    });
    let routes = Routes::from(axum::Router::new().route(PATH, slow));
    let server = {
        let life = life.clone();
        tokio::spawn(async move { life.serve(listener, routes, &limits(), &drain(5_000), Protocols::Grpc, None).await })
    };
    let channel = tonic::transport::Endpoint::new(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut client = proto::aftercare::common::v1::event_service_client::EventServiceClient::new(channel);
    let call =
        tokio::spawn(async move { client.republish(proto::aftercare::common::v1::RepublishRequest::default()).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begin = Instant::now();
    life.stop();
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::NotFound);
    server.await.unwrap().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "nobody was left to wait for");
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn a_peer_that_never_speaks_is_closed() {
    let life = Lifecycle::new();
    let quick = Limits { handshake: Duration::from_millis(200), ..limits() };
    let (address, server) = server_with(&life, quick, drain(100)).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    let begin = Instant::now();
    // hyper may say goodbye before it closes.
    let mut bytes = Vec::new();
    let _ = silent.read_to_end(&mut bytes).await;
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    // One that spoke in time stays.
    let mut client = HealthClient::new(crate::run::channel(&format!("http://{address}")).unwrap());
    tokio::time::sleep(Duration::from_millis(400)).await;
    client.check(HealthCheckRequest::default()).await.unwrap();
    drop(client);
    life.stop();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_worker_that_ends_by_itself_stops_everything() {
    let life = Lifecycle::new();
    life.spawn("ends", |_| async { Ok(()) });
    life.stopping().cancelled().await;
    assert!(life.failed());

    let life = Lifecycle::new();
    life.spawn("fails", |_| async { anyhow::bail!("no luck") });
    life.stopping().cancelled().await;
    assert!(life.failed());

    let life = Lifecycle::new();
    life.spawn("panics", |_| async { panic!("on purpose") });
    life.stopping().cancelled().await;
    assert!(life.failed());
}

#[tokio::test]
async fn workers_are_waited_for_and_a_stubborn_one_only_for_a_while() {
    let life = Lifecycle::new();
    let done = Arc::new(AtomicBool::new(false));
    let mark = done.clone();
    life.spawn("tidy", |ending| async move {
        ending.cancelled().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        mark.store(true, Ordering::Relaxed);
        Ok(())
    });
    life.stop();
    assert!(!done.load(Ordering::Relaxed), "workers outlive the calls");
    life.end_workers().await;
    assert!(done.load(Ordering::Relaxed) && !life.failed());
}

fn guarded_routes(limits: &Limits) -> Routes {
    let answer = || async { Response::ok() };
    let router = axum::Router::new()
        .route(
            PATH,
            post(|| async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Response::ok()
            }),
        )
        .route(
            "/panic",
            post(|| async {
                if true {
                    panic!("on purpose");
                }
            }),
        )
        .route("/grpc.health.v1.Health/Check", post(answer));
    guard::guarded(router.into(), Guard::new(limits).unwrap())
}

struct Response;

impl Response {
    fn ok() -> http::Response<axum::body::Body> {
        Status::new(Code::Ok, "").into_http()
    }
}

async fn call(routes: &Routes, path: &str, timeout: Option<&str>) -> Status {
    let mut request = http::Request::post(path).body(tonic::body::Body::empty()).unwrap();
    if let Some(timeout) = timeout {
        request.headers_mut().insert("grpc-timeout", timeout.parse().unwrap());
    }
    let response = routes.clone().oneshot(request).await.unwrap();
    Status::from_header_map(response.headers()).expect("a grpc status")
}

#[tokio::test]
async fn the_guard_refuses_what_is_too_much_and_probes_pass() {
    let routes = guarded_routes(&Limits { concurrent_calls: 1, ..limits() });
    let first = {
        let routes = routes.clone();
        tokio::spawn(async move { call(&routes, PATH, None).await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    let refused = call(&routes, PATH, None).await;
    assert_eq!(refused.code(), Code::ResourceExhausted);
    use tonic_types::StatusExt as _;
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
    assert!(details.retry_info().is_some());
    assert_eq!(call(&routes, "/grpc.health.v1.Health/Check", None).await.code(), Code::Ok);
    assert_eq!(first.await.unwrap().code(), Code::Ok);
    assert_eq!(call(&routes, PATH, None).await.code(), Code::Ok, "room again");
}

#[tokio::test]
async fn the_guard_ends_calls_at_their_deadline_and_survives_panics() {
    let routes = guarded_routes(&limits());
    assert_eq!(call(&routes, PATH, Some("50m")).await.code(), Code::DeadlineExceeded);
    assert_eq!(call(&routes, PATH, Some("5S")).await.code(), Code::Ok);
    let short = guarded_routes(&Limits { default_deadline: Duration::from_millis(50), ..limits() });
    assert_eq!(call(&short, PATH, None).await.code(), Code::DeadlineExceeded, "nobody has no deadline");
    let capped = guarded_routes(&Limits { longest_deadline: Duration::from_millis(50), ..limits() });
    assert_eq!(call(&capped, PATH, Some("1H")).await.code(), Code::DeadlineExceeded);
    assert_eq!(call(&routes, "/panic", None).await.code(), Code::Internal);
    let metrics = telemetry::metrics_handle().unwrap();
    call(&routes, PATH, None).await;
    let text = metrics.render();
    assert!(
        text.contains(
            r#"aftercare_rpc_total{service="aftercare.common.v1.EventService",method="Republish",code="ok"}"#
        ),
        "{text}"
    );
    assert!(text.contains("aftercare_rpc_seconds_bucket"), "{text}");
}

#[tokio::test]
async fn probes_tell_live_from_ready() {
    let down = Arc::new(AtomicBool::new(false));
    let asked = down.clone();
    let check: admin::Check = Arc::new(move || {
        let down = asked.load(Ordering::Relaxed);
        Box::pin(async move { if down { anyhow::bail!("no database") } else { Ok(()) } })
    });
    let readiness = Readiness::new(vec![("database".to_owned(), check)]);
    let router = admin::router(readiness.clone());
    let get = |path: &'static str| {
        let router = router.clone();
        async move {
            let request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
            router.oneshot(request).await.unwrap().status().as_u16()
        }
    };
    assert_eq!((get("/livez").await, get("/readyz").await), (200, 503), "not started");
    readiness.open();
    assert_eq!((get("/livez").await, get("/readyz").await), (200, 200));
    down.store(true, Ordering::Relaxed);
    assert_eq!((get("/livez").await, get("/readyz").await), (200, 503), "liveness asks nobody");
    down.store(false, Ordering::Relaxed);
    readiness.close();
    assert_eq!((get("/livez").await, get("/readyz").await), (200, 503), "stopping");
    assert_eq!(get("/metrics").await, 200);
}
