//! What intake keeps about customers, and where.

use common::privacy::{Left, Place, SUBJECT, Words};

/// All of it.
pub(crate) const PLACES: &[Place] = &[
    Place {
        kind: SUBJECT,
        table: "customer",
        // Files that were merged into this one are the same person.
        of: "(id = $1 OR body->>'merged_into' = $1)",
        open: "",
        body: Some(Words {
            texts: &["profile.name", "notes", "source", "contact_from", "contact_until"],
            reasons: &[],
            lists: &["phones", "emails", "addresses", "tags"],
            nulls: &["birthday"],
        }),
        columns: &[("name", Left::Nothing), ("search", Left::Nothing)],
        id: "id",
        changed: "updated_at",
    },
    Place {
        kind: "customer_phone",
        table: "customer_phone",
        of: "customer_id = $1",
        open: "",
        body: None,
        columns: &[("number", Left::NoRow)],
        id: "customer_id",
        changed: "",
    },
    Place {
        kind: "customer_change",
        table: "customer_change",
        of: "customer_id = $1",
        open: "",
        body: None,
        columns: &[("old_value", Left::Nothing), ("new_value", Left::Nothing)],
        id: "id",
        changed: "at",
    },
    Place {
        kind: "product",
        table: "product",
        of: "customer_id = $1",
        open: "",
        body: Some(Words { texts: &["order_number"], reasons: &[], lists: &["photos"], nulls: &["install_address"] }),
        columns: &[],
        id: "id",
        changed: "updated_at",
    },
    Place {
        kind: "service_request",
        table: "service_request",
        of: "customer_id = $1",
        open: "\"open\"",
        body: Some(Words {
            texts: &["contact_name", "contact_phone", "product_text", "description"],
            reasons: &["reason", "state_reason", "answer", "charged_reason"],
            lists: &["photos"],
            nulls: &["address"],
        }),
        columns: &[("contact_phone", Left::Nothing), ("address_key", Left::Nothing), ("search", Left::Nothing)],
        id: "id",
        changed: "updated_at",
    },
    Place {
        kind: "contact",
        table: "contact",
        of: "customer_id = $1",
        open: "",
        body: Some(Words {
            texts: &["spoken_to", "summary", "recording_link", "promise.text"],
            reasons: &["reason"],
            lists: &[],
            nulls: &[],
        }),
        columns: &[],
        id: "id",
        changed: "updated_at",
    },
];
