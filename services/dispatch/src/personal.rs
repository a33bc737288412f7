//! What dispatch keeps about customers, and where.

use common::privacy::{Place, Words};

/// All of it.
pub(crate) const PLACES: &[Place] = &[Place {
    kind: "work_order",
    table: "work_order",
    of: "customer_id = $1",
    open: "state NOT IN ('completed', 'failed', 'cancelled', 'verified')",
    body: Some(Words {
        texts: &[
            "remarks",
            "note",
            "text",
            "proposal",
            "signed_as",
            "vector",
            "file_id",
            "return_note",
            "receipt.item",
        ],
        reasons: &["reason", "override_reason", "van_reason"],
        lists: &["photos"],
        nulls: &["position"],
    }),
    columns: &[],
    id: "id",
    changed: "updated_at",
}];
