//! Peers that mean harm, frame by frame, and peers that are silent, slow or deaf: their connections end, in bounded time
//! and memory, and a well-behaved client beside them notices nothing.

#![expect(clippy::expect_used, reason = "a test that fails must say so, and one that measures must print")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod frames;

use std::{net::SocketAddr, time::Duration};

use axum::{body::Body, routing::post};
use bytes::Bytes;
use common::{
    config::Settings,
    lifecycle::{Lifecycle, Protocols},
};
use futures::future::join_all;
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tonic::{Code, Status, service::Routes, transport::Channel};
use tower::{Service as _, ServiceExt as _};

use self::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, End, HEADERS, Hostile, NEWEST, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, head, header, kept,
};

/// Answers at once.
const QUICK: &str = "/hostile.v1.Service/Quick";
/// Answers with four megabytes.
const LARGE: &str = "/hostile.v1.Service/Large";
/// Reads the whole request first.
const ECHO: &str = "/hostile.v1.Service/Echo";
/// Memory that a test may cost, hostile and server together, in bytes.
const MEMORY: u64 = 64 * 1024 * 1024;
/// Calls of the well-behaved client beside every attack.
const CALLS: usize = 100;
/// `SETTINGS_INITIAL_WINDOW_SIZE`.
const WINDOW: u16 = 4;

struct Stage {
    at: SocketAddr,
    life: Lifecycle,
    server: JoinHandle<anyhow::Result<()>>,
    channel: Channel,
    memory: u64,
}

/// Bytes in memory, by the kernel's count.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

async fn stage(protocols: Protocols) -> Stage {
    let settings = Settings::defaults("hostile").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let well = || async { Status::new(Code::Ok, "").into_http::<Body>() };
    let large = || async { http::Response::new(Body::from(Bytes::from(vec![7; 4 * 1024 * 1024]))) };
    let echo = |request: axum::extract::Request| async {
        let read = tokio::time::timeout(Duration::from_secs(10), request.into_body().collect()).await;
        Status::new(if matches!(read, Ok(Ok(_))) { Code::Ok } else { Code::Cancelled }, "").into_http::<Body>()
    };
    let router = axum::Router::new().route(QUICK, post(well)).route(LARGE, post(large)).route(ECHO, post(echo));
    let life = Lifecycle::new();
    let server = {
        let life = life.clone();
        let routes = Routes::from(router);
        let serve =
            async move { life.serve(listener, routes, &settings.limits, &settings.drain, protocols, None).await };
        tokio::spawn(serve)
    };
    let channel = common::run::channel(&format!("http://{at}")).unwrap();
    let stage = Stage { at, life, server, channel, memory: 0 };
    stage.well(1).await;
    Stage { memory: memory(), ..stage }
}

impl Stage {
    /// Calls of somebody who means no harm: every one is answered.
    async fn well(&self, calls: usize) {
        for _ in 0..calls {
            let request = http::Request::post(QUICK).body(tonic::body::Body::empty()).unwrap();
            let mut channel = self.channel.clone();
            let answer = async { channel.ready().await?.call(request).await };
            let answer =
                tokio::time::timeout(Duration::from_secs(5), answer).await.expect("an answer in time").unwrap();
            assert_eq!(Status::from_header_map(answer.headers()).unwrap().code(), Code::Ok);
        }
    }

    /// Runs an attack beside the well-behaved client, and looks at the memory.
    async fn beside<T>(&self, attack: impl Future<Output = T>) -> T {
        let (found, ()) = tokio::join!(attack, self.well(CALLS));
        self.well(1).await;
        let grown = memory().saturating_sub(self.memory);
        assert!(grown <= MEMORY, "{} MiB more in memory", grown >> 20);
        found
    }

    async fn end(self) {
        self.life.stop();
        drop(self.channel);
        self.server.await.unwrap().unwrap();
    }
}

fn left(end: End) -> bool {
    matches!(end, End::Left(_))
}

