//! The id of an entry of a stream.

use std::fmt;

/// `<milliseconds>-<sequence>`, ordered as Redis orders it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// Milliseconds since 1970, by the clock of Redis.
    pub millis: u64,
    /// Counts entries of one millisecond.
    pub sequence: u64,
}

impl EntryId {
    /// Before every entry: the tail of a stream that is empty or gone.
    pub const START: Self = Self { millis: 0, sequence: 0 };

    /// Reads `<milliseconds>-<sequence>`, with or without leading zeros.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (millis, sequence) = text.split_once('-')?;
        Some(Self { millis: millis.parse().ok()?, sequence: sequence.parse().ok()? })
    }

    /// A form that sorts as text, for the database.
    #[must_use]
    pub fn sortable(self) -> String {
        format!("{:020}-{:020}", self.millis, self.sequence)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.millis, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sortable_form_sorts_as_the_ids_do() {
        let ids = ["0-0", "9-1", "10-0", "10-2", "10-10", "1700000000000-0", "1700000000000-1"];
        let parsed: Vec<_> = ids.iter().map(|id| EntryId::parse(id).unwrap()).collect();
        let texts: Vec<_> = parsed.iter().map(|id| id.sortable()).collect();
        assert!(parsed.is_sorted() && texts.is_sorted());
        for ((text, id), sortable) in ids.iter().zip(&parsed).zip(&texts) {
            assert_eq!(id.to_string(), *text);
            assert_eq!(EntryId::parse(sortable), Some(*id));
        }
    }

    #[test]
    fn what_is_no_entry_id_is_refused() {
        for text in ["", "1", "1-", "-1", "a-1", "1-b", "1-2-3"] {
            assert_eq!(EntryId::parse(text), None, "{text}");
        }
    }
}
