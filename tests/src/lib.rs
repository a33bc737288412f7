//! The harness of the end-to-end tests: the platform in both shapes, clients on both public surfaces that fail and
//! repeat on demand, and the waiting for what events bring about.

pub mod accounts;
pub mod client;
pub mod contract;
pub mod platform;
pub mod process;
pub mod steps;
pub mod wait;
pub mod world;

pub use client::{Faults, Person, Refusal, Surface};
pub use platform::{Platform, Shape};
pub use wait::eventually;

/// The middle one of some measurements.
///
/// # Panics
///
/// When there is none.
#[must_use]
pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_unstable_by(f64::total_cmp);
    of[of.len() / 2]
}
