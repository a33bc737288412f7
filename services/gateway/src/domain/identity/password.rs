//! What makes a password good enough: long, not among the well-known ones, not made of the person's own name.
//! No rules about kinds of characters: they make passwords worse (NIST SP 800-63B, 5.1.1.2).

use common::error::{Error, Result};

use crate::error::PASSWORD_TOO_WEAK;

/// Well-known passwords, lower case, one a line.
const COMMON: &str = include_str!("../../../data/common_passwords.txt");
/// Characters that must differ from each other.
const LEAST_DIFFERENT: usize = 5;

/// Checks a new password.
///
/// # Errors
///
/// `PASSWORD_TOO_WEAK` with the `rule` it breaks.
pub(crate) fn check(password: &str, least: usize, username: &str, display_name: &str) -> Result<()> {
    let weak = |rule: &str| Err(Error::new(PASSWORD_TOO_WEAK).with("rule", rule).with("least_length", least));
    if password.chars().count() < least {
        return weak("length");
    }
    let lower = password.to_lowercase();
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < LEAST_DIFFERENT {
        return weak("repetition");
    }
    let core = lower.trim_matches(|letter: char| !letter.is_alphabetic());
    if COMMON.lines().any(|common| common == lower || (core.len() >= 4 && common == core)) {
        return weak("common");
    }
    let own = |name: &str| name.chars().count() >= 3 && lower.contains(&name.to_lowercase());
    if own(username) || own(display_name) {
        return weak("own_name");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_ones_are_refused_by_name() {
        for (password, rule) in [
            ("short", "length"),
            ("aaaaaaaaaaaa", "repetition"),
            ("password123", "common"),
            ("Password2026!", "common"),
            ("1234567890", "common"),
            ("qwertyuiop", "common"),
            ("wang.lei-2026-x", "own_name"),
        ] {
            let refused = check(password, 10, "wang.lei", "王").unwrap_err();
            assert_eq!(refused.facts["rule"], rule, "{password}");
        }
        for good in ["correct horse battery", "洗衣机不排水怎么办啊呀", "x7!kfpQ02b"] {
            check(good, 10, "wang.lei", "王雷").unwrap();
        }
    }
}
