//! The rules of dispatch: pure, without a clock, a database or a network.

pub mod duration;
pub mod eligibility;
pub mod forecast;
pub mod insertion;
pub mod job;
pub mod plan;
pub mod plan_visit;
pub mod service_point;
pub mod site;
pub mod slot;
pub mod technician;
pub mod travel;
pub mod work_order;

use common::typed_id;
use serde::{Deserialize, Serialize};

typed_id! {
    /// A service point.
    ServicePointId = "sp";
    /// A technician.
    TechnicianId = "te";
    /// An absence of a technician.
    AbsenceId = "ab";
    /// A work order.
    WorkOrderId = "wo";
    /// A hold of a slot.
    SlotHoldId = "sh";
    /// A plan.
    PlanId = "pl";
}

/// A file kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Id or address of the file.
    pub file_id: String,
    /// What it shows.
    pub label: String,
}

/// A quantity of a part, in thousandths of its unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartQuantity {
    /// Stock keeping unit.
    pub sku: String,
    /// Thousandths of the part's unit.
    pub milli: i64,
}

/// Joins two wishes for parts: of each part the larger quantity, so that a wish told twice counts once.
#[must_use]
pub fn join_parts(mut wanted: Vec<PartQuantity>, more: &[PartQuantity]) -> Vec<PartQuantity> {
    for part in more {
        match wanted.iter_mut().find(|there| there.sku == part.sku) {
            Some(there) => there.milli = there.milli.max(part.milli),
            None => wanted.push(part.clone()),
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(sku: &str, milli: i64) -> PartQuantity {
        PartQuantity { sku: sku.to_owned(), milli }
    }

    #[test]
    fn a_wish_told_twice_counts_once() {
        let joined = join_parts(vec![part("A", 1000)], &[part("A", 2000), part("B", 1000), part("A", 500)]);
        assert_eq!(joined, [part("A", 2000), part("B", 1000)]);
    }
}
