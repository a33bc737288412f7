//! Before and after, fit to be shown: personal values are covered. The bodies of records are not messages of the
//! contract, so this errs on the side of covering: by the names that the contract marks as personal, and by the look of
//! a text.

use std::collections::BTreeSet;

use serde_json::Value;

/// Stands for what is not shown.
pub(crate) const COVER: &str = "•••";
/// Longest text that is shown: codes, ids, states, instants.
const LONGEST_CODE: usize = 64;
/// So many digits in a row, and more, are taken for a phone number.
const PHONE: usize = 7;

/// Covers the personal values of a JSON text. `personal` are the names of fields that hold them.
pub(crate) fn mask(json: &str, personal: &BTreeSet<String>) -> String {
    match serde_json::from_str::<Value>(json) {
        Ok(mut value) => {
            cover(&mut value, false, personal);
            value.to_string()
        }
        // What we cannot read we do not show.
        Err(_) => Value::from(COVER).to_string(),
    }
}

fn cover(value: &mut Value, covered: bool, personal: &BTreeSet<String>) {
    match value {
        Value::Null => {}
        Value::Bool(_) => {}
        Value::Number(_) if !covered => {}
        Value::String(text) if !covered && is_code(text) => {}
        Value::Number(_) | Value::String(_) => *value = Value::from(COVER),
        Value::Array(values) => values.iter_mut().for_each(|value| cover(value, covered, personal)),
        Value::Object(fields) => {
            for (name, value) in fields {
                cover(value, covered || personal.contains(name), personal);
            }
        }
    }
}

/// Codes, ids, states and instants are shown; words are not.
fn is_code(text: &str) -> bool {
    let longest_digits = text.split(|letter: char| !letter.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-:.".contains(letter);
    // Ids of ours have digits in a row too, and an underscore after their prefix.
    let id = text.split_once('_').is_some_and(|(prefix, rest)| prefix.len() <= 4 && rest.len() == 26);
    text.len() <= LONGEST_CODE && text.chars().all(plain) && (id || longest_digits < PHONE)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn personal_values_are_covered_and_codes_are_not() {
        let personal = BTreeSet::from(["name".to_owned(), "line".to_owned()]);
        let shown = mask(
            &json!({
                "before": {"name": "Wang", "state": "open", "profile": {"phones": [{"number": "+8613800138000"}]}},
                "after": {
                    "name": "Li", "state": "closed", "at": "2026-03-02T02:00:00Z", "count": 3, "flag": true,
                    "agent_id": "ag_01k0000000000000000000000a", "notes": "call after six", "mobile": "13800138000",
                    "address": {"line": {"street": "x", "no": 5}},
                },
            })
            .to_string(),
            &personal,
        );
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(
            shown,
            json!({
                "before": {"name": COVER, "state": "open", "profile": {"phones": [{"number": COVER}]}},
                "after": {
                    "name": COVER, "state": "closed", "at": "2026-03-02T02:00:00Z", "count": 3, "flag": true,
                    "agent_id": "ag_01k0000000000000000000000a", "notes": COVER, "mobile": COVER,
                    "address": {"line": {"street": COVER, "no": COVER}},
                },
            })
        );
        assert_eq!(mask("not json", &personal), format!("\"{COVER}\""));
    }
}
