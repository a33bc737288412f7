//! The way to a service: found by name, sent again where that is allowed, left alone when it does not answer.

use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::routing::post;
use bytes::Bytes;
use prost::Message as _;
use proto::aftercare::intake::v1::{CreateCustomerRequest, GetCustomerRequest};
use tokio::net::TcpListener;

use super::*;
use crate::contract::Contract;

const GET: &str = "/aftercare.intake.v1.IntakeService/GetCustomer";
const CREATE: &str = "/aftercare.intake.v1.IntakeService/CreateCustomer";

fn plans() -> Arc<Plans> {
    Arc::new(Plans::read(&Contract::read(proto::DESCRIPTORS).unwrap()))
}

#[test]
fn a_path_finds_its_package_and_nothing_else() {
    let local = || Upstream::Local(Routes::default());
    let upstreams = Upstreams::new(
        [("intake".to_owned(), local())].into(),
        [("grpc.health.v1.Health".to_owned(), local())].into(),
        plans(),
    );
    assert!(upstreams.find("/aftercare.intake.v1.IntakeService/GetCustomer").is_some());
    assert!(upstreams.find("/grpc.health.v1.Health/Check").is_some());
    for path in ["/aftercare.common.v1.EventService/Republish", "/other.intake.v1.X/Y", "/", "", "/intake"] {
        assert!(upstreams.find(path).is_none(), "{path}");
    }
}

/// Every call that the service saw: how many went before it, and the milliseconds that it was given.
type Seen = Arc<Mutex<Vec<(String, u64)>>>;

/// A service on a port of its own; `answer` is given the number of the call.
async fn service<F>(answer: impl Fn(u32) -> F + Clone + Send + Sync + 'static) -> (SocketAddr, Seen)
where
    F: Future<Output = Status> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let seen = Seen::default();
    let (log, count) = (seen.clone(), Arc::new(AtomicU32::new(0)));
    let serve = post(move |request: axum::extract::Request| {
        let text = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let millis = text("grpc-timeout").trim_end_matches('m').parse().unwrap_or_default();
        log.lock().unwrap().push((text("grpc-previous-rpc-attempts"), millis));
        let answer = answer(count.fetch_add(1, Ordering::Relaxed));
        async move { answer.await.into_http::<axum::body::Body>() }
    });
    let routes = Routes::from(axum::Router::new().route(GET, serve.clone()).route(CREATE, serve));
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(tonic::transport::Server::builder().add_routes(routes).serve_with_incoming(incoming));
    (at, seen)
}

fn upstreams(at: SocketAddr) -> Upstreams {
    let remote = Upstream::remote("intake", &format!("http://{at}")).unwrap();
    Upstreams::new([("intake".to_owned(), remote)].into(), HashMap::new(), plans())
}

async fn send(upstreams: &Upstreams, path: &str, message: Vec<u8>, timeout: &str) -> Code {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let request =
        Request::post(path).header("grpc-timeout", timeout).body(Body::new(Full::new(Bytes::from(frame)))).unwrap();
    match upstreams.clone().oneshot(request).await {
        Ok(response) => Status::from_header_map(response.headers()).unwrap().code(),
        Err(status) => {
            use std::error::Error as _;
            assert!(status.source().is_some(), "the door must see that this is not the service's word: {status:?}");
            status.code()
        }
    }
}

async fn get(upstreams: &Upstreams, timeout: &str) -> Code {
    send(upstreams, GET, GetCustomerRequest { customer_id: "cu_1".into() }.encode_to_vec(), timeout).await
}

async fn create(upstreams: &Upstreams, request_id: &str) -> Code {
    let request = CreateCustomerRequest { request_id: request_id.into(), name: "王芳".into(), ..Default::default() };
    send(upstreams, CREATE, request.encode_to_vec(), "5S").await
}

/// Fails twice, then answers.
async fn stumbling() -> (SocketAddr, Seen) {
    service(|number| async move { Status::new(if number < 2 { Code::Unavailable } else { Code::Ok }, "") }).await
}

#[tokio::test]
async fn a_read_is_sent_three_times_with_less_time_each() {
    let (at, seen) = stumbling().await;
    assert_eq!(get(&upstreams(at), "5S").await, Code::Ok);
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.iter().map(|(previous, _)| previous.as_str()).collect::<Vec<_>>(), ["", "1", "2"]);
    assert!(seen.iter().all(|(_, millis)| *millis <= 4_990 && *millis > 4_000), "{seen:?}");
    assert!(seen.is_sorted_by(|(_, one), (_, two)| one >= two), "{seen:?}");
}

#[tokio::test]
async fn a_write_is_sent_again_with_its_request_id_only() {
    let (at, seen) = stumbling().await;
    assert_eq!(create(&upstreams(at), "").await, Code::Unavailable);
    assert_eq!(seen.lock().unwrap().len(), 1);
    let (at, seen) = stumbling().await;
    assert_eq!(create(&upstreams(at), "r-1").await, Code::Ok);
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn with_a_service_down_the_circuit_opens_and_few_further_calls_reach_it() {
    let (at, seen) = service(|_| async { Status::unavailable("") }).await;
    let upstreams = upstreams(at);
    for _ in 0..500 {
        assert_eq!(get(&upstreams, "5S").await, Code::Unavailable);
    }
    let asked = seen.lock().unwrap().len();
    assert!((5..=12).contains(&asked), "{asked} of 500 calls reached it");
}

#[tokio::test]
async fn a_service_that_hangs_is_left_alone_after_five_calls_that_had_time() {
    let (at, seen) = service(|_| async { std::future::pending::<Status>().await }).await;
    let upstreams = upstreams(at);
    for _ in 0..8 {
        assert_eq!(get(&upstreams, "20m").await, Code::DeadlineExceeded);
    }
    assert_eq!(seen.lock().unwrap().len(), 8, "too little time says nothing about the service");
    let calls = futures::future::join_all((0..5).map(|_| get(&upstreams, "1100m"))).await;
    assert_eq!(calls, [Code::DeadlineExceeded; 5]);
    let begun = Instant::now();
    assert_eq!(get(&upstreams, "1100m").await, Code::Unavailable);
    assert!(begun.elapsed() < Duration::from_millis(500), "refused at once: {:?}", begun.elapsed());
    assert_eq!(seen.lock().unwrap().len(), 13);
}

#[tokio::test]
async fn nobody_there_is_no_answer_and_an_answer_is_never_asked_for_again() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(get(&upstreams(gone), "5S").await, Code::Unavailable);
    for code in [Code::Internal, Code::ResourceExhausted, Code::Aborted, Code::NotFound, Code::DeadlineExceeded] {
        let (at, seen) = service(move |_| async move { Status::new(code, "") }).await;
        assert_eq!(get(&upstreams(at), "5S").await, code);
        assert_eq!(seen.lock().unwrap().len(), 1, "{code:?}");
    }
}
