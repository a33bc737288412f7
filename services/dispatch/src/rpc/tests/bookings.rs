//! Many callers at once want little capacity: nobody is booked twice, at midnight and at clock changes neither.
//! Bounded here; `AFTERCARE_FULL=1` makes twenty thousand of it.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use common::{convert::Window, record::Role, testing::Backend};
use proto::aftercare::dispatch::v1::{dispatch_service_server::DispatchService as _, *};
use rstest::rstest;
use tokio::sync::Semaphore;

use super::{
    slots::job,
    world::{World, call, contract, signed, skill},
};

/// Calls in flight at a time: more would only wait for connections.
const AT_A_TIME: usize = 32;

fn attempts() -> usize {
    if std::env::var_os("AFTERCARE_FULL").is_some() { 20_000 } else { 240 }
}

/// A shop in Berlin that works around the clock, on the night in which an hour is missing.
async fn around_the_clock(backend: Backend, technicians: usize) -> World {
    let edits = [
        ("time_zone = \"Asia/Shanghai\"", "time_zone = \"Europe/Berlin\""),
        ("first_minute = 480", "first_minute = 0"),
        ("last_minute = 1200", "last_minute = 1440"),
        ("window_minutes = 120", "window_minutes = 60"),
    ];
    let world = World::configured(backend, &edits).await;
    // Saturday, 28 March 2026, 18:00 in Berlin; clocks go from 2:00 to 3:00 that night.
    world.bench.core.clock.set(DateTime::from_timestamp(1_774_717_200, 0).unwrap());
    let sign = ContractServicePointRequest {
        service_point_id: world.point.clone(),
        contract: Some(ServiceContract { capacity_per_day: 0, ..contract() }),
        ..Default::default()
    };
    call!(world, Manager, contract_service_point, sign).unwrap();
    for _ in 0..technicians {
        let mut request = world.technician_request(&[skill("lighting", 3)]);
        request.time_zone = "Europe/Berlin".to_owned();
        request.daily_job_limit = 0;
        let shift = |weekday| Shift {
            weekday,
            start: "00:00".to_owned(),
            end: "24:00".to_owned(),
            breaks: vec![ShiftBreak { start: "12:00".to_owned(), end: "12:30".to_owned() }],
        };
        request.shifts = (1..=7).map(shift).collect();
        call!(world, Dispatcher, create_technician, request).unwrap();
    }
    world
}

fn instant(at: Option<prost_types::Timestamp>) -> DateTime<Utc> {
    common::convert::instant(&at.unwrap(), "at").unwrap()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_booked_twice(#[case] backend: Backend) {
    let world = around_the_clock(backend, 3).await;
    let list = ListSlotsRequest { job: Some(job()), days: 2, page_size: 200, ..Default::default() };
    let offered = call!(world, Agent, list_slots, list).unwrap().slots;
    // Twenty-four windows a day, and one less in the night that has only three and twenty hours.
    assert!(offered.len() > 20, "{}", offered.len());
    let gate = Arc::new(Semaphore::new(AT_A_TIME));
    let mut tasks = tokio::task::JoinSet::new();
    for attempt in 0..attempts() {
        let (api, core, gate) = (world.api.clone(), world.bench.core.clone(), gate.clone());
        let window = offered[attempt % offered.len()].window;
        tasks.spawn(async move {
            let _turn = gate.acquire().await.unwrap();
            let hold = HoldSlotRequest {
                request_id: format!("hold-{attempt}"),
                service_request_id: format!("sr_{attempt}"),
                job: Some(JobDescription { duration_minutes: 45, ..job() }),
                window,
                ..Default::default()
            };
            let held = match api.hold_slot(signed(&core, Role::Agent, hold)).await {
                Ok(held) => held.into_inner(),
                Err(status) => return Err(status),
            };
            let book = BookSlotRequest { slot_hold_id: held.slot_hold_id, ..Default::default() };
            api.book_slot(signed(&core, Role::Agent, book)).await.map(tonic::Response::into_inner)
        });
    }
    let mut booked: BTreeMap<String, Vec<(Window, Window)>> = BTreeMap::new();
    let (mut sold, mut refused) = (0, 0);
    while let Some(done) = tasks.join_next().await {
        match done.unwrap() {
            Ok(hold) => {
                sold += 1;
                let planned = Window { start: instant(hold.planned_start), end: instant(hold.planned_end) };
                let window = Window::read(&hold.window.unwrap(), "window").unwrap();
                booked.entry(hold.technician_ids[0].clone()).or_default().push((planned, window));
            }
            Err(status) => {
                let told = super::world::reason::<()>(Err(status));
                assert_eq!(told, "SLOT_TAKEN", "what is refused is refused for one reason");
                refused += 1;
            }
        }
    }
    #[expect(clippy::print_stdout, reason = "the figures are what the long form is run for")]
    {
        println!("{backend:?}: {} attempts, {sold} booked, {refused} refused", attempts());
    }
    assert!(sold >= 20 && refused > 0, "{sold} {refused}");
    for (technician, mut visits) in booked {
        visits.sort();
        for (planned, window) in &visits {
            assert!(window.start <= planned.start && planned.start < window.end, "{technician} {planned:?}");
        }
        for pair in visits.windows(2) {
            let gap = pair[1].0.start - pair[0].0.end;
            assert!(gap >= chrono::Duration::minutes(30), "{technician}: {pair:?}");
        }
    }
    // The windows of the short night: none starts in the hour that is not there.
    let skipped = DateTime::from_timestamp(1_774_746_000, 0).unwrap();
    let starts: Vec<_> = offered.iter().map(|slot| instant(slot.window.unwrap().start)).collect();
    assert_eq!(starts.iter().filter(|start| **start == skipped).count(), 1, "one o'clock UTC is three in Berlin, once");
}
