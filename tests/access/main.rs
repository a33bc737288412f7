//! Who may do what with whose records: every RPC, by every kind of caller, with every id that it takes, over every door.
//! What is right comes from the rules in the contract and from whose the records of the world are; nothing here asks the
//! finders that it tests. Add an RPC or an id field, and the matrix has it, or fails.
//!
//! One world of each database serves all parts, because making it takes longer than most of them. `AFTERCARE_ACCESS=lists,tokens` runs some
//! parts only; without `AFTERCARE_FULL` the largest parts ask a share of their cells, the same ones every time.
//! `make access-mutations` takes every check away in turn and sees that it is missed (mutations.py).

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on must fail")]
#![expect(clippy::print_stdout, reason = "how much was asked is the point")]

mod bodies;
mod caller;
mod doors;
mod fields;
mod furnish;
mod lists;
mod matrix;
#[cfg(feature = "mutations")]
mod missed;
mod oracle;
mod personal;
mod push;
mod tokens;
mod wire;
mod world;
mod writes;

use std::{panic::AssertUnwindSafe, time::Instant};

use common::testing::Backend;
use futures::{FutureExt as _, future::BoxFuture};
use rstest::rstest;

use crate::world::World;

/// A part of the suite; it panics when something is wrong.
type Part = for<'a> fn(&'a World) -> BoxFuture<'a, ()>;

/// The parts by their names, those that change the world last.
const PARTS: [(&str, Part); 18] = [
    ("lists", |world| lists::every_list_is_what_the_caller_sees(world).boxed()),
    ("figures", |world| lists::figures_count_what_the_caller_sees(world).boxed()),
    ("histories", |world| lists::histories_are_of_what_the_caller_sees(world).boxed()),
    ("pages", |world| lists::a_page_token_is_its_callers_own(world).boxed()),
    ("masks", |world| personal::personal_data_is_shown_to_who_needs_it(world).boxed()),
    ("streams", |world| push::elements_are_masked_like_answers(world).boxed()),
    ("guessing", |world| personal::masked_data_cannot_be_searched(world).boxed()),
    ("exports", |world| personal::masked_data_cannot_be_exported(world).boxed()),
    ("unmasking", |world| personal::unmasking_has_a_reason_and_is_noted(world).boxed()),
    ("tokens", |world| tokens::no_bad_identity_gets_into_a_service(world).boxed()),
    ("inner", |world| matrix::what_services_ask_each_other(world).boxed()),
    ("door", |world| doors::the_door_alone_refuses(world).boxed()),
    ("people", |world| push::only_the_callers_people_are_told_of(world).boxed()),
    ("push", |world| push::streams_tell_what_the_caller_sees(world).boxed()),
    ("doors", |world| doors::every_door_answers_alike(world).boxed()),
    ("matrix", |world| matrix::every_rpc_by_every_caller_with_every_id(world).boxed()),
    ("repeats", |world| lists::a_repeat_answers_its_own_caller_only(world).boxed()),
    ("writes", |world| writes::nobody_writes_out_of_sight(world).boxed()),
];

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_and_does_what_they_may_and_no_more(#[case] backend: Backend) {
    let wanted = std::env::var("AFTERCARE_ACCESS").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').filter(|name| !name.is_empty()).collect();
    let unknown = wanted.iter().find(|name| !PARTS.iter().any(|(known, _)| known == *name));
    assert!(unknown.is_none(), "there is no part {unknown:?}");
    let begun = Instant::now();
    let world = World::make(backend).await;
    println!("world: {} records, {} callers, {:.1?}", world.records.len(), world.callers.len(), begun.elapsed());
    let mut failed = Vec::new();
    for (name, part) in PARTS.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name)) {
        let begun = Instant::now();
        let holds = AssertUnwindSafe(part(&world)).catch_unwind().await.is_ok();
        println!("{name}: {} in {:.1?}", if holds { "holds" } else { "FAILED" }, begun.elapsed());
        if !holds {
            failed.push(*name);
        }
    }
    world.end().await;
    assert!(failed.is_empty(), "parts that failed: {failed:?}");
}
