//! Power cuts under load: many cases at once on six processes, while one service after the other is killed with
//! SIGKILL. Every case reaches its end, nothing is lost, nothing is there twice.
//!
//! The short form runs with all tests; `AFTERCARE_FULL=1` (`make chaos`) runs 500 cases and 200 kills.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use futures::future::join_all;
use harness::{
    Faults, Person, Platform, Shape, Surface, steps,
    world::{PUMP, World, stock},
};
use proto::aftercare::{
    common::v1::{TimeWindow, UsedPart},
    dispatch::v1::{
        AssignWorkOrderRequest, CreateTechnicianRequest, GetTechnicianRequest, PartUse, PartsState, Technician,
        WorkOrder, WorkOrderState,
    },
    intake::v1::{CancelServiceRequestRequest, GetServiceRequestRequest, RequestState, ServiceRequest},
};
use rand::RngExt as _;
use tokio_util::sync::CancellationToken;

/// How much of it.
struct Size {
    cases: usize,
    kills: usize,
    /// Longest time for everything.
    limit: Duration,
    /// Services that may be down at once.
    cutters: usize,
    /// Time between two calls that begin a case.
    apart: Duration,
}

const SHORT: Size =
    Size { cases: 60, kills: 10, limit: Duration::from_secs(240), cutters: 1, apart: Duration::from_millis(60) };
const FULL: Size =
    Size { cases: 500, kills: 200, limit: Duration::from_secs(3_000), cutters: 3, apart: Duration::from_millis(330) };

/// Technicians who share the cases; each has four visits a day.
const TECHNICIANS: usize = 10;
/// Hours (UTC) at which visits begin: eight, eleven, fourteen and seventeen in Shanghai.
const HOURS: [u32; 4] = [0, 3, 6, 9];

/// What became of a case.
struct End {
    request_id: String,
    customer_id: String,
    used_pump: bool,
    cancelled: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_power_cuts_lose_nothing() {
    let size = if std::env::var("AFTERCARE_FULL").is_ok() { FULL } else { SHORT };
    let platform = Platform::start(Shape::SixProcesses, Surface::Rest, Faults::None).await;
    let world = World::make(&platform).await;
    let technicians = crowd(&platform, &world).await;
    let keeper = platform.person("warehouse", "us_keeper");
    stock(&keeper, &world.central, size.cases as i64).await;
    let (before, _) = world.stock_of(&platform, PUMP).await;

    let begun = Instant::now();
    let over = CancellationToken::new();
    let cases = async {
        let ends = join_all((0..size.cases).map(|serial| live(&platform, &technicians, serial, &size))).await;
        over.cancel();
        ends
    };
    // Every cutter has services of its own, so that none is killed while another brings it back.
    let victims: Vec<String> = platform.processes().map(str::to_owned).collect();
    let cutters = (0..size.cutters).map(|cutter| {
        let mine = victims.iter().skip(cutter).step_by(size.cutters).cloned().collect();
        power_cuts(&platform, mine, size.kills / size.cutters, &over)
    });
    let (ends, kills) = tokio::join!(cases, join_all(cutters));
    let kills: BTreeMap<String, usize> = kills.into_iter().flatten().collect();
    let told = kills.values().sum::<usize>();
    #[expect(clippy::print_stdout, reason = "the figures are what this is run for")]
    {
        println!("{} cases, {told} kills {kills:?}, {:?}", ends.len(), begun.elapsed());
    }
    assert!(told >= size.kills.min(5), "only {told} kills");

    check(&platform, &world, before, &ends).await;
}

/// Everybody who visits: the world's two and eight more like them.
async fn crowd(platform: &Platform, world: &World) -> Vec<String> {
    let manager = platform.person("manager", "us_manager");
    let get = GetTechnicianRequest { technician_id: world.technicians[0].clone() };
    let model: Technician = manager.call(get).await;
    let mut all = world.technicians.clone();
    while all.len() < TECHNICIANS {
        let request = CreateTechnicianRequest {
            service_point_id: model.service_point_id.clone(),
            name: format!("技师{}", all.len() + 1),
            phone: format!("+86139200000{:02}", all.len()),
            skills: model.skills.clone(),
            certificates: model.certificates.clone(),
            home: model.home,
            shifts: model.shifts.clone(),
            languages: model.languages.clone(),
            daily_job_limit: model.daily_job_limit,
            time_zone: model.time_zone.clone(),
            ..Default::default()
        };
        all.push(manager.call::<_, Technician>(request).await.technician_id);
    }
    all
}

/// Kills one service after the other, at random, until enough were killed or the cases are over.
async fn power_cuts(
    platform: &Platform,
    victims: Vec<String>,
    kills: usize,
    over: &CancellationToken,
) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for _ in 0..kills {
        let victim = &victims[draw(0..victims.len() as u64) as usize];
        let pause = Duration::from_millis(draw(100..900));
        if tokio::time::timeout(pause, over.cancelled()).await.is_ok() {
            break;
        }
        platform.kill(victim).await;
        tokio::time::sleep(Duration::from_millis(draw(0..300))).await;
        platform.revive(victim).await;
        *told.entry(victim.clone()).or_default() += 1;
    }
    told
}

/// One of the range, at random; the generator never crosses an await.
fn draw(range: std::ops::Range<u64>) -> u64 {
    rand::rng().random_range(range)
}

