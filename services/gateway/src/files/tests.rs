//! Files over the real router: what comes in, what is refused, what comes out. The record's owner is made up.

mod hostile;
pub(crate) mod pictures;
mod ways;
mod world;
