//! What a change changed: the fields that differ, before and after, as two JSON merge patches of each other.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// Fields that change with every change and say nothing.
const NOISE: [&str; 2] = ["version", "updated_at"];

/// The fields that differ between two bodies of one record as the text that is kept; `None` when none does.
pub(crate) fn of(before: &Value, after: &Value) -> Option<String> {
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return None };
    let (old, new) = fields(before, after, &NOISE)?;
    Some(json!({ "before": old, "after": new }).to_string())
}

/// SHA-256 of a kept text, in hex.
pub(crate) fn digest(text: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(text).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Objects are compared field by field; everything else, lists too, as a whole. A field that is not there is null, as in
/// a JSON merge patch.
fn fields(before: &Map<String, Value>, after: &Map<String, Value>, but: &[&str]) -> Option<(Value, Value)> {
    let (mut old, mut new) = (Map::new(), Map::new());
    let only_after = after.keys().filter(|name| !before.contains_key(*name));
    for name in before.keys().chain(only_after).filter(|name| !but.contains(&name.as_str())) {
        let (was, is) = (before.get(name).unwrap_or(&Value::Null), after.get(name).unwrap_or(&Value::Null));
        let changed = match (was, is) {
            (Value::Object(was), Value::Object(is)) => fields(was, is, &[]),
            _ if was == is => None,
            _ => Some((was.clone(), is.clone())),
        };
        if let Some((was, is)) = changed {
            old.insert(name.clone(), was);
            new.insert(name.clone(), is);
        }
    }
    (!new.is_empty()).then_some((Value::Object(old), Value::Object(new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_kept() {
        let before = json!({
            "id": "th_1", "version": 1, "updated_at": "a", "name": "old", "gone": 1,
            "inner": {"same": 1, "other": 2}, "list": [1, 2],
        });
        let after = json!({
            "id": "th_1", "version": 2, "updated_at": "b", "name": "new", "come": true,
            "inner": {"same": 1, "other": 3}, "list": [1],
        });
        let kept: Value = serde_json::from_str(&of(&before, &after).unwrap()).unwrap();
        assert_eq!(
            kept,
            json!({
                "before": {"name": "old", "gone": 1, "come": null, "inner": {"other": 2}, "list": [1, 2]},
                "after": {"name": "new", "gone": null, "come": true, "inner": {"other": 3}, "list": [1]},
            })
        );
    }

    #[test]
    fn a_change_of_nothing_has_no_diff() {
        let body = json!({"id": "th_1", "version": 1, "updated_at": "a", "name": "old"});
        let again = json!({"id": "th_1", "version": 2, "updated_at": "b", "name": "old"});
        assert_eq!(of(&body, &again), None);
    }

    #[test]
    fn a_digest_is_of_the_text() {
        assert_eq!(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
