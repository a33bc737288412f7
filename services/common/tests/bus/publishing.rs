//! The publishing side: outbox, relay, lease.

use std::{collections::BTreeMap, time::Duration};

use common::{
    lease::Lease,
    outbox::EventServer,
    record::{Actor, Role},
    testing::Backend,
};
use proto::aftercare::common::v1::{RepublishRequest, event_service_server::EventService as _};
use rand::RngExt as _;
use rstest::rstest;

use crate::world::{Via, World, change, execute, number};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_committed_event_is_lost_and_none_comes_twice(
    #[values(Via::Memory, Via::Redis)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(via, backend).await;
    let consumer = world.consumer();
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let core = world.orders.core.clone();
            tokio::spawn(async move {
                let mut committed = Vec::new();
                for _ in 0..25 {
                    let (aggregate, commit, nap) = {
                        let mut rng = rand::rng();
                        (format!("or_{}", rng.random_range(0..6)), rng.random_bool(0.8), rng.random_range(0..4))
                    };
                    match change(&core, &aggregate, commit).await {
                        Ok(version) if commit => committed.push((aggregate, version)),
                        Ok(_) => {}
                        Err(error) => panic!("a writer failed: {error} {:?}", error.cause()),
                    }
                    tokio::time::sleep(Duration::from_millis(nap)).await;
                }
                committed
            })
        })
        .collect();
    // Meanwhile the relay dies again and again, sometimes between publishing and marking.
    for round in 0..6 {
        let relay = world.relay_as(&format!("relay-{round}"));
        tokio::time::sleep(Duration::from_millis(60)).await;
        relay.kill().await;
        execute(&world.orders.core.db, "DELETE FROM lease").await;
    }
    let _relay = world.relay_as("last");
    let mut committed = BTreeMap::<String, i64>::new();
    let mut events = 0;
    for writer in writers {
        for (aggregate, version) in writer.await.unwrap() {
            let newest = committed.entry(aggregate).or_default();
            *newest = version.max(*newest);
            events += 1;
        }
    }
    assert_eq!(committed.values().sum::<i64>(), events, "every committed version has its event");
    let expected: Vec<(String, Vec<i64>)> =
        committed.into_iter().map(|(aggregate, newest)| (aggregate, (1..=newest).collect())).collect();
    let expected: Vec<(&str, &[i64])> =
        expected.iter().map(|(aggregate, versions)| (aggregate.as_str(), versions.as_slice())).collect();
    world.settles(&expected).await;
    consumer.end().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn two_relays_at_once_harm_nothing(
    #[values(Via::Memory, Via::Redis)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(via, backend).await;
    let _consumer = world.consumer();
    let _relays = (world.relay_as("one"), world.relay_as("two"), world.relay_as("three"));
    for _ in 0..30 {
        world.change(&["or_a", "or_b", "or_c"]).await;
        // Whoever holds the lease goes on in the belief that it is held, and another one takes it.
        execute(&world.orders.core.db, "DELETE FROM lease").await;
    }
    let all: Vec<i64> = (1..=30).collect();
    world.settles(&[("or_a", &all), ("or_b", &all), ("or_c", &all)]).await;
    if via == Via::Redis {
        let first = crate::redis_only::first_appearances(&world).await;
        assert_eq!(first.len(), 3);
        for (aggregate, versions) in first {
            assert_eq!(versions, all, "{aggregate} was inverted in the stream");
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn events_wait_for_a_relay_and_a_relay_for_the_lease(
    #[values(Via::Memory, Via::Redis)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(via, backend).await;
    let _consumer = world.consumer();
    world.change(&["or_a", "or_a"]).await;
    let first = world.relay_as("one");
    world.settles(&[("or_a", &[1, 2])]).await;
    let second = world.relay_as("two");
    // A relay that is killed leaves its lease behind; the other one takes over when it ends.
    first.kill().await;
    world.change(&["or_a"]).await;
    world.settles(&[("or_a", &[1, 2, 3])]).await;
    second.end().await;
    assert_eq!(number(&world.orders.core.db, "SELECT COUNT(*) FROM lease").await, 0, "the lease was given back");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn published_events_are_kept_for_a_week(
    #[values(Via::Memory, Via::Redis)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::with(via, backend, |settings| settings.sweep = Duration::from_millis(50)).await;
    let _consumer = world.consumer();
    let relay = world.relay();
    world.change(&["or_a", "or_b"]).await;
    world.settles(&[("or_a", &[1]), ("or_b", &[1])]).await;
    world.orders.core.clock.advance(chrono::Duration::days(7));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(number(&world.orders.core.db, "SELECT COUNT(*) FROM outbox").await, 2);
    relay.end().await;
    // What was never published stays, however old.
    world.change(&["or_c"]).await;
    world.orders.core.clock.advance(chrono::Duration::days(30));
    world.change(&["or_a"]).await;
    let _relay = world.relay();
    world.settles(&[("or_a", &[1, 2]), ("or_b", &[1]), ("or_c", &[1])]).await;
    crate::world::eventually("only the new events are kept", async || {
        number(&world.orders.core.db, "SELECT COUNT(*) FROM outbox").await == 2
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn a_lease_has_one_holder_and_ends(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(Via::Memory, backend).await;
    let lease = |holder: &str, term| Lease::new(world.orders.core.db.clone(), "work", holder, term);
    let term = Duration::from_millis(300);
    let (mut one, mut two) = (lease("one", term), lease("two", term));
    assert!(one.acquire().await.unwrap() && one.is_held());
    assert!(!two.acquire().await.unwrap() && !two.is_held());
    assert!(one.keep().await.unwrap());
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert!(one.keep().await.unwrap(), "renewed before its end");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!two.acquire().await.unwrap(), "the renewal counts");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!one.is_held() && two.acquire().await.unwrap());
    assert!(!one.keep().await.unwrap());
    two.release().await.unwrap();
    assert!(one.acquire().await.unwrap());
    one.release().await.unwrap();
    // Giving back what is not held takes nothing from its holder.
    assert!(two.acquire().await.unwrap());
    one.release().await.unwrap();
    assert!(!one.acquire().await.unwrap());
}

#[rstest]
#[tokio::test]
async fn a_version_has_one_event(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(Via::Memory, backend).await;
    let core = &world.orders.core;
    let tx = core.db.begin().await.unwrap();
    common::outbox::push(&tx, &crate::world::event(core, "or_a", 1)).await.unwrap();
    let second = common::outbox::push(&tx, &crate::world::event(core, "or_a", 1)).await.unwrap_err();
    assert_eq!(second.reason, common::error::reason::CONFLICT);
}

#[rstest]
#[tokio::test]
async fn only_services_may_ask_for_events(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(Via::Memory, backend).await;
    let core = &world.orders.core;
    world.change(&["or_a", "or_a", "or_a"]).await;
    execute(&core.db, "DELETE FROM outbox WHERE aggregate_version = 1").await;
    let server = EventServer::new(core.clone());
    let request = |actor: Option<Actor>| {
        let body = RepublishRequest { aggregate_id: "or_a".to_owned(), from_version: 3 };
        let mut request = tonic::Request::new(body);
        if let Some(actor) = actor {
            let identity = core.identity.sign(&actor, common::clock::Clock::system().now()).unwrap();
            request.metadata_mut().insert(common::auth::IDENTITY, identity.parse().unwrap());
        }
        request
    };
    let agent = Actor::new("ag_1", Role::Agent, "");
    let nobody = server.republish(request(None)).await.unwrap_err();
    assert_eq!(nobody.code(), tonic::Code::Unauthenticated);
    let refused = server.republish(request(Some(agent))).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    let answer = server.republish(request(Some(Actor::service("stock")))).await.unwrap().into_inner();
    assert_eq!((answer.events, answer.oldest_kept_version), (1, 2));
}
