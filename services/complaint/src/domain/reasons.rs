//! The tree of reasons a complaint can have: subject, then reason. It is data, embedded and versioned with the program.

use common::error::{Error, Result};
use serde::Deserialize;

use super::values::Subject;

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    /// Its code, which begins with its subject or a word of its own.
    pub(crate) code: String,
    /// The subject it belongs to.
    pub(crate) subject: Subject,
    /// English name.
    pub(crate) en: String,
    /// Chinese name.
    pub(crate) zh: String,
}

/// The tree.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reasons {
    /// All reasons, by subject; the first of a subject is its general one.
    pub(crate) reason: Vec<Reason>,
}

impl Reasons {
    /// The reason of that code within a subject; an empty code is the subject's general reason.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` when the subject has no such reason.
    pub(crate) fn within(&self, subject: Subject, code: &str) -> Result<&Reason> {
        self.reason
            .iter()
            .find(|reason| reason.subject == subject && (code.is_empty() || reason.code == code))
            .ok_or_else(|| Error::invalid("reason_code", "reason.of_subject"))
    }

    /// The reason of that code, whatever its subject.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` when there is none.
    pub(crate) fn find(&self, code: &str) -> Result<&Reason> {
        self.reason
            .iter()
            .find(|reason| reason.code == code)
            .ok_or_else(|| Error::invalid("reason_code", "reason.known"))
    }
}
