//! The reasons with which intake refuses. Their texts stand in `messages/`.

use common::error::{Kind, Reason};

/// The file was merged into another one; change that one.
pub const ALREADY_MERGED: Reason = Reason::new("ALREADY_MERGED", Kind::FailedPrecondition);
/// A record cannot be merged with itself.
pub const MERGE_WITH_ITSELF: Reason = Reason::new("MERGE_WITH_ITSELF", Kind::InvalidArgument);
/// The telephone number does not exist in any plan.
pub const INVALID_PHONE: Reason = Reason::new("INVALID_PHONE", Kind::InvalidArgument);
/// Another product of that model has this serial number.
pub const SERIAL_TAKEN: Reason = Reason::new("SERIAL_TAKEN", Kind::AlreadyExists);
/// The product was exchanged and is no longer changed.
pub const PRODUCT_EXCHANGED: Reason = Reason::new("PRODUCT_EXCHANGED", Kind::FailedPrecondition);
/// The product belongs to another customer.
pub const PRODUCT_OF_ANOTHER: Reason = Reason::new("PRODUCT_OF_ANOTHER", Kind::FailedPrecondition);
/// The partner has used this number for another request.
pub const EXTERNAL_REFERENCE_TAKEN: Reason = Reason::new("EXTERNAL_REFERENCE_TAKEN", Kind::AlreadyExists);
/// No visit can be made for this kind.
pub const KIND_HAS_NO_VISIT: Reason = Reason::new("KIND_HAS_NO_VISIT", Kind::FailedPrecondition);
/// A visit needs an address.
pub const ADDRESS_NEEDED: Reason = Reason::new("ADDRESS_NEEDED", Kind::FailedPrecondition);
/// Nobody has decided who pays.
pub const CHARGE_UNDECIDED: Reason = Reason::new("CHARGE_UNDECIDED", Kind::FailedPrecondition);
/// Charged work needs an accepted quote or the consent to a quote on site.
pub const QUOTE_NEEDED: Reason = Reason::new("QUOTE_NEEDED", Kind::FailedPrecondition);
/// The kind, charge or amount needs a supervisor's approval.
pub const APPROVAL_NEEDED: Reason = Reason::new("APPROVAL_NEEDED", Kind::FailedPrecondition);
/// It was refused with the same reason and amount.
pub const APPROVAL_UNCHANGED: Reason = Reason::new("APPROVAL_UNCHANGED", Kind::FailedPrecondition);
/// The amount is beyond the approver's limit.
pub const APPROVAL_BEYOND_LIMIT: Reason = Reason::new("APPROVAL_BEYOND_LIMIT", Kind::PermissionDenied);
/// Nobody approves what they asked for.
pub const APPROVER_IS_ASKER: Reason = Reason::new("APPROVER_IS_ASKER", Kind::PermissionDenied);
/// The request waits; end the wait first.
pub const REQUEST_ON_HOLD: Reason = Reason::new("REQUEST_ON_HOLD", Kind::FailedPrecondition);
/// Another service keeps a case of this kind; cancel the request and make another one.
pub const CASE_ELSEWHERE: Reason = Reason::new("CASE_ELSEWHERE", Kind::FailedPrecondition);
/// The request to merge into is no longer open.
pub const DUPLICATE_NOT_OPEN: Reason = Reason::new("DUPLICATE_NOT_OPEN", Kind::FailedPrecondition);
/// Place and product are not changed after the release.
pub const TOO_LATE_TO_CHANGE: Reason = Reason::new("TOO_LATE_TO_CHANGE", Kind::FailedPrecondition);
/// The article is not published.
pub const ARTICLE_NOT_PUBLISHED: Reason = Reason::new("ARTICLE_NOT_PUBLISHED", Kind::FailedPrecondition);
/// The request belongs to another customer.
pub const REQUEST_OF_ANOTHER: Reason = Reason::new("REQUEST_OF_ANOTHER", Kind::FailedPrecondition);

/// All of them, for the error table.
pub const ALL: &[Reason] = &[
    ALREADY_MERGED,
    MERGE_WITH_ITSELF,
    INVALID_PHONE,
    SERIAL_TAKEN,
    PRODUCT_EXCHANGED,
    PRODUCT_OF_ANOTHER,
    EXTERNAL_REFERENCE_TAKEN,
    KIND_HAS_NO_VISIT,
    ADDRESS_NEEDED,
    CHARGE_UNDECIDED,
    QUOTE_NEEDED,
    APPROVAL_NEEDED,
    APPROVAL_UNCHANGED,
    APPROVAL_BEYOND_LIMIT,
    APPROVER_IS_ASKER,
    REQUEST_ON_HOLD,
    CASE_ELSEWHERE,
    DUPLICATE_NOT_OPEN,
    TOO_LATE_TO_CHANGE,
    ARTICLE_NOT_PUBLISHED,
    REQUEST_OF_ANOTHER,
];