/// Sends the same again and again; the number of times that the server took.
async fn repeat(hostile: &mut Hostile, times: usize, bytes: impl Fn(usize) -> Vec<u8>) -> usize {
    for batch in (0..times).collect::<Vec<_>>().chunks(64) {
        let bytes: Vec<u8> = batch.iter().flat_map(|number| bytes(*number)).collect();
        if !hostile.send(&bytes).await {
            return batch[0];
        }
    }
    times
}

/// The number of a client's stream.
fn stream(number: usize) -> u32 {
    u32::try_from(number * 2 + 1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_opened_and_reset_end_the_connection() {
    let stage = stage(Protocols::Grpc).await;
    let taken = stage.beside(async {
        let mut hostile = Hostile::greet(stage.at, &[]).await;
        let block = head(ECHO);
        let taken = repeat(&mut hostile, 100_000, |number| {
            let mut bytes = frame(HEADERS, END_HEADERS, stream(number), &block);
            bytes.extend(frame(RST_STREAM, 0, stream(number), &8_u32.to_be_bytes()));
            bytes
        });
        let taken = taken.await;
        assert!(left(hostile.end_within(Duration::from_secs(5)).await), "a reset flood is let go on");
        taken
    });
    let taken = taken.await;
    assert!(taken < 50_000, "only after {taken} streams");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_make_the_server_reset_them_end_the_connection() {
    let stage = stage(Protocols::Grpc).await;
    stage
        .beside(async {
            let mut hostile = Hostile::greet(stage.at, &[]).await;
            let block = head(ECHO);
            repeat(&mut hostile, 20_000, |number| {
                let mut bytes = frame(HEADERS, END_HEADERS, stream(number), &block);
                // A window that grows by nothing is a mistake of this stream: the server resets it.
                bytes.extend(frame(WINDOW_UPDATE, 0, stream(number), &0_u32.to_be_bytes()));
                bytes
            })
            .await;
            assert!(left(hostile.end_within(Duration::from_secs(5)).await), "a flood of made resets is let go on");
        })
        .await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_without_end_and_heads_that_grow_are_refused() {
    let stage = stage(Protocols::Grpc).await;
    stage
        .beside(async {
            // Ten megabytes of continuation.
            let mut endless = Hostile::greet(stage.at, &[]).await;
            endless.send(&frame(HEADERS, 0, 1, &head(QUICK))).await;
            let mut piece = Vec::new();
            header("x", &[b'a'; 15_000], &mut piece);
            repeat(&mut endless, 700, |_| frame(CONTINUATION, 0, 1, &piece)).await;
            assert!(left(endless.end_within(Duration::from_secs(5)).await), "a head without end is let go on");

            // One entry of four kilobytes, named four thousand times: sixteen megabytes out of eight kilobytes.
            let mut bomb = Hostile::greet(stage.at, &[]).await;
            let mut block = head(QUICK);
            kept("x-bomb", &[b'b'; 3_900], &mut block);
            block.extend([NEWEST; 4_000]);
            for number in 0..200 {
                if !bomb.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &block)).await {
                    break;
                }
            }

            // One megabyte of metadata.
            let mut large = Hostile::greet(stage.at, &[]).await;
            large.send(&frame(HEADERS, END_STREAM, 1, &head(QUICK))).await;
            for number in 0..70 {
                let flags = if number == 69 { END_HEADERS } else { 0 };
                if !large.send(&frame(CONTINUATION, flags, 1, &piece)).await {
                    break;
                }
            }
        })
        .await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_empty_frames_cost_neither_memory_nor_others() {
    let stage = stage(Protocols::Grpc).await;
    stage
        .beside(async {
            let empty = async {
                let mut hostile = Hostile::greet(stage.at, &[]).await;
                hostile.send(&frame(HEADERS, END_HEADERS, 1, &head(ECHO))).await;
                repeat(&mut hostile, 300_000, |_| frame(DATA, 0, 1, &[])).await;
            };
            let pings = async {
                let mut hostile = Hostile::greet(stage.at, &[]).await;
                for _ in 0..3_000 {
                    if !hostile.send_deaf(&frame(PING, 0, 0, &[1; 8]).repeat(64)).await {
                        break;
                    }
                }
            };
            let settings = async {
                let mut hostile = Hostile::greet(stage.at, &[]).await;
                for _ in 0..2_000 {
                    if !hostile.send_deaf(&frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]).repeat(64)).await {
                        break;
                    }
                }
            };
            tokio::join!(empty, pings, settings);
        })
        .await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_streams_than_there_may_be_are_refused() {
    let stage = stage(Protocols::Grpc).await;
    stage
        .beside(async {
            let mut hostile = Hostile::greet(stage.at, &[]).await;
            let block = head(ECHO);
            repeat(&mut hostile, 5_000, |number| frame(HEADERS, END_HEADERS, stream(number), &block)).await;
        })
        .await;
    stage.end().await;
}

/// All that keep their connection by doing nothing, at once, because each takes most of a minute to be seen through.
#[tokio::test(flavor = "multi_thread")]
async fn silent_slow_and_deaf_peers_are_gone_within_45_seconds() {
    const EACH: usize = 50;
    const LIMIT: Duration = Duration::from_secs(45);
    let stage = stage(Protocols::Http).await;
    let at = stage.at;
    let silent = async move { Hostile::connect(at).await.end_within(LIMIT).await };
    let half = async move {
        let mut hostile = Hostile::connect(at).await;
        hostile.send(b"PRI * HTTP/2.0\r\n").await;
        hostile.end_within(LIMIT).await
    };
    // Says hello and then nothing, not even that it is alive.
    let dead = async move { Hostile::greet(at, &[]).await.end_within(LIMIT).await };
    // Asks for much and gives no room for it, while it answers that it is alive.
    let closed = async move {
        let mut hostile = Hostile::greet(at, &[(WINDOW, 0)]).await;
        hostile.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &head(LARGE))).await;
        hostile.cut_within(LIMIT, &frame(PING, 1, 0, &[0; 8])).await
    };
    // Asks for much, gives all the room there is, and never reads.
    let deaf = async move {
        let mut hostile = Hostile::greet(at, &[(WINDOW, 0x7fff_ffff)]).await;
        hostile.send(&frame(WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes())).await;
        for number in 0..4 {
            hostile.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &head(LARGE))).await;
        }
        hostile.cut_within(LIMIT, &frame(PING, 1, 0, &[0; 8])).await
    };
    // HTTP/1: a head that never ends.
    let slow = async move {
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(b"POST /x HTTP/1.1\r\nhost: hostile\r\n").await.unwrap();
        let mut buffer = vec![0; 1024];
        for _ in 0..LIMIT.as_secs() {
            match tokio::time::timeout(Duration::from_secs(1), stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return End::Left(None),
                Ok(Ok(_)) => continue,
                Err(_) => {}
            }
            if stream.write_all(b"x: y\r\n").await.is_err() {
                return End::Left(None);
            }
        }
        End::Stayed
    };
    let crowd = (1..EACH).map(|number| async move {
        // The same again, many times over, of the kinds that cost nothing here.
        let mut hostile = if number % 2 == 0 { Hostile::connect(at).await } else { Hostile::greet(at, &[]).await };
        hostile.end_within(LIMIT).await
    });
    let attack = async {
        let kinds = tokio::join!(
            tokio::spawn(silent),
            tokio::spawn(half),
            tokio::spawn(dead),
            tokio::spawn(closed),
            tokio::spawn(deaf),
            tokio::spawn(slow)
        );
        let names = ["silent", "half a preface", "dead", "no window", "deaf", "slow head"];
        let kinds = [kinds.0, kinds.1, kinds.2, kinds.3, kinds.4, kinds.5];
        names.into_iter().zip(kinds.map(Result::unwrap)).filter(|(_, end)| !left(*end)).map(|(name, _)| name).collect()
    };
    let (stayed, crowd): (Vec<&str>, _) = stage.beside(async { tokio::join!(attack, join_all(crowd)) }).await;
    assert!(stayed.is_empty(), "still there: {stayed:?}");
    assert!(crowd.into_iter().all(left), "some of the crowd are still there");
    stage.end().await;
}
