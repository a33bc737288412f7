//! What survey keeps about customers, and where. Scores stay; words go.

use common::privacy::{Place, Words};

const WORDS: Words = Words { texts: &["note", "value.text"], reasons: &["reason"], lists: &[], nulls: &[] };

const fn place(kind: &'static str, table: &'static str) -> Place {
    Place {
        kind,
        table,
        of: "customer_id = $1",
        open: "",
        body: Some(WORDS),
        columns: &[],
        id: "id",
        changed: "updated_at",
    }
}

/// All of it.
pub(crate) const PLACES: &[Place] = &[
    place("invitation", "invitation"),
    place("callback", "callback"),
    place("response", "response"),
    place("follow_up", "follow_up"),
];
