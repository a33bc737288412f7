//! Power cuts: while a case runs, one service after the other is killed and comes back. The case finishes as if nothing
//! had happened; the journey itself checks that nothing is lost and nothing is there twice.

use std::time::Duration;

use harness::{Faults, Platform, Shape, Surface, world::World};
use tokio_util::sync::CancellationToken;

/// How long a service stays down, and how long it is left alone afterwards.
const DOWN: Duration = Duration::from_millis(300);
const UP: Duration = Duration::from_millis(900);

/// Kills `victim` again and again until the journey is over; says how often. It is up when this ends.
async fn power_cuts(platform: &Platform, victim: &str, over: &CancellationToken) -> u32 {
    let mut kills = 0;
    while !over.is_cancelled() {
        platform.kill(victim).await;
        kills += 1;
        tokio::time::sleep(DOWN).await;
        platform.revive(victim).await;
        let _ = tokio::time::timeout(UP, over.cancelled()).await;
    }
    kills
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_survives_the_death_of_any_service() {
    let platform = Platform::start(Shape::SixProcesses, Surface::Rest, Faults::None).await;
    let world = World::make(&platform).await;
    let victims: Vec<String> = platform.processes().map(str::to_owned).collect();
    assert_eq!(victims.len(), 6);
    for victim in &victims {
        let over = CancellationToken::new();
        let journey = async {
            crate::in_warranty::travel(&platform, &world).await;
            over.cancel();
        };
        let (kills, ()) = tokio::join!(power_cuts(&platform, victim, &over), journey);
        assert!(kills > 0, "{victim} was never killed");
    }
}
