//! Durations as people write them: `250ms`, `2s`, `15m`, `1h30m`, `7d`.

use std::time::Duration;

/// One duration, for `#[serde(with = "common::config::duration")]`.
pub mod duration {
    use std::{fmt::Write as _, time::Duration};

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    /// Milliseconds of each unit, the longest first.
    const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

    /// Reads one.
    ///
    /// # Errors
    ///
    /// Says what was expected.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no duration; write it like 2s, 15m or 1h30m")))
    }

    /// Writes one in the same form.
    ///
    /// # Errors
    ///
    /// Only the serialiser's own.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format(*duration))
    }

    /// The duration that a text says; `None` when it says none. A bare `0` is allowed, other numbers need a unit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Duration> {
        let mut rest = text.trim();
        if rest == "0" {
            return Some(Duration::ZERO);
        }
        let mut millis = 0_u64;
        let mut unit_before = u64::MAX;
        while !rest.is_empty() {
            let digits = rest.find(|character: char| !character.is_ascii_digit())?;
            let number: u64 = rest.get(..digits)?.parse().ok()?;
            let tail = rest.get(digits..)?;
            let letters = tail.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(tail.len());
            let (_, unit) = UNITS.into_iter().find(|(name, _)| Some(*name) == tail.get(..letters))?;
            // `30m1h` and `1h1h` are slips of the pen.
            if unit >= unit_before {
                return None;
            }
            unit_before = unit;
            millis = millis.checked_add(number.checked_mul(unit)?)?;
            rest = tail.get(letters..)?;
        }
        (unit_before != u64::MAX).then(|| Duration::from_millis(millis))
    }

    /// The shortest text that says the duration, in whole milliseconds.
    #[must_use]
    pub fn format(duration: Duration) -> String {
        let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 {
            return "0s".to_owned();
        }
        let mut text = String::new();
        for (name, unit) in UNITS {
            if millis >= unit {
                let _ = write!(text, "{}{name}", millis / unit);
                millis %= unit;
            }
        }
        text
    }
}

/// Several durations, for `#[serde(with = "common::config::duration_list")]`.
pub mod duration_list {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::{Duration, duration};

    /// Reads a list.
    ///
    /// # Errors
    ///
    /// Says which entry is no duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let read = |text: String| {
            duration::parse(&text)
                .ok_or_else(|| D::Error::custom(format!("`{text}` is no duration; write it like 2s or 15m")))
        };
        texts.into_iter().map(read).collect()
    }

    /// Writes a list in the same form.
    ///
    /// # Errors
    ///
    /// Only the serialiser's own.
    pub fn serialize<S: Serializer>(durations: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(durations.iter().map(|one| duration::format(*one)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in
            [("0", 0), ("250ms", 250), ("2s", 2_000), ("15m", 900_000), ("1h30m", 5_400_000), ("7d", 604_800_000)]
        {
            assert_eq!(duration::parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "m", "5x", "1m1h", "1h1h", "-5s", "1.5h", "99999999999999999999s", "213503982334602d"] {
            assert_eq!(duration::parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_again(millis in 0_u64..10_000_000_000) {
            let duration = Duration::from_millis(millis);
            proptest::prop_assert_eq!(duration::parse(&duration::format(duration)), Some(duration));
        }
    }
}
