//! The feed on both databases: nothing lost, nothing doubled, nobody waits for anybody, and only what is one's own.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use common::{
    convert::timestamp,
    reach::Reach,
    record::{Link, Role},
    service::Definition as _,
    testing::{Backend, Bench, bench},
};
use prost::{Message as _, Name};
use proto::aftercare::{
    common::v1::{Event, RecordEvent},
    dispatch::v1::{WorkOrderEvent, WorkOrderFact},
    gateway::v1::{Change, WatchChangesResponse as Message, WatchSignal as Signal},
    intake::v1::{ServiceRequestEvent, ServiceRequestFact},
    parts_inventory::v1::{ReservationEvent, ReservationFact},
};
use rstest::rstest;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

use super::reader::{self, Item, cursor};
use crate::{
    Config, Gateway,
    domain::feed::{Place, Wish},
    service::Context,
    store,
};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A replica: a context of its own, with its look at the database.
struct Replica {
    ctx: Context,
    stop: CancellationToken,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config: Config = toml::from_str(Gateway::DEFAULTS).unwrap();
    config.push.poll = Duration::from_millis(5);
    change(&mut config);
    config
}

fn replica(bench: &Bench, config: Config) -> Replica {
    let mut core = bench.core.clone();
    core.stopping = CancellationToken::new();
    let ctx = Context::new(config, core).unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(ctx.hub.clone().run(ctx.core.db.clone(), ctx.config.push.poll, stop.clone()));
    Replica { ctx, stop }
}

fn all() -> Wish {
    Wish { kinds: BTreeSet::new(), record_ids: BTreeSet::new() }
}

async fn watch(replica: &Replica, bench: &Bench, reach: Reach, from: &str, wish: Wish) -> Receiver<Item> {
    let mut call = bench.call(Role::Admin);
    call.reach = reach;
    reader::open(&replica.ctx, &call, from, wish).await.unwrap()
}

async fn next(stream: &mut Receiver<Item>) -> Message {
    let item = tokio::time::timeout(PATIENCE, stream.recv()).await.expect("a message comes in time");
    item.expect("the stream goes on").unwrap()
}