/// Asks until the answer is what is waited for.
async fn wait<T>(what: &str, limit: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(begun.elapsed() < limit, "{what} did not come about within {limit:?}");
        tokio::time::sleep(Duration::from_millis(draw(500..1_500))).await;
    }
}

async fn request(person: &Person, id: &str) -> ServiceRequest {
    person.call(GetServiceRequestRequest { service_request_id: id.to_owned() }).await
}

/// One case from the call to its end. Every tenth is cancelled while a technician has it; every other uses a pump.
async fn live(platform: &Platform, technicians: &[String], serial: usize, size: &Size) -> End {
    // Calls come in one after the other, as from a call centre; the cases are open at once.
    tokio::time::sleep(size.apart * u32::try_from(serial).unwrap_or_default()).await;
    let limit = size.limit;
    let agent = platform.person("agent", &format!("us_agent_{}", serial % 7));
    let dispatcher = platform.person("dispatcher", "us_zhao");
    let cancelled = serial % 10 == 9;
    let used_pump = serial.is_multiple_of(2);
    let household = steps::household(&agent, 60).await;
    // Every case has a technician and a time of its own, so that nobody can be booked twice by plan.
    let technician_id = &technicians[serial % technicians.len()];
    let window = window(serial / technicians.len());
    let mut wish = steps::repair(&household, if used_pump { &[PUMP] } else { &[] });
    wish.windows = vec![window];
    let created: ServiceRequest = agent.call(wish).await;
    let id = created.service_request_id.clone();
    steps::triage_and_release(&agent, &created).await;

    let wanted = if used_pump { PartsState::Ready } else { PartsState::None };
    let order = wait("the work order", limit, async || {
        steps::work_orders(&dispatcher, &id).await.into_iter().find(|order| order.parts_state() == wanted)
    })
    .await;
    let assign = AssignWorkOrderRequest {
        work_order_id: order.work_order_id.clone(),
        technician_id: technician_id.clone(),
        window: Some(window),
        ..Default::default()
    };
    dispatcher.call::<_, WorkOrder>(assign).await;
    let technician = platform.person("technician", technician_id);
    steps::accept(&technician, &order).await;
    if cancelled {
        let cancel = CancelServiceRequestRequest {
            service_request_id: id.clone(),
            reason: "customer changed their mind".to_owned(),
            ..Default::default()
        };
        agent.call::<_, ServiceRequest>(cancel).await;
        wait("the visit's end", limit, async || {
            let orders = steps::work_orders(&dispatcher, &id).await;
            orders.iter().all(|order| order.state() == WorkOrderState::Cancelled).then_some(())
        })
        .await;
    } else {
        steps::begin(&technician, &order, steps::consent()).await;
        let used = UsedPart { sku: PUMP.to_owned(), used_milli: 1000, old_part_taken_back: true, ..Default::default() };
        let parts = if used_pump { vec![PartUse { part: Some(used), van_reason: String::new() }] } else { Vec::new() };
        technician.call::<_, WorkOrder>(steps::completion(&order, parts)).await;
        steps::verify(&dispatcher, &order).await;
        wait("the case to be resolved", limit, async || {
            let state = request(&agent, &id).await.state();
            matches!(state, RequestState::Resolved | RequestState::Closed).then_some(())
        })
        .await;
    }
    End { request_id: id, customer_id: household.customer_id, used_pump, cancelled }
}

fn window(turn: usize) -> TimeWindow {
    let day = steps::now().date_naive() + chrono::Days::new(2 + (turn / HOURS.len()) as u64);
    let hour = HOURS[turn % HOURS.len()];
    let at = |hour: u32| day.and_hms_opt(hour, 0, 0).map(|time| common::convert::timestamp(time.and_utc()));
    TimeWindow { start: at(hour), end: at(hour + 3) }
}

/// Nothing is lost, nothing is there twice.
async fn check(platform: &Platform, world: &World, before: i64, ends: &[End]) {
    let dispatcher = platform.person("dispatcher", "us_zhao");
    for end in ends {
        let orders = steps::work_orders(&dispatcher, &end.request_id).await;
        let wanted = if end.cancelled { WorkOrderState::Cancelled } else { WorkOrderState::Verified };
        let found: Vec<_> = orders.iter().map(WorkOrder::state).collect();
        assert_eq!(found, [wanted], "{} has other visits than one", end.request_id);

        let mut versions: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        let history = steps::timeline(platform, &end.customer_id).await;
        for entry in &history.entries {
            let fresh = versions.entry(entry.record_id.clone()).or_default().insert(entry.record_version);
            assert!(fresh, "{} {} stands twice", entry.record_id, entry.record_version);
        }
        for (record, versions) in versions {
            let whole: BTreeSet<i64> = (1..=versions.len() as i64).collect();
            assert_eq!(versions, whole, "{record} has a hole in its history");
        }
    }
    let used = ends.iter().filter(|end| end.used_pump && !end.cancelled).count() as i64 * 1000;
    harness::eventually("stock is what was used, and nothing stays promised", async || {
        match world.stock_of(platform, PUMP).await {
            found if found == (before - used, 0) => Ok(()),
            other => Err((other, before - used)),
        }
    })
    .await;
}
