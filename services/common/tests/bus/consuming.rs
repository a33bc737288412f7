//! The consuming side: repeats, gaps, consumers that die.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use common::{dead_letters, inbox, testing::Backend};
use rstest::rstest;

use crate::world::{Fault, Faults, Via, World, eventually, execute, number};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn repeats_change_nothing(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(via, backend).await;
    let (_relay, _consumer) = (world.relay(), world.consumer());
    world.change(&["or_a", "or_b", "or_a", "or_a"]).await;
    world.settles(&[("or_a", &[1, 2, 3]), ("or_b", &[1])]).await;
    for _ in 0..3 {
        world.republish("or_a").await;
        world.is_published().await;
    }
    world.change(&["or_a"]).await;
    world.settles(&[("or_a", &[1, 2, 3, 4]), ("or_b", &[1])]).await;
    assert_eq!(inbox::last_version(&world.stock.core.db, "stock", "or_a").await.unwrap(), 4);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_filled_by_the_owner(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(via, backend).await;
    let _consumer = world.consumer();
    world.change(&["or_a", "or_a", "or_a", "or_a", "or_b"]).await;
    // As if the bus had lost them.
    let lost =
        "UPDATE outbox SET published_at = created_at WHERE aggregate_id = 'or_a' AND aggregate_version IN (2, 3)";
    execute(&world.orders.core.db, lost).await;
    let _relay = world.relay();
    world.settles(&[("or_a", &[1, 2, 3, 4]), ("or_b", &[1])]).await;
    assert_eq!(world.asked.load(Ordering::Relaxed), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_the_wrong_order_is_put_right_without_asking(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::with(via, backend, |settings| settings.gap_wait = Duration::from_secs(20)).await;
    let _consumer = world.consumer();
    world.change(&["or_a", "or_a", "or_a"]).await;
    let early = "UPDATE outbox SET published_at = created_at WHERE aggregate_version < 3";
    execute(&world.orders.core.db, early).await;
    let _relay = world.relay();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(world.handled().await.is_empty(), "the third waits for the first two");
    execute(&world.orders.core.db, "UPDATE outbox SET published_at = NULL WHERE aggregate_version = 2").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    execute(&world.orders.core.db, "UPDATE outbox SET published_at = NULL WHERE aggregate_version = 1").await;
    world.settles(&[("or_a", &[1, 2, 3])]).await;
    assert_eq!(world.asked.load(Ordering::Relaxed), 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_the_owner_keeps_no_longer_is_passed_over(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(via, backend).await;
    let _consumer = world.consumer();
    world.change(&["or_a", "or_a", "or_a", "or_a", "or_a"]).await;
    // The first two are swept; the third is kept, but the bus lost it.
    execute(&world.orders.core.db, "DELETE FROM outbox WHERE aggregate_version < 3").await;
    execute(&world.orders.core.db, "UPDATE outbox SET published_at = created_at WHERE aggregate_version = 3").await;
    let _relay = world.relay();
    world.settles(&[("or_a", &[3, 4, 5])]).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_consumer_had_in_hand_is_handled_by_another(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(via, backend).await;
    let first = world.consumer_as("one");
    let _relay = world.relay();
    world.fault("or_b", 1, Fault::Hang);
    world.change(&["or_a", "or_b", "or_b", "or_c", "or_a"]).await;
    if backend == Backend::Postgres {
        world_handles(&world, &[("or_a", 2), ("or_c", 1)]).await;
    } else {
        // One writer: whoever comes behind the one that hangs waits for it.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    first.kill().await;
    world.heal();
    let _second = world.consumer_as("two");
    world.settles(&[("or_a", &[1, 2]), ("or_b", &[1, 2]), ("or_c", &[1])]).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_consumer_finds_at_once_what_it_had_in_hand(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    // Nobody would take it over in the time of this test.
    let world = World::with(via, backend, |settings| settings.claim_after = Duration::from_secs(600)).await;
    let first = world.consumer();
    let _relay = world.relay();
    world.fault("or_a", 1, Fault::Hang);
    world.change(&["or_a", "or_a"]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    first.kill().await;
    world.heal();
    let _second = world.consumer();
    world.settles(&[("or_a", &[1, 2])]).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn two_consumers_share_the_work_in_order(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(via, backend).await;
    let (_one, _two) = (world.consumer_as("one"), world.consumer_as("two"));
    let _relay = world.relay();
    for _ in 0..20 {
        world.change(&["or_a", "or_b", "or_c", "or_d"]).await;
    }
    let all: Vec<i64> = (1..=20).collect();
    world.settles(&[("or_a", &all), ("or_b", &all), ("or_c", &all), ("or_d", &all)]).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_service_gets_every_event_at_its_own_pace(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(via, backend).await;
    let faults = Faults::default();
    faults.lock().unwrap().insert(("or_a".to_owned(), 1), Fault::Down(u32::MAX));
    let (_stock, _claims) = (world.consumer(), world.consumer_of(&world.claims, faults.clone(), "one"));
    let _relay = world.relay();
    world.change(&["or_a", "or_a", "or_b"]).await;
    let expected = BTreeMap::from([("or_a".to_owned(), vec![1, 2]), ("or_b".to_owned(), vec![1])]);
    eventually("stock does not wait for claims", async || world.handled().await == expected).await;
    eventually("claims goes on with others", async || world.handled_by(&world.claims).await.contains_key("or_b")).await;
    if via == Via::Memory {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(world.unpublished().await, 2, "in process, an event is published when all have handled it");
    }
    faults.lock().unwrap().clear();
    eventually("claims catches up", async || world.handled_by(&world.claims).await == expected).await;
    world.is_published().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_down_is_waited_for(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(via, backend).await;
    let (_relay, _consumer) = (world.relay(), world.consumer());
    // More often than a refusal is tried.
    world.fault("or_a", 1, Fault::Down(8));
    world.change(&["or_a", "or_a", "or_b"]).await;
    world.settles(&[("or_a", &[1, 2]), ("or_b", &[1])]).await;
    assert!(dead_letters::list(&world.stock.core.db).await.unwrap().is_empty());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_hangs_is_stopped_and_tried_again(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::with(via, backend, |settings| settings.handler_limit = Duration::from_millis(300)).await;
    let (_relay, _consumer) = (world.relay(), world.consumer());
    world.fault("or_a", 1, Fault::Hang);
    world.change(&["or_a", "or_b"]).await;
    eventually("the other aggregate goes on", async || world.handled().await.contains_key("or_b")).await;
    world.heal();
    world.settles(&[("or_a", &[1]), ("or_b", &[1])]).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_nobody_handles_is_let_go(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(via, backend).await;
    let (_relay, _consumer) = (world.relay(), world.consumer());
    let core = &world.orders.core;
    let mut event = crate::world::event(core, "qu_a", 1);
    event.aggregate_kind = "quote".to_owned();
    let tx = core.db.begin().await.unwrap();
    common::outbox::push(&tx, &event).await.unwrap();
    tx.commit().await.unwrap();
    world.change(&["or_a"]).await;
    world.settles(&[("or_a", &[1])]).await;
    assert_eq!(number(&world.stock.core.db, "SELECT COUNT(*) FROM inbox").await, 1);
    assert!(dead_letters::list(&world.stock.core.db).await.unwrap().is_empty());
    if via != Via::Memory {
        crate::redis_only::nothing_pending(&world).await;
    }
}

async fn world_handles(world: &World, expected: &[(&str, usize)]) {
    eventually("the other aggregates go on", async || {
        let handled = world.handled().await;
        expected.iter().all(|(aggregate, count)| handled.get(*aggregate).is_some_and(|all| all.len() == *count))
    })
    .await;
}

/// Many aggregates, one of which refuses: the others do not suffer, and what they cost is one transaction for many.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_together_is_handled_together(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(None, Some(Fault::Refuse), Some(Fault::Panic))] fault: Option<Fault>,
) {
    let world = World::new(Via::Together, backend).await;
    let ids: Vec<String> = (0..60).map(|number| format!("or_{number:02}")).collect();
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    if let Some(fault) = fault {
        world.fault("or_07", 1, fault);
    }
    for _ in 0..3 {
        world.change(&all).await;
    }
    let (_relay, _consumer) = (world.relay(), world.consumer());
    let healthy = all.iter().filter(|id| fault.is_none() || **id != "or_07");
    let expected: Vec<(&str, &[i64])> = healthy.map(|id| (*id, [1, 2, 3].as_slice())).collect();
    world.settles(&expected).await;
    let most = world.most.load(Ordering::Relaxed);
    assert!(most > 1, "at the most {most} in one transaction");
    let parked = async || -> Vec<(String, i64)> {
        let letters = dead_letters::list(&world.stock.core.db).await.unwrap();
        letters.into_iter().map(|letter| (letter.aggregate_id, letter.aggregate_version)).collect()
    };
    let poisoned: Vec<_> = fault.iter().flat_map(|_| (1..=3).map(|version| ("or_07".to_owned(), version))).collect();
    eventually("the poison and what follows it are parked", async || parked().await == poisoned).await;
}
