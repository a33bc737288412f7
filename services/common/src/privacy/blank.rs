//! Which words of a record say something about a person.

use serde_json::Value;

/// Fields of a record's body by their names, wherever they stand; `complainant.name` is a `name` below a `complainant`
/// only. All texts below such a field are blanked.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// Their texts become empty.
    pub texts: &'static [&'static str],
    /// Their texts become empty unless they are codes: reasons are codes or somebody's words.
    pub reasons: &'static [&'static str],
    /// Lists that become empty.
    pub lists: &'static [&'static str],
    /// What becomes null.
    pub nulls: &'static [&'static str],
}

impl Words {
    /// Says nothing.
    pub const NONE: Self = Self { texts: &[], reasons: &[], lists: &[], nulls: &[] };

    /// Blanks them in a body.
    pub(super) fn blank(&self, body: &mut Value) {
        self.walk(body, &mut Vec::new());
    }

    fn walk(&self, value: &mut Value, above: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                for (name, inner) in object.iter_mut() {
                    above.push(name.clone());
                    if is_one(self.nulls, above) {
                        *inner = Value::Null;
                    } else if is_one(self.lists, above) && inner.is_array() {
                        *inner = Value::Array(Vec::new());
                    } else if is_one(self.texts, above) {
                        silence(inner, false);
                    } else if is_one(self.reasons, above) {
                        silence(inner, true);
                    } else {
                        self.walk(inner, above);
                    }
                    above.pop();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, above)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn is_one(patterns: &[&str], path: &[String]) -> bool {
    patterns.iter().any(|pattern| {
        let mut path = path.iter().rev();
        pattern.rsplit('.').all(|part| path.next().is_some_and(|name| name == part))
    })
}

/// Empties every text below.
fn silence(value: &mut Value, codes_stay: bool) {
    match value {
        Value::String(text) if !(codes_stay && is_code(text)) => text.clear(),
        Value::Object(object) => object.values_mut().for_each(|inner| silence(inner, codes_stay)),
        Value::Array(items) => items.iter_mut().for_each(|item| silence(item, codes_stay)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A stable code: small or capital Latin letters, digits and the signs between them; no number that could be a telephone's.
pub(super) fn is_code(text: &str) -> bool {
    let small = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte));
    let capital = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_.-".contains(&byte));
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.len() <= 60 && digits < 5 && (small || capital)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_go_and_numbers_and_codes_stay() {
        let words =
            Words { texts: &["profile.name", "text"], reasons: &["reason"], lists: &["phones"], nulls: &["position"] };
        let mut body = json!({
            "state": { "name": "closed", "reason": "no_answer" },
            "profile": { "name": "张三", "phones": [{ "number": "+86138" }], "tier": "A" },
            "answers": [{ "value": { "text": "很好" } }, { "value": { "score": 5 } }],
            "stops": [{ "reason": "客户张三不在家", "position": { "latitude": 31.2 } }]
        });
        words.blank(&mut body);
        assert_eq!(
            body,
            json!({
                "state": { "name": "closed", "reason": "no_answer" },
                "profile": { "name": "", "phones": [], "tier": "A" },
                "answers": [{ "value": { "text": "" } }, { "value": { "score": 5 } }],
                "stops": [{ "reason": "", "position": null }]
            })
        );
    }

    #[test]
    fn codes_are_told_from_words() {
        for code in ["", "no_answer", "REMEDY_REFUSED", "rule.v2", "sla-1"] {
            assert!(is_code(code), "{code}");
        }
        for words in ["Not at home", "张三", "13800138000", "Zhang", "call +8613800138000"] {
            assert!(!is_code(words), "{words}");
        }
    }
}
