//! Tests through the RPCs, on both databases.

mod assignment;
mod board;
mod bookings;
mod events;
mod lists;
mod plans;
mod points;
mod slots;
mod timers;
mod visit;
pub(crate) mod world;

use common::error::Reason;

use crate::Dispatch;

#[test]
fn every_reason_has_its_texts() {
    use common::{catalog::Catalog, service::Definition as _};
    let catalog = Catalog::load(Dispatch::MESSAGES.0, Dispatch::MESSAGES.1).unwrap();
    assert_eq!(catalog.missing(Dispatch::REASONS), Vec::<&str>::new());
    let names: Vec<&str> = Dispatch::REASONS.iter().map(|reason: &Reason| reason.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len());
}
