//! Personal data in answers: what of it is left for callers who do not need it.

use std::collections::BTreeSet;

/// Whose personal data a caller sees in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clear {
    /// Everybody's, as far as records are seen at all.
    All,
    /// That of these customers, cases and technicians, by their ids.
    Of(BTreeSet<String>),
    /// Nobody's.
    Nobody,
}

impl Clear {
    /// Whether a message about these ids stays as it is.
    #[must_use]
    pub fn keeps(&self, ids: &[&str]) -> bool {
        match self {
            Self::All => true,
            Self::Of(clear) => ids.iter().any(|id| clear.contains(*id)),
            Self::Nobody => false,
        }
    }
}

/// A message that may hold personal data.
pub trait Mask {
    /// Whether any field in it, or in a message in it, is personal.
    const PERSONAL: bool = false;

    /// Masks the personal fields, unless they are of somebody whose data the caller sees in full.
    fn mask(&mut self, clear: &Clear) {
        let _ = clear;
    }

    /// Whether a request looks for something by a personal field: whoever sees that field masked must not find it out by
    /// asking often enough.
    fn asks_personal(&self) -> bool {
        false
    }
}

/// A file as it is: what may stand in it was decided when it was made.
impl Mask for crate::google::api::HttpBody {}

/// The first character is left of a name.
pub fn name(text: &mut String) {
    if let Some(first) = text.chars().next() {
        *text = format!("{first}**");
    }
}

/// The last four digits are left of a number; two of a short one.
pub fn phone(text: &mut String) {
    let digits = text.chars().count();
    let kept = if digits > 8 { 4 } else { 2.min(digits / 2) };
    *text = text.chars().enumerate().map(|(at, digit)| if at + kept < digits { '*' } else { digit }).collect();
}

/// Nothing is left of a text but that there is one.
pub fn text(text: &mut String) {
    if !text.is_empty() {
        *text = "***".to_owned();
    }
}

/// Nothing is left, where programs read the field.
pub fn blank(text: &mut String) {
    text.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_left() {
        for (masks, before, after) in [
            (name as fn(&mut String), "张小明", "张**"),
            (name, "", ""),
            (phone, "+8613800138000", "**********8000"),
            (phone, "5551234", "*****34"),
            (phone, "1", "*"),
            (phone, "", ""),
            (text, "漕溪北路 88 号", "***"),
            (text, "", ""),
            (blank, "1990-01-01", ""),
        ] {
            let mut value = before.to_owned();
            masks(&mut value);
            assert_eq!(value, after, "{before}");
        }
    }
}
