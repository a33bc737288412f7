//! Events that cannot be handled.

use common::{
    dead_letters::{self, Which},
    testing::Backend,
};
use rstest::rstest;

use crate::world::{Fault, Via, World, eventually, execute};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn poison_is_parked_its_aggregate_waits_and_a_replay_heals_it(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Fault::Refuse, Fault::Panic)] fault: Fault,
) {
    let world = World::new(via, backend).await;
    let (_relay, _consumer) = (world.relay(), world.consumer());
    let (db, clock) = (&world.stock.core.db, &world.stock.core.clock);
    world.fault("or_b", 2, fault);
    world.change(&["or_a", "or_b", "or_b", "or_b", "or_c", "or_a"]).await;
    world.settles(&[("or_a", &[1, 2]), ("or_b", &[1]), ("or_c", &[1])]).await;
    let parked = async || -> Vec<(i64, i32)> {
        let letters = dead_letters::list(db).await.unwrap();
        letters.iter().map(|letter| (letter.aggregate_version, letter.deliveries)).collect()
    };
    eventually("the poison and what follows it are parked", async || parked().await == [(2, 5), (3, 0)]).await;
    let letters = dead_letters::list(db).await.unwrap();
    assert_eq!((letters[0].consumer.as_str(), letters[0].aggregate_id.as_str()), ("stock", "or_b"));
    let said = if fault == Fault::Panic { "as the test wants it" } else { "NOT_FOUND id=nothing" };
    assert!(letters[0].error.contains(said), "{}", letters[0].error);

    // What comes now waits behind it, and a copy of the poison is not tried again.
    world.change(&["or_b", "or_a"]).await;
    world.republish("or_b").await;
    world.settles(&[("or_a", &[1, 2, 3]), ("or_b", &[1]), ("or_c", &[1])]).await;
    // Another lane than those that have settled: nothing says that it was faster.
    eventually("what came now waits too", async || parked().await == [(2, 5), (3, 0), (4, 0)]).await;

    // A replay that fails again leaves all of them, and asks for nothing any more.
    assert_eq!(dead_letters::replay(db, clock.now(), "stock", Which::Event(&letters[0].event_id)).await.unwrap(), 3);
    eventually("it failed again", async || parked().await == [(2, 6), (3, 0), (4, 0)]).await;
    let waits =
        async || dead_letters::list(db).await.unwrap().iter().all(|letter| letter.replay_requested_at.is_none());
    eventually("nothing is requested", waits).await;

    world.heal();
    assert_eq!(dead_letters::replay(db, clock.now(), "stock", Which::Event("unknown")).await.unwrap(), 0);
    assert_eq!(dead_letters::replay(db, clock.now(), "nobody", Which::All).await.unwrap(), 0);
    assert_eq!(dead_letters::replay(db, clock.now(), "stock", Which::All).await.unwrap(), 3);
    world.settles(&[("or_a", &[1, 2, 3]), ("or_b", &[1, 2, 3, 4]), ("or_c", &[1])]).await;
    assert!(parked().await.is_empty());
    world.change(&["or_b"]).await;
    world.settles(&[("or_a", &[1, 2, 3]), ("or_b", &[1, 2, 3, 4, 5]), ("or_c", &[1])]).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decoded_is_parked_at_once(
    #[values(Via::Memory, Via::Redis, Via::Together)] via: Via,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::new(via, backend).await;
    let _consumer = world.consumer();
    world.change(&["or_a", "or_b"]).await;
    let garbage = match backend {
        Backend::Sqlite => "UPDATE outbox SET envelope = X'FFFFFF' WHERE aggregate_id = 'or_a'",
        Backend::Postgres => "UPDATE outbox SET envelope = '\\xffffff' WHERE aggregate_id = 'or_a'",
    };
    execute(&world.orders.core.db, garbage).await;
    let _relay = world.relay();
    world.settles(&[("or_b", &[1])]).await;
    let db = &world.stock.core.db;
    eventually("it is parked", async || dead_letters::list(db).await.unwrap().len() == 1).await;
    let letter = dead_letters::list(db).await.unwrap().remove(0);
    assert_eq!((letter.deliveries, letter.envelope), (1, vec![0xFF; 3]));
    // A replay cannot help it, and harms nothing.
    let asked = dead_letters::replay(db, world.stock.core.clock.now(), "stock", Which::Event(&letter.event_id)).await;
    assert_eq!(asked.unwrap(), 1);
    eventually("it failed again", async || dead_letters::list(db).await.unwrap()[0].deliveries == 2).await;
    world.change(&["or_b"]).await;
    world.settles(&[("or_b", &[1, 2])]).await;
}
