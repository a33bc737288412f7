//! What only Redis can do to us: forget.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use common::testing::Backend;
use prost::Message as _;
use proto::aftercare::common::v1::Event;
use redis::AsyncCommands as _;
use rstest::rstest;

use crate::world::{Fault, Via, World, eventually, redis};

type Entries = Vec<(String, Vec<(String, Vec<u8>)>)>;

async fn entries(world: &World) -> Entries {
    redis::cmd("XRANGE").arg(world.stream()).arg("-").arg("+").query_async(&mut redis().await).await.unwrap()
}

async fn length(world: &World) -> usize {
    redis().await.xlen(world.stream()).await.unwrap()
}

/// The versions of each aggregate, in the order in which they appear in the stream first.
pub async fn first_appearances(world: &World) -> BTreeMap<String, Vec<i64>> {
    let mut seen = BTreeSet::new();
    let mut first = BTreeMap::<_, Vec<_>>::new();
    for (_, fields) in entries(world).await {
        let event = Event::decode(fields[0].1.as_slice()).unwrap();
        if seen.insert((event.aggregate_id.clone(), event.aggregate_version)) {
            first.entry(event.aggregate_id).or_default().push(event.aggregate_version);
        }
    }
    first
}

pub async fn nothing_pending(world: &World) {
    eventually("everything is acknowledged", async || {
        let groups: redis::streams::StreamInfoGroupsReply = redis().await.xinfo_groups(world.stream()).await.unwrap();
        groups.groups.iter().all(|group| group.pending == 0 && group.lag.unwrap_or_default() == 0)
    })
    .await;
}

/// How much Redis forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// The stream and its groups.
    Everything,
    /// The last entries, as after a crash between two fsyncs.
    Tail,
}

