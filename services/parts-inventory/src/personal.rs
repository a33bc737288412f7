//! What parts-inventory keeps about customers, and where. It knows no name and no address; what people write beside a
//! delivery or a return may say something all the same.

use common::privacy::{Place, Words};

const WORDS: Words = Words { texts: &["note"], reasons: &["reason", "close_reason"], lists: &["photos"], nulls: &[] };

/// All of it.
pub(crate) const PLACES: &[Place] = &[
    Place {
        kind: "return",
        table: "goods_return",
        of: "customer_id = $1",
        open: "",
        body: Some(WORDS),
        columns: &[],
        id: "id",
        changed: "updated_at",
    },
    Place {
        kind: "supplementary_order",
        table: "supplementary_order",
        of: "body->>'customer_id' = $1",
        open: "",
        body: Some(WORDS),
        columns: &[],
        id: "id",
        changed: "updated_at",
    },
];
