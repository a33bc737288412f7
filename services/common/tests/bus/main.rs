//! One suite for the way of events, on both buses and both databases: nothing lost, nothing twice, in order, whatever
//! dies or forgets.

mod consuming;
mod dead_letters;
mod publishing;
mod redis_only;
mod world;
