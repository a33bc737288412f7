//! Readers of the push streams, who come back as the last message of a stream says.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use harness::{Platform, eventually, steps};
use http::{HeaderMap, StatusCode};
use proto::aftercare::gateway::v1::WatchSignal;
use tokio::task::JoinHandle;

use crate::push::{Http, grpc_at};

/// What one reader heard: cursor, record and version of every change, and how often it came back.
#[derive(Debug, Default)]
struct Heard {
    changes: Vec<(String, String, i64)>,
    resumed: usize,
    faults: Vec<String>,
}

/// How a stream ended.
enum End {
    /// With the hint to go on from the cursor.
    Resume(String),
    /// The gateway was not there.
    Refused,
    /// In a way that no stream may end.
    Fault(String),
}

/// A reader over each surface, beginning at each gateway.
pub(super) struct Followers {
    begin: String,
    readers: Vec<(Arc<Mutex<Heard>>, JoinHandle<()>)>,
}

impl Followers {
    pub(super) async fn start(platform: &Platform) -> Self {
        let headers = platform.person("admin", "us_reader").headers();
        let mut first = grpc_at(platform.door().address(), headers.clone(), "").await.unwrap();
        let begin = first.message().await.unwrap().unwrap().cursor;
        let gateways: Vec<String> = platform.door().addresses().map(str::to_owned).collect();
        let readers = (0..2 * gateways.len()).map(|number| {
            let heard = Arc::<Mutex<Heard>>::default();
            let mut gateways = gateways.clone();
            gateways.rotate_left(number / 2);
            let reader = Reader { gateways, headers: headers.clone(), heard: heard.clone() };
            let events = number % 2 == 0;
            (heard, tokio::spawn(reader.follow(begin.clone(), events)))
        });
        Self { readers: readers.collect(), begin }
    }

    /// Waits until all have heard of one last change, and compares what each heard with what a reader hears who was never
    /// interrupted. Gives the number of changes, and how often streams were resumed.
    pub(super) async fn finish(self, platform: &Platform) -> (usize, usize) {
        let last = steps::household(&platform.person("agent", "us_wang"), 60).await.customer_id;
        eventually("every stream hears of the last change", async || {
            let missing = self.readers.iter().filter(|(heard, _)| !lock(heard).heard_of(&last)).count();
            if missing == 0 { Ok(()) } else { Err(missing) }
        })
        .await;
        let headers = platform.person("admin", "us_reader").headers();
        let mut whole = grpc_at(platform.door().address(), headers, &self.begin).await.unwrap();
        let mut all = Vec::new();
        while all.last().is_none_or(|(_, record, _)| *record != last) {
            let message = whole.message().await.unwrap().expect("the stream goes on");
            if let Some(change) = message.change {
                all.push((message.cursor, change.record_id, change.record_version));
            }
        }
        let mut resumed = 0;
        for (heard, reader) in self.readers {
            reader.abort();
            let heard = lock(&heard);
            assert!(heard.faults.is_empty(), "{:?}", heard.faults);
            let until = heard.changes.iter().position(|(_, record, _)| *record == last).unwrap();
            let heard_all = &heard.changes[..=until];
            let differs = heard_all.iter().zip(&all).position(|(one, other)| one != other);
            assert_eq!((differs, heard_all.len()), (None, all.len()), "the first difference, and how many were heard");
            resumed += heard.resumed;
        }
        (all.len(), resumed)
    }
}

impl Heard {
    fn heard_of(&self, record: &str) -> bool {
        self.changes.iter().rev().any(|(_, known, _)| known == record)
    }
}

struct Reader {
    gateways: Vec<String>,
    headers: HeaderMap,
    heard: Arc<Mutex<Heard>>,
}

impl Reader {
    /// Follows for ever; the next gateway after every end.
    async fn follow(mut self, mut cursor: String, events: bool) {
        loop {
            let end = if events { self.events(&cursor).await } else { self.messages(&cursor).await };
            self.gateways.rotate_left(1);
            match end {
                End::Resume(from) => {
                    cursor = from;
                    lock(&self.heard).resumed += 1;
                }
                End::Refused => tokio::time::sleep(Duration::from_millis(50)).await,
                End::Fault(what) => {
                    lock(&self.heard).faults.push(what);
                    return;
                }
            }
        }
    }

    async fn events(&self, cursor: &str) -> End {
        let Ok(mut stream) = Http::open_at(&self.gateways[0], &self.headers, "text/event-stream", "", cursor).await
        else {
            return End::Refused;
        };
        if stream.status != StatusCode::OK {
            return End::Fault(format!("events: {}", stream.status));
        }
        loop {
            let Some(event) = stream.event().await else { return End::Fault("events broke off".to_owned()) };
            match &*event.name {
                "resume" => return End::Resume(event.id),
                "resync" => return End::Fault("events: resync".to_owned()),
                _ => {}
            }
            let Some(change) = event.data.map(|mut data| data["change"].take()).filter(|change| !change.is_null())
            else {
                continue;
            };
            let record = change["recordId"].as_str().unwrap_or_default().to_owned();
            let version = change["recordVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
            lock(&self.heard).changes.push((event.id, record, version));
        }
    }

    async fn messages(&self, cursor: &str) -> End {
        let Ok(mut stream) = grpc_at(&self.gateways[0], self.headers.clone(), cursor).await else {
            return End::Refused;
        };
        loop {
            let message = match stream.message().await {
                Ok(Some(message)) => message,
                other => return End::Fault(format!("messages broke off: {other:?}")),
            };
            match message.signal() {
                WatchSignal::Resume => return End::Resume(message.cursor),
                WatchSignal::Resync => return End::Fault("messages: resync".to_owned()),
                WatchSignal::Heartbeat | WatchSignal::Unspecified => {}
            }
            if let Some(change) = message.change {
                lock(&self.heard).changes.push((message.cursor, change.record_id, change.record_version));
            }
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
