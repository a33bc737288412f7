//! What complaint keeps about customers, and where.

use common::privacy::{Place, Words};

const WORDS: Words = Words {
    texts: &[
        "complainant.name",
        "complainant.phone",
        "description",
        "wanted",
        "note",
        "text",
        "reply",
        "grounds",
        "cause",
        "lesson",
        "prevention",
        "file_id",
    ],
    reasons: &["reason"],
    lists: &[],
    nulls: &[],
};

/// All of it.
pub(crate) const PLACES: &[Place] = &[
    Place {
        kind: "complaint",
        table: "complaint",
        of: "customer_id = $1",
        open: "state NOT IN ('closed', 'archived')",
        body: Some(WORDS),
        columns: &[],
        id: "id",
        changed: "updated_at",
    },
    Place {
        kind: "regulator_case",
        table: "regulator_case",
        of: "body->>'customer_id' = $1",
        open: "state NOT IN ('closed', 'declined')",
        body: Some(WORDS),
        columns: &[],
        id: "id",
        changed: "updated_at",
    },
];
