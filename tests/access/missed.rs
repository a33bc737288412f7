//! Every check is missed: mutations.py builds this in a patched copy, where a file names the check that is left out.

use std::{panic::AssertUnwindSafe, time::Instant};

use common::testing::Backend;
use futures::FutureExt as _;

use crate::{PARTS, world::World};

/// Takes checks away one after the other, in the patched copy that mutations.py makes, and sees that a part fails; and that it
/// holds again with the check in its place.
#[tokio::test(flavor = "multi_thread")]
async fn every_check_is_missed() {
    let checks = std::env::var("AFTERCARE_CHECKS").expect("mutations.py says which checks there are");
    let dropped = std::env::var("AFTERCARE_DROPPED").expect("mutations.py says where the name of the check is put");
    let drop = |name: &str| std::fs::write(&dropped, name).expect("the name of the check is written");
    let mut world = World::make(Backend::Sqlite).await;
    let (mut unnoticed, mut all) = (Vec::new(), 0);
    for check in checks.lines() {
        let (name, parts) = check.split_once('\t').expect("a name and parts");
        let begun = Instant::now();
        all += 1;
        let mut by = None;
        drop(name);
        for part in parts.split(',') {
            if !holds(&world, part).await {
                by = Some(part);
                break;
            }
        }
        drop("");
        if let Some(part) = by
            && !holds(&world, part).await
        {
            // What was done without the check is still there. With it, in a world of its own, the part must hold.
            let spoilt = std::mem::replace(&mut world, World::make(Backend::Sqlite).await);
            spoilt.end().await;
            assert!(holds(&world, part).await, "{part} does not hold with every check in its place");
        }
        let told = by.map_or("NOT NOTICED".to_owned(), |part| format!("noticed by {part}"));
        println!("check {all}: {name}: {told} in {:.1?}", begun.elapsed());
        if by.is_none() {
            unnoticed.push(name);
        }
    }
    world.end().await;
    println!("{} of {all} noticed", all - unnoticed.len());
    assert!(unnoticed.is_empty(), "not noticed: {unnoticed:?}");
}

/// Whether a part holds; `matrix:Timeline` is the matrix of some RPCs.
async fn holds(world: &World, wanted: &str) -> bool {
    let (name, only) = wanted.split_once(':').unwrap_or((wanted, ""));
    only.clone_into(&mut world.only.lock().expect("a name"));
    let (_, part) = PARTS.iter().find(|(known, _)| *known == name).expect("a part");
    AssertUnwindSafe(part(world)).catch_unwind().await.is_ok()
}
