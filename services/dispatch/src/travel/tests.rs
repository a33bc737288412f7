//! Against a small routing server that speaks the real formats, and sometimes does not.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::TravelConfig;

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    Error,
    Hangs,
    Nonsense,
}

/// A server that says seven minutes and four kilometres for every way; how often it was asked.
async fn server(mood: Mood) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, mood, count.clone()));
        }
    });
    (url, asked)
}

async fn serve(mut stream: TcpStream, mood: Mood, asked: Arc<AtomicUsize>) {
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    loop {
        while let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&text[..end]).into_owned();
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
                .map_or(0, |length| length.parse::<usize>().unwrap());
            if text.len() < end + 4 + length {
                break;
            }
            let body: Value = serde_json::from_slice(&text[end + 4..end + 4 + length]).unwrap_or(Value::Null);
            text.drain(..end + 4 + length);
            asked.fetch_add(1, Ordering::SeqCst);
            if mood == Mood::Hangs {
                std::future::pending::<()>().await;
            }
            let (status, answer) = match mood {
                Mood::Error => ("500 Internal Server Error", json!({ "code": "InternalError" })),
                Mood::Nonsense => ("200 OK", json!({ "code": "Ok", "durations": [[1.0]] })),
                Mood::Well | Mood::Hangs => ("200 OK", table(head.lines().next().unwrap_or_default(), &body)),
            };
            let answer = answer.to_string();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", answer.len());
            stream.write_all(format!("{head}{answer}").as_bytes()).await.unwrap();
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(count) => text.extend_from_slice(&piece[..count]),
        }
    }
}

/// The answer that the path asks for: OSRM's table or Valhalla's.
fn table(first_line: &str, body: &Value) -> Value {
    if first_line.starts_with("GET /table/v1/driving/") {
        let list =
            |name: &str| first_line.split(name).nth(1).unwrap().split(['&', ' ']).next().unwrap().split(';').count();
        let (from, to) = (list("sources="), list("destinations="));
        assert!(first_line.contains("annotations=duration,distance"), "{first_line}");
        json!({ "code": "Ok", "durations": vec![vec![420.0; to]; from], "distances": vec![vec![4000.0; to]; from] })
    } else {
        assert!(first_line.starts_with("POST /sources_to_targets "), "{first_line}");
        let (from, to) = (body["sources"].as_array().unwrap().len(), body["targets"].as_array().unwrap().len());
        assert_eq!(body["date_time"]["type"], 1, "departures, not arrivals");
        let cell = |from: usize, to: usize| json!({ "from_index": from, "to_index": to, "time": 420, "distance": 4.0 });
        let rows: Vec<Vec<Value>> = (0..from).map(|row| (0..to).map(|column| cell(row, column)).collect()).collect();
        json!({ "sources_to_targets": rows })
    }
}

fn ways(provider: Provider, url: &str) -> Ways {
    let config = TravelConfig {
        buffer: Duration::from_secs(600),
        provider,
        url: url.to_owned(),
        timeout: Duration::from_millis(300),
        kept: Duration::from_secs(60),
        most_kept: 1000,
    };
    Ways::new(toml::from_str(crate::ROADS).unwrap(), &config).unwrap()
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_416_800, 0).unwrap()
}

fn place(north: f64) -> Position {
    Position { latitude: 31.2 + north, longitude: 121.4 }
}

#[tokio::test]
async fn both_servers_are_understood_and_asked_once() {
    for provider in [Provider::Osrm, Provider::Valhalla] {
        let (url, asked) = server(Mood::Well).await;
        let ways = ways(provider, &url);
        assert!(ways.learn(place(0.0), &[place(0.1), place(0.2)], at()).await, "{provider:?}");
        let travel = ways.rules();
        for (from, to) in [(0.0, 0.1), (0.1, 0.0), (0.2, 0.0)] {
            let leg = travel.leg(&place(from), &place(to), at());
            assert_eq!(leg, Leg { seconds: 420, metres: 4000, estimated: false }, "{provider:?}");
        }
        let before = asked.load(Ordering::SeqCst);
        assert!(ways.learn(place(0.0), &[place(0.1), place(0.2)], at()).await);
        assert_eq!(asked.load(Ordering::SeqCst), before, "what is known is not asked again");
        assert!(ways.learn_all(&[place(0.0), place(0.3), place(0.4)], at()).await);
        assert_eq!(travel.leg(&place(0.3), &place(0.4), at()).seconds, 420);
        // What nobody asked for is an estimate, and says so.
        assert!(travel.leg(&place(0.7), &place(0.8), at()).estimated);
    }
}

#[tokio::test]
async fn an_outage_falls_back_says_so_and_is_not_waited_for_twice() {
    for mood in [Mood::Error, Mood::Hangs, Mood::Nonsense] {
        let (url, asked) = server(mood).await;
        let ways = ways(Provider::Osrm, &url);
        assert!(!ways.learn(place(0.0), &[place(0.1), place(0.2)], at()).await, "{mood:?}");
        let leg = ways.rules().leg(&place(0.0), &place(0.1), at());
        assert!(leg.estimated && leg.seconds > 0, "{mood:?} {leg:?}");
        let before = asked.load(Ordering::SeqCst);
        assert!(!ways.learn_all(&[place(0.0), place(0.1)], at()).await);
        assert_eq!(asked.load(Ordering::SeqCst), before, "{mood:?}: it is left alone for a while");
    }
    // Nobody listens there at all.
    assert!(!ways(Provider::Osrm, "http://127.0.0.1:1").learn(place(0.0), &[place(0.1)], at()).await);
}

#[tokio::test]
async fn without_a_server_the_estimate_is_no_fallback() {
    let ways = ways(Provider::Estimate, "");
    assert!(ways.learn_all(&[place(0.0), place(0.1)], at()).await);
    assert!(!ways.rules().leg(&place(0.0), &place(0.1), at()).estimated);
    let roads: Roads = toml::from_str(crate::ROADS).unwrap();
    let matrix = roads.matrix(&[place(0.0)], &[place(0.1), place(0.0)], at()).await.unwrap();
    assert_eq!(matrix.legs[0], Some(roads.leg(&place(0.0), &place(0.1), at())));
    assert_eq!(matrix.legs[1].unwrap().seconds, 0);
}

#[test]
fn an_address_that_makes_no_sense_is_refused_at_start() {
    for url in ["", "osrm", "https://router.example", "ftp://router"] {
        assert!(osrm::Osrm::new(url).is_err(), "{url}");
    }
}
