//! The reasons that only this service answers with.

use common::error::{Kind, Reason};

/// A complaint from media or an authority came without the deadline they set.
pub(crate) const OUTSIDE_DEADLINE_MISSING: Reason = Reason::new("OUTSIDE_DEADLINE_MISSING", Kind::InvalidArgument);
/// Whoever caused a complaint neither judges nor approves it.
pub(crate) const CAUSED_BY_ACTOR: Reason = Reason::new("CAUSED_BY_ACTOR", Kind::PermissionDenied);
/// A major or crisis complaint is not judged by the unit it is about.
pub(crate) const JUDGED_BY_OWN_UNIT: Reason = Reason::new("JUDGED_BY_OWN_UNIT", Kind::PermissionDenied);
/// A reopened complaint is decided one level higher.
pub(crate) const LEVEL_TOO_LOW: Reason = Reason::new("LEVEL_TOO_LOW", Kind::PermissionDenied);
/// An unfounded complaint needs the reply that the customer got.
pub(crate) const REPLY_MISSING: Reason = Reason::new("REPLY_MISSING", Kind::InvalidArgument);
/// A defect within the months of presumption is ours until evidence disproves it.
pub(crate) const PROOF_MISSING: Reason = Reason::new("PROOF_MISSING", Kind::FailedPrecondition);
/// The shares of responsibility do not add up to 100.
pub(crate) const SHARES_NOT_WHOLE: Reason = Reason::new("SHARES_NOT_WHOLE", Kind::InvalidArgument);
/// There is no such solution.
pub(crate) const SOLUTION_UNKNOWN: Reason = Reason::new("SOLUTION_UNKNOWN", Kind::InvalidArgument);
/// There is no such action in the approved solution.
pub(crate) const ACTION_UNKNOWN: Reason = Reason::new("ACTION_UNKNOWN", Kind::InvalidArgument);
/// The action's state does not allow it.
pub(crate) const ACTION_NOT_OPEN: Reason = Reason::new("ACTION_NOT_OPEN", Kind::FailedPrecondition);
/// The solution costs more than the role may approve.
pub(crate) const APPROVAL_LIMIT: Reason = Reason::new("APPROVAL_LIMIT", Kind::PermissionDenied);
/// The compensation is more than the role may grant.
pub(crate) const COMPENSATION_LIMIT: Reason = Reason::new("COMPENSATION_LIMIT", Kind::PermissionDenied);
/// The unit's compensation of this month is spent.
pub(crate) const COMPENSATION_BUDGET: Reason = Reason::new("COMPENSATION_BUDGET", Kind::ResourceExhausted);
/// The customer has agreed already.
pub(crate) const ALREADY_AGREED: Reason = Reason::new("ALREADY_AGREED", Kind::FailedPrecondition);
/// Two follow-up tries are too close together to count as different times.
pub(crate) const TRY_TOO_SOON: Reason = Reason::new("TRY_TOO_SOON", Kind::FailedPrecondition);
/// There is no such promise, or it was kept.
pub(crate) const PROMISE_UNKNOWN: Reason = Reason::new("PROMISE_UNKNOWN", Kind::FailedPrecondition);
/// Something is missing before a complaint can be archived.
pub(crate) const ARCHIVE_INCOMPLETE: Reason = Reason::new("ARCHIVE_INCOMPLETE", Kind::FailedPrecondition);
/// Another complaint of the same matter is open.
pub(crate) const SAME_MATTER_OPEN: Reason = Reason::new("SAME_MATTER_OPEN", Kind::FailedPrecondition);
/// A corrective action of that cause is open.
pub(crate) const CORRECTIVE_ACTION_OPEN: Reason = Reason::new("CORRECTIVE_ACTION_OPEN", Kind::AlreadyExists);
/// The effect cannot be checked yet.
pub(crate) const CHECK_TOO_EARLY: Reason = Reason::new("CHECK_TOO_EARLY", Kind::FailedPrecondition);
/// The authority's case was entered already.
pub(crate) const CASE_KNOWN: Reason = Reason::new("CASE_KNOWN", Kind::AlreadyExists);

/// All of them.
pub(crate) const ALL: &[Reason] = &[
    OUTSIDE_DEADLINE_MISSING,
    CAUSED_BY_ACTOR,
    JUDGED_BY_OWN_UNIT,
    LEVEL_TOO_LOW,
    REPLY_MISSING,
    PROOF_MISSING,
    SHARES_NOT_WHOLE,
    SOLUTION_UNKNOWN,
    ACTION_UNKNOWN,
    ACTION_NOT_OPEN,
    APPROVAL_LIMIT,
    COMPENSATION_LIMIT,
    COMPENSATION_BUDGET,
    ALREADY_AGREED,
    TRY_TOO_SOON,
    PROMISE_UNKNOWN,
    ARCHIVE_INCOMPLETE,
    SAME_MATTER_OPEN,
    CORRECTIVE_ACTION_OPEN,
    CHECK_TOO_EARLY,
    CASE_KNOWN,
];

#[cfg(test)]
mod tests {
    use common::{catalog::Catalog, service::Definition as _};

    #[test]
    fn every_reason_has_both_texts() {
        let (english, chinese) = crate::Complaint::MESSAGES;
        let catalog = Catalog::load(english, chinese).unwrap();
        assert_eq!(catalog.missing(super::ALL), Vec::<&str>::new());
    }
}