async fn forget(world: &World, loss: Loss) {
    let kept = match loss {
        Loss::Everything => Vec::new(),
        Loss::Tail => {
            let mut all = entries(world).await;
            all.truncate(all.len() / 2);
            all
        }
    };
    // In one step, as a restart of Redis would look to its clients.
    let mut pipe = redis::pipe();
    pipe.atomic().del(world.stream()).ignore();
    for (id, fields) in kept {
        pipe.cmd("XADD").arg(world.stream()).arg(id).arg(fields).ignore();
    }
    pipe.query_async::<()>(&mut redis().await).await.unwrap();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_redis_forgets_under_load_is_published_again(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Loss::Everything, Loss::Tail)] loss: Loss,
) {
    let world = World::new(Via::Redis, backend).await;
    let (_relay, _consumer) = (world.relay(), world.consumer());
    for round in 0..40 {
        world.change(&["or_a", "or_b", "or_c"]).await;
        if round % 10 == 9 {
            forget(&world, loss).await;
        }
    }
    let all: Vec<i64> = (1..=40).collect();
    world.settles(&[("or_a", &all), ("or_b", &all), ("or_c", &all)]).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_redis_forgets_in_quiet_times_is_published_again(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Loss::Everything, Loss::Tail)] loss: Loss,
) {
    let world = World::new(Via::Redis, backend).await;
    // No consumer yet: what is lost now, nobody has seen.
    let relay = world.relay();
    for _ in 0..10 {
        world.change(&["or_a"]).await;
    }
    world.is_published().await;
    forget(&world, loss).await;
    eventually("it is all there again", async || {
        first_appearances(&world).await.get("or_a").is_some_and(|all| all.len() == 10)
    })
    .await;
    // The same while no relay is at work.
    relay.end().await;
    forget(&world, loss).await;
    let (_relay, _consumer) = (world.relay(), world.consumer());
    let all: Vec<i64> = (1..=10).collect();
    world.settles(&[("or_a", &all)]).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_loss_is_noticed_by_the_next_append(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Loss::Everything, Loss::Tail)] loss: Loss,
) {
    // The relay does not look by itself, and no later version of what is lost shows a gap.
    let world = World::with(Via::Redis, backend, |settings| settings.check = Duration::from_secs(600)).await;
    let _relay = world.relay();
    world.change(&["or_a"]).await;
    world.is_published().await;
    world.change(&["or_b"]).await;
    world.is_published().await;
    forget(&world, loss).await;
    world.change(&["or_c"]).await;
    let _consumer = world.consumer();
    world.settles(&[("or_a", &[1]), ("or_b", &[1]), ("or_c", &[1])]).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_stream_is_trimmed_behind_every_group_only(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::with(Via::Redis, backend, |settings| {
        settings.sweep = Duration::from_millis(100);
        settings.stream_kept = Duration::ZERO;
    })
    .await;
    let _: () = redis().await.xgroup_create_mkstream(world.stream(), "slow", "0").await.unwrap();
    let (_relay, _consumer) = (world.relay(), world.consumer());
    let aggregates: Vec<String> = (0..300).map(|number| format!("or_{number}")).collect();
    let aggregates: Vec<&str> = aggregates.iter().map(String::as_str).collect();
    world.change(&aggregates).await;
    eventually("all are handled", async || world.handled().await.len() == 300).await;
    nothing_pending_of(&world, "stock").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(length(&world).await, 300, "the slow group has not read them");
    // It reads, but has not handled, the first.
    let read: redis::Value = redis::cmd("XREADGROUP")
        .arg(&["GROUP", "slow", "reader", "COUNT", "300", "STREAMS", &world.stream(), ">"])
        .query_async(&mut redis().await)
        .await
        .unwrap();
    drop(read);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(length(&world).await, 300, "the slow group has not handled them");
    let ids: Vec<String> = entries(&world).await.into_iter().map(|(id, _)| id).collect();
    let _: usize = redis().await.xack(world.stream(), "slow", &ids).await.unwrap();
    // Redis deletes whole nodes of a hundred.
    eventually("it is trimmed", async || length(&world).await <= 100).await;
    world.change(&["or_1"]).await;
    eventually("it goes on", async || world.handled().await.get("or_1").is_some_and(|all| *all == [1, 2])).await;
}

async fn nothing_pending_of(world: &World, group: &str) {
    eventually("everything is acknowledged", async || {
        let groups: redis::streams::StreamInfoGroupsReply = redis().await.xinfo_groups(world.stream()).await.unwrap();
        groups.groups.iter().any(|found| found.name == group && found.pending == 0)
    })
    .await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn dead_consumers_are_removed_once_they_have_nothing_in_hand(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::with(Via::Redis, backend, |settings| settings.claim_after = Duration::from_millis(150)).await;
    let _relay = world.relay();
    let dead = world.consumer_as("dead");
    world.fault("or_a", 1, Fault::Hang);
    world.change(&["or_a"]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    dead.kill().await;
    world.heal();
    let _alive = world.consumer_as("alive");
    world.settles(&[("or_a", &[1])]).await;
    eventually("only the living is left", async || {
        let consumers: redis::streams::StreamInfoConsumersReply =
            redis().await.xinfo_consumers(world.stream(), "stock").await.unwrap();
        consumers.consumers.iter().map(|consumer| consumer.name.as_str()).eq(["alive"])
    })
    .await;
    nothing_pending(&world).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_event_is_not_taken_from_a_living_consumer(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let world = World::with(Via::Redis, backend, |settings| settings.claim_after = Duration::from_millis(200)).await;
    let (_relay, _one, _two) = (world.relay(), world.consumer_as("one"), world.consumer_as("two"));
    // Tried for much longer than it takes to be taken for dead.
    world.fault("or_a", 1, Fault::Down(9));
    world.change(&["or_a"]).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let pending: redis::streams::StreamPendingCountReply = redis::cmd("XPENDING")
        .arg(&[&world.stream(), "stock", "-", "+", "10"])
        .query_async(&mut redis().await)
        .await
        .unwrap();
    assert!(pending.ids.iter().all(|entry| entry.times_delivered == 1), "{pending:?}");
    world.settles(&[("or_a", &[1])]).await;
}