/// The next change, heartbeats left out.
async fn next_change(stream: &mut Receiver<Item>) -> (Change, String) {
    loop {
        let message = next(stream).await;
        match (message.change.clone(), message.signal()) {
            (Some(change), Signal::Unspecified) => return (change, message.cursor),
            (None, Signal::Heartbeat) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Everything up to the end of the stream, and the signal it ended with.
async fn to_the_end(mut stream: Receiver<Item>) -> (Vec<Change>, Message) {
    let mut changes = Vec::new();
    let mut last = None;
    let reading = async {
        while let Some(item) = stream.recv().await {
            let message = item.unwrap();
            changes.extend(message.change.clone());
            last = Some(message);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the stream ends in time");
    (changes, last.expect("a stream says how it ends"))
}

async fn tell<E: prost::Message + Name>(bench: &Bench, from: &str, kind: &str, id: &str, version: i64, told: &E) {
    bench.deliver(from, kind, id, version, told).await.unwrap();
}

fn request(id: &str, org: &str) -> ServiceRequestEvent {
    ServiceRequestEvent {
        fact: ServiceRequestFact::Created.into(),
        service_request_id: id.to_owned(),
        org_unit_id: org.to_owned(),
        customer_id: "cu_1".to_owned(),
        state: "registered".to_owned(),
        ..ServiceRequestEvent::default()
    }
}

/// Says whose case it is before it is told of.
async fn belongs(bench: &Bench, id: &str, partner: &str) {
    let tx = bench.core.db.begin().await.unwrap();
    let place = Place { partner_id: partner.to_owned(), ..Place::default() };
    store::feed::keep_places(&tx, [(id.to_owned(), place)].into()).await.unwrap();
    tx.commit().await.unwrap();
}

fn order(id: &str, request: &str, org: &str, technician: &str) -> WorkOrderEvent {
    WorkOrderEvent {
        fact: WorkOrderFact::Assigned.into(),
        work_order_id: id.to_owned(),
        service_request_id: request.to_owned(),
        org_unit_id: org.to_owned(),
        technician_id: technician.to_owned(),
        customer_id: "cu_1".to_owned(),
        state: "assigned".to_owned(),
        ..WorkOrderEvent::default()
    }
}

/// Writes as the inbox does: one transaction for each event, again after a conflict.
async fn write(ctx: &Context, kind: &str, id: &str, version: i64, undo: bool) {
    let event = Event {
        id: format!("{id}-{version}"),
        r#type: RecordEvent::full_name(),
        service: "intake".to_owned(),
        aggregate_kind: kind.to_owned(),
        aggregate_id: id.to_owned(),
        aggregate_version: version,
        occurred_at: Some(timestamp(ctx.core.clock.now())),
        payload: RecordEvent { action: "update".to_owned(), ..RecordEvent::default() }.encode_to_vec(),
        ..Event::default()
    };
    let call = common::service::Call::internal(&ctx.core, "intake", "event");
    loop {
        let tx = ctx.core.db.begin().await.unwrap();
        match super::record(ctx, &call, &tx, &[&event]).await {
            Ok(()) if undo => return tx.rollback().await.unwrap(),
            Ok(()) => return tx.commit().await.unwrap(),
            Err(error) => assert_eq!(error.reason.name, "CONFLICT", "{error:?}"),
        }
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_that_come_and_go_see_every_change_once_and_in_order(#[case] backend: Backend) {
    const WRITERS: i64 = 8;
    const EACH: i64 = 60;
    let bench = bench::<Gateway>(backend, "").await;
    // Two replicas over one database; every reader changes from one to the other.
    let replicas = [replica(&bench, config(|_| {})), replica(&bench, config(|_| {}))];
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let ctx = replicas[0].ctx.clone();
            tokio::spawn(async move {
                for version in 1..=EACH {
                    let id = format!("cu_{writer}");
                    // Every tenth transaction is undone first; its number must not leave a hole.
                    if version % 10 == 0 {
                        write(&ctx, "customer", &id, version, true).await;
                    }
                    write(&ctx, "customer", &id, version, false).await;
                }
            })
        })
        .collect();
    let expected = usize::try_from(WRITERS * EACH).unwrap();
    let first = cursor(0);
    for stay in [1, 7, 50] {
        let mut from = first.clone();
        let mut seen = Vec::new();
        let mut visit = 0;
        while seen.len() < expected {
            let mut stream = watch(&replicas[visit % 2], &bench, Reach::All, &from, all()).await;
            for _ in 0..stay.min(expected - seen.len()) {
                let (change, behind) = next_change(&mut stream).await;
                seen.push((change.record_id, change.record_version));
                from = behind;
            }
            visit += 1;
        }
        for writer in 0..WRITERS {
            let id = format!("cu_{writer}");
            let versions: Vec<i64> = seen.iter().filter(|(of, _)| *of == id).map(|(_, version)| *version).collect();
            assert_eq!(versions, (1..=EACH).collect::<Vec<_>>(), "{id}, {stay} at a time");
        }
        assert_eq!(seen.len(), expected);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store::feed::newest(bench.core.db.read()).await.unwrap(), WRITERS * EACH);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn everybody_is_told_of_their_own_and_of_nothing_else(#[case] backend: Backend) {
    let bench = bench::<Gateway>(backend, "").await;
    let replica = replica(&bench, config(|_| {}));
    belongs(&bench, "sr_1", "pa_1").await;
    belongs(&bench, "sr_9", "pa_1").await;
    tell(&bench, "intake", "service_request", "sr_1", 1, &request("sr_1", "east")).await;
    tell(&bench, "intake", "service_request", "sr_2", 1, &request("sr_2", "west")).await;
    tell(&bench, "dispatch", "work_order", "wo_1", 1, &order("wo_1", "sr_1", "east", "te_1")).await;
    tell(&bench, "dispatch", "work_order", "wo_2", 1, &order("wo_2", "sr_2", "west", "te_2")).await;
    // A reservation names neither unit nor partner nor technician: its visit and its case know.
    let reservation = ReservationEvent {
        fact: ReservationFact::Reserved.into(),
        reservation_id: "rv_1".to_owned(),
        work_order_id: "wo_1".to_owned(),
        service_request_id: "sr_1".to_owned(),
        ..ReservationEvent::default()
    };
    tell(&bench, "parts-inventory", "reservation", "rv_1", 1, &reservation).await;
    // The visit moves from one technician to the other: both are told.
    tell(&bench, "dispatch", "work_order", "wo_1", 2, &order("wo_1", "sr_1", "east", "te_2")).await;
    tell(&bench, "intake", "article", "ar_1", 1, &RecordEvent { action: "publish".to_owned(), ..Default::default() })
        .await;
    tell(&bench, "intake", "service_request", "sr_9", 1, &request("sr_9", "end")).await;

    let technician = |id: &str| Reach::Technician { id: id.to_owned(), org_unit_id: "east".to_owned() };
    let units = |names: &[&str]| Reach::Units(names.iter().map(|&name| name.to_owned()).collect());
    let link = Reach::Link(Link { purpose: "progress".to_owned(), record_id: "sr_2".to_owned() });
    for (reach, expected) in [
        (Reach::All, "sr_1.1 sr_2.1 wo_1.1 wo_2.1 rv_1.1 wo_1.2 ar_1.1 sr_9.1"),
        (units(&["east"]), "sr_1.1 wo_1.1 rv_1.1 wo_1.2"),
        (units(&["west"]), "sr_2.1 wo_2.1"),
        (units(&["east", "west"]), "sr_1.1 sr_2.1 wo_1.1 wo_2.1 rv_1.1 wo_1.2"),
        (units(&[]), ""),
        (technician("te_1"), "wo_1.1 rv_1.1 wo_1.2"),
        (technician("te_2"), "wo_2.1 wo_1.2"),
        (technician("te_3"), ""),
        (Reach::Partner("pa_1".to_owned()), "sr_1.1 wo_1.1 rv_1.1 wo_1.2 sr_9.1"),
        (Reach::Partner("pa_2".to_owned()), ""),
        (link, "sr_2.1 wo_2.1"),
        (Reach::Nothing, ""),
    ] {
        let stream = watch(&replica, &bench, reach.clone(), &cursor(0), all()).await;
        assert_eq!(told_until_the_end(&replica, stream).await, expected, "{reach:?}");
    }
    let wish = Wish { kinds: ["work_order".to_owned()].into(), record_ids: ["sr_1".to_owned()].into() };
    let stream = watch(&replica, &bench, Reach::All, &cursor(0), wish).await;
    assert_eq!(told_until_the_end(&replica, stream).await, "wo_1.1 wo_1.2");
}

/// What a reader is told of what is there, as text.
async fn told_until_the_end(replica: &Replica, mut stream: Receiver<Item>) -> String {
    let newest = store::feed::newest(replica.ctx.core.db.read()).await.unwrap();
    let mut told = Vec::new();
    // With nothing in reach only the heartbeats say that it came to the end; ask for what comes then.
    let goal = cursor(newest);
    loop {
        match tokio::time::timeout(Duration::from_millis(150), stream.recv()).await {
            Ok(Some(item)) => {
                let message = item.unwrap();
                if let Some(change) = &message.change {
                    told.push(format!("{}.{}", change.record_id, change.record_version));
                }
                if message.cursor == goal {
                    return told.join(" ");
                }
            }
            Ok(None) => panic!("the stream ended"),
            Err(_) => return told.join(" "),
        }
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_who_never_reads_is_sent_away_and_slows_nobody(#[case] backend: Backend) {
    let bench = bench::<Gateway>(backend, "").await;
    let impatient = config(|config| {
        config.push.buffer = 8;
        config.push.patience = Duration::from_millis(100);
    });
    let replica = replica(&bench, impatient);
    let lazy = watch(&replica, &bench, Reach::All, "", all()).await;
    let mut eager = watch(&replica, &bench, Reach::All, "", all()).await;
    assert_eq!(next(&mut eager).await.signal(), Signal::Heartbeat, "the first message gives a cursor");
    for version in 1..=100 {
        write(&replica.ctx, "customer", "cu_1", version, false).await;
        assert_eq!(next_change(&mut eager).await.0.record_version, version);
    }
    // The lazy one's stream is over, though nobody read it: what was buffered, then the farewell.
    let (changes, farewell) = to_the_end(lazy).await;
    assert_eq!(farewell.signal(), Signal::Resync);
    assert!(changes.len() <= 8, "{} were kept for one who does not read", changes.len());
    let mut resumed = watch(&replica, &bench, Reach::All, &farewell.cursor, all()).await;
    let mut versions: Vec<i64> = changes.iter().map(|change| change.record_version).collect();
    while versions.last() != Some(&100) {
        versions.push(next_change(&mut resumed).await.0.record_version);
    }
    assert_eq!(versions, (1..=100).collect::<Vec<_>>(), "nothing is lost over the farewell");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn who_comes_back_too_late_or_from_the_future_loads_afresh(#[case] backend: Backend) {
    let bench = bench::<Gateway>(backend, "").await;
    let place = replica(&bench, config(|_| {}));
    for version in 1..=5 {
        write(&place.ctx, "customer", "cu_1", version, false).await;
    }
    bench.core.clock.advance(chrono::Duration::days(1));
    let kept_from = bench.core.clock.now();
    for version in 6..=8 {
        write(&place.ctx, "customer", "cu_1", version, false).await;
    }
    assert_eq!(store::feed::trim(&bench.core.db, kept_from).await.unwrap(), 5);
    assert_eq!(store::feed::trim(&bench.core.db, kept_from).await.unwrap(), 0);
    // A replica that has not seen them; one that has them in memory would still tell of them.
    let place = replica(&bench, config(|_| {}));
    for gone in [0, 3, 4] {
        let (changes, farewell) = to_the_end(watch(&place, &bench, Reach::All, &cursor(gone), all()).await).await;
        assert_eq!((changes.len(), farewell.signal(), farewell.cursor), (0, Signal::Resync, cursor(8)), "{gone}");
    }
    let (changes, farewell) = to_the_end(watch(&place, &bench, Reach::All, &cursor(9), all()).await).await;
    assert_eq!((changes.len(), farewell.signal(), farewell.cursor), (0, Signal::Resync, cursor(8)));
    let mut stream = watch(&place, &bench, Reach::All, &cursor(5), all()).await;
    assert_eq!(next_change(&mut stream).await.0.record_version, 6, "nothing it had not seen was trimmed");
    // Everything is old: the feed is empty, and goes on where it was.
    assert_eq!(store::feed::trim(&bench.core.db, kept_from + chrono::Duration::days(1)).await.unwrap(), 3);
    let place = replica(&bench, config(|_| {}));
    let (_, farewell) = to_the_end(watch(&place, &bench, Reach::All, &cursor(7), all()).await).await;
    assert_eq!((farewell.signal(), farewell.cursor), (Signal::Resync, cursor(8)));
    let mut stream = watch(&place, &bench, Reach::All, &cursor(8), all()).await;
    write(&place.ctx, "customer", "cu_1", 9, false).await;
    assert_eq!(next_change(&mut stream).await, (next_told(9), cursor(9)));
}

fn next_told(version: i64) -> Change {
    Change {
        service: "intake".to_owned(),
        record_kind: "customer".to_owned(),
        record_id: "cu_1".to_owned(),
        record_version: version,
        fact: "update".to_owned(),
        customer_id: "cu_1".to_owned(),
        occurred_at: Some(timestamp(common::testing::start() + chrono::Duration::days(1))),
        ..Change::default()
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn streams_end_with_a_hint_by_age_and_at_the_end_of_the_process(#[case] backend: Backend) {
    let bench = bench::<Gateway>(backend, "").await;
    let old = replica(&bench, config(|config| config.push.life = Duration::from_millis(50)));
    let (_, farewell) = to_the_end(watch(&old, &bench, Reach::All, "", all()).await).await;
    assert_eq!((farewell.signal(), farewell.cursor), (Signal::Resume, cursor(0)));

    let stopping = replica(&bench, config(|config| config.push.heartbeat = Duration::from_millis(5)));
    let mut stream = watch(&stopping, &bench, Reach::Nothing, "", all()).await;
    write(&stopping.ctx, "customer", "cu_1", 1, false).await;
    // What is none of the reader's business still moves the cursor on, by heartbeats.
    while next(&mut stream).await.cursor != cursor(1) {}
    stopping.ctx.core.stopping.cancel();
    let (changes, farewell) = to_the_end(stream).await;
    assert_eq!((changes.len(), farewell.signal(), farewell.cursor), (0, Signal::Resume, cursor(1)));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_house_can_be_full_and_seats_become_free(#[case] backend: Backend) {
    let bench = bench::<Gateway>(backend, "").await;
    let replica = replica(&bench, config(|config| config.push.readers = 2));
    let first = watch(&replica, &bench, Reach::All, "", all()).await;
    let _second = watch(&replica, &bench, Reach::All, "", all()).await;
    let refused = reader::open(&replica.ctx, &bench.call(Role::Admin), "", all()).await.unwrap_err();
    assert_eq!(refused.reason.name, "OVERLOADED");
    drop(first);
    let replica = Arc::new(replica);
    while reader::open(&replica.ctx, &bench.call(Role::Admin), "", all()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
