//! One suite for the way of events, on both buses and both databases: nothing lost, nothing twice, in order, whatever
//! dies or forgets.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod consuming;
mod dead_letters;
mod publishing;
mod redis_only;
mod world;
