//! Calls are spread, an ill address rests, and never more than half of them.

use std::sync::atomic::AtomicU8;

use axum::routing::post;
use tokio::net::TcpListener;

use super::*;

const WELL: u8 = 0;
const ILL: u8 = 1;

struct Replica {
    at: SocketAddr,
    state: Arc<AtomicU8>,
    calls: Arc<AtomicUsize>,
}

async fn replica() -> Replica {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, state, calls) = (listener.local_addr().unwrap(), Arc::new(AtomicU8::new(WELL)), Arc::default());
    let (mine, count): (_, Arc<AtomicUsize>) = (state.clone(), Arc::clone(&calls));
    let answer = post(move || async move {
        count.fetch_add(1, Ordering::Relaxed);
        let code = if mine.load(Ordering::Relaxed) == WELL { Code::Ok } else { Code::Unavailable };
        Status::new(code, "").into_http::<axum::body::Body>()
    });
    let routes = tonic::service::Routes::from(axum::Router::new().route("/x", answer));
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(tonic::transport::Server::builder().add_routes(routes).serve_with_incoming(incoming));
    Replica { at, state, calls }
}

fn at(addresses: &[SocketAddr]) -> anyhow::Result<Balanced> {
    let listed: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
    Balanced::new(&format!("http://{}", listed.join(",")))
}

async fn call(balanced: &Balanced) -> Code {
    let request = Request::post("http://service/x").body(Body::empty()).unwrap();
    match balanced.send(request).await {
        Ok(response) => Status::from_header_map(response.headers()).unwrap().code(),
        Err(status) => status.code(),
    }
}

async fn calls(balanced: &Balanced, number: usize) -> usize {
    let mut well = 0;
    for _ in 0..number {
        well += usize::from(call(balanced).await == Code::Ok);
    }
    well
}

#[tokio::test]
async fn every_address_gets_its_share() {
    let replicas = [replica().await, replica().await, replica().await];
    let balanced = at(&replicas.each_ref().map(|replica| replica.at)).unwrap();
    assert_eq!(calls(&balanced, 300).await, 300);
    for replica in &replicas {
        let got = replica.calls.load(Ordering::Relaxed);
        assert!((50..=150).contains(&got), "{got} of 300");
    }
}

#[tokio::test]
async fn an_ill_address_rests_after_five_failures_and_comes_back() {
    let replicas = [replica().await, replica().await, replica().await];
    let balanced = at(&replicas.each_ref().map(|replica| replica.at)).unwrap();
    replicas[0].state.store(ILL, Ordering::Relaxed);
    let failed = 200 - calls(&balanced, 200).await;
    assert_eq!(failed, FAILURES as usize);
    assert_eq!(balanced.addresses(), (3, 1));
    assert_eq!(replicas[0].calls.load(Ordering::Relaxed), FAILURES as usize);

    replicas[0].state.store(WELL, Ordering::Relaxed);
    let rested = balanced.0.places();
    let place = rested.iter().find(|place| place.at == replicas[0].at).unwrap();
    place.health.lock().unwrap().until = Some(Instant::now());
    assert_eq!(calls(&balanced, 60).await, 60);
    assert!(replicas[0].calls.load(Ordering::Relaxed) > FAILURES as usize, "it is asked again");
    assert_eq!(balanced.addresses(), (3, 0));
}

#[tokio::test]
async fn never_more_than_half_of_them_rest() {
    let replicas = [replica().await, replica().await, replica().await];
    let balanced = at(&replicas.each_ref().map(|replica| replica.at)).unwrap();
    for replica in &replicas {
        replica.state.store(ILL, Ordering::Relaxed);
    }
    assert_eq!(calls(&balanced, 100).await, 0);
    let asked: usize = replicas.iter().map(|replica| replica.calls.load(Ordering::Relaxed)).sum();
    assert_eq!(asked, 100, "with all of them ill everybody is still asked");
}

#[tokio::test]
async fn a_dead_address_costs_no_call_and_a_name_is_looked_up() {
    let well = replica().await;
    let dead = || async { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    let (gone, gone_too) = (dead().await, dead().await);
    let balanced = at(&[gone, well.at, gone_too]).unwrap();
    let message = |text: &'static str| Body::new(http_body_util::Full::new(bytes::Bytes::from_static(text.as_bytes())));
    for _ in 0..100 {
        let request = Request::post("http://service/x").body(message("hello")).unwrap();
        let answer = balanced.send(request).await.unwrap();
        assert_eq!(Status::from_header_map(answer.headers()).unwrap().code(), Code::Ok);
    }
    assert_eq!(well.calls.load(Ordering::Relaxed), 100, "each was sent once");
    // Nothing tells whether a call without a message was sent, so it is not sent again.
    let balanced = at(&[gone, well.at]).unwrap();
    assert!(100 - calls(&balanced, 100).await <= FAILURES as usize);
    let nobody = at(&[gone, gone_too]).unwrap();
    let request = Request::post("http://service/x").body(message("hello")).unwrap();
    assert_eq!(nobody.send(request).await.unwrap_err().code(), Code::Unavailable);
    assert!(Balanced::new("http://10.0.0.1:7000,intake:7000").is_err(), "names are not listed");

    let named = Balanced::new(&format!("http://localhost:{}", well.at.port())).unwrap();
    // localhost may be two addresses, of which one has nobody listening.
    assert!(20 - calls(&named, 20).await <= FAILURES as usize);
    let nobody = Balanced::new("http://nobody.invalid:1").unwrap();
    assert_eq!(call(&nobody).await, Code::Unavailable);
}
