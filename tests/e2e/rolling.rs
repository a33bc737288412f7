//! A rollout under load: two processes of each service, told to stop one after the other as Kubernetes does, while cases
//! run, clients call, push streams are open and silent peers hold on to every port. No call that may be made again fails,
//! every process is gone by itself in its time, and the streams go on from their cursors without a hole.
//!
//! It is harsher than a cluster: no replacement starts beforehand, and an address that is gone stays in everybody's list.
//! The short form runs with all tests; `AFTERCARE_FULL=1` (`make rolling`) stops a process a hundred times.

mod followers;
mod peers;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::future::join_all;
use harness::{
    Faults, Person, Platform, Shape, Surface,
    platform::SERVICES,
    steps,
    world::{World, stock},
};
use proto::aftercare::{
    dispatch::v1::{ListWorkOrdersRequest, ListWorkOrdersResponse},
    intake::v1::{GetServiceRequestRequest, ServiceRequest},
};
use tokio_util::sync::CancellationToken;

use self::{followers::Followers, peers::SilentPeers};

/// Stops in the short form: each service once.
const SHORT: usize = 6;
/// Stops in the long form.
const FULL: usize = 100;
/// A call may take this long, on a machine that starts processes beside it. This is about what fails, not about how long
/// it takes.
const DEADLINE: &str = "limits = { default_deadline = \"20s\" }";
/// Time between two calls of one caller.
const BREATH: Duration = Duration::from_millis(40);
/// Callers beside the cases, by turns over REST and over gRPC.
const CALLERS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_under_load_fails_no_call_and_no_stream() {
    let stops = if std::env::var("AFTERCARE_FULL").is_ok() { FULL } else { SHORT };
    let terms: Vec<_> = SERVICES.into_iter().chain(["gateway"]).map(|service| (service, DEADLINE)).collect();
    let platform = Platform::start_with(Shape::TwelveProcesses, Surface::Rest, Faults::None, &terms).await;
    assert_eq!(platform.processes().count(), 12);
    let world = World::make(&platform).await;
    // Enough pumps for all cases.
    stock(&platform.person("warehouse", "us_keeper"), &world.central, 1_000).await;
    let followers = Followers::start(&platform).await;
    let peers = SilentPeers::start(platform.processes().map(|name| (name.to_owned(), platform.port(name))));

    let begun = Instant::now();
    let over = CancellationToken::new();
    let rollout = async {
        let told = roll(&platform, &peers, stops).await;
        over.cancel();
        told
    };
    let callers = (0..CALLERS).map(|number| call(&platform, number, &over));
    // Repairs from the call to the survey, and questions answered on the telephone.
    let cases = again(&over, async || crate::in_warranty::travel(&platform, &world).await);
    let questions = again(&over, async || crate::consultation::travel(&platform, &world).await);
    let (gone, cases, questions, made) = tokio::join!(rollout, cases, questions, join_all(callers));

    let (changes, resumed) = followers.finish(&platform).await;
    let (calls, turned) = platform.door().calls();
    let mut times = gone.values().flatten().copied().collect::<Vec<_>>();
    times.sort();
    #[expect(clippy::print_stdout, reason = "the figures are what this is run for")]
    {
        println!(
            "{stops} stops in {:?}: gone after {:?} (median), {:?} (longest); {calls} calls, {turned} went on to the other gateway; \
             {cases} cases, {questions} questions, {made:?} by callers; streams resumed {resumed} times, {changes} changes each; \
             {} silent connections",
            begun.elapsed(),
            times[times.len() / 2],
            times[times.len() - 1],
            peers.connections(),
        );
        for (process, times) in &gone {
            println!("{process}: {times:.1?}");
        }
    }
    let services: Vec<_> = gone.keys().map(|name| name.trim_end_matches("-2")).collect();
    assert!(SERVICES.iter().chain(&["gateway"]).all(|service| services.contains(service)), "{services:?}");
    assert_eq!(times.len(), stops);
    assert!(cases > 0 && questions > 0 && made.iter().all(|made| *made > 0), "nothing ran meanwhile");
    assert!(resumed > 0, "no stream was on a gateway that stopped");
    // Every call of these clients may be made again: reads, and writes with a request id. (A write that lost a race with
    // another says so, and has nothing to do with the rollout.)
    let setbacks = platform.door().setbacks();
    let failed: Vec<_> = setbacks.iter().filter(|one| !one.contains(" CONFLICT ")).collect();
    let mut logs = String::new();
    for name in platform.processes().filter(|_| !failed.is_empty()) {
        logs += &format!("\n--- {name}\n{}", platform.log(name).await);
    }
    assert!(failed.is_empty(), "{} of {calls} calls failed: {failed:#?}{logs}", failed.len());
}

/// Stops one process after the other, each service in turn, first the one replica and then the other. Says how long each
/// took to be gone.
async fn roll(platform: &Platform, peers: &SilentPeers, stops: usize) -> BTreeMap<String, Vec<Duration>> {
    let mut gone: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    let rounds = ["", "-2"].into_iter().cycle();
    let victims =
        rounds.flat_map(|replica| SERVICES.into_iter().chain(["gateway"]).map(move |name| format!("{name}{replica}")));
    for victim in victims.take(stops) {
        peers.hold(&victim).await;
        let took = platform.dismiss(&victim).await;
        let back = Instant::now();
        platform.revive(&victim).await;
        #[expect(clippy::print_stdout, reason = "the long form says how far it is")]
        {
            let setbacks = platform.door().setbacks().len();
            println!("{victim}: gone after {took:.1?}, back after {:.1?}; {setbacks} calls made again", back.elapsed());
        }
        gone.entry(victim).or_default().push(took);
    }
    gone
}

/// One journey after the other. Says how many.
async fn again(over: &CancellationToken, journey: impl AsyncFn()) -> usize {
    let mut done = 0;
    while !over.is_cancelled() {
        journey().await;
        done += 1;
    }
    done
}

/// Somebody who takes calls and looks at what there is, without a break. Says how many rounds.
async fn call(platform: &Platform, number: usize, over: &CancellationToken) -> usize {
    let surface = if number.is_multiple_of(2) { Surface::Rest } else { Surface::Grpc };
    let person = |role: &str, id: &str| Person::new(platform.door().clone(), role, id, surface, Faults::None);
    let agent = person("agent", &format!("us_agent_{number}"));
    let dispatcher = person("dispatcher", &format!("us_dispatcher_{number}"));
    let mut rounds = 0;
    while !over.is_cancelled() {
        let household = steps::household(&agent, 60).await;
        let made: ServiceRequest = agent.call(steps::repair(&household, &[])).await;
        let id = &made.service_request_id;
        for _ in 0..10 {
            tokio::time::sleep(BREATH).await;
            let read: ServiceRequest = agent.call(GetServiceRequestRequest { service_request_id: id.clone() }).await;
            assert_eq!(read.number, made.number);
            let list = ListWorkOrdersRequest { service_request_id: id.clone(), ..Default::default() };
            dispatcher.call::<_, ListWorkOrdersResponse>(list).await;
        }
        rounds += 1;
    }
    rounds
}
