//! The reasons of the gateway itself.

use common::error::{Kind, Reason};

/// The body is no JSON.
pub const MALFORMED_JSON: Reason = Reason::new("MALFORMED_JSON", Kind::InvalidArgument);
/// The body or the query has no such field.
pub const UNKNOWN_FIELD: Reason = Reason::new("UNKNOWN_FIELD", Kind::InvalidArgument);
/// The body is larger than the door takes.
pub const BODY_TOO_LARGE: Reason = Reason::new("BODY_TOO_LARGE", Kind::InvalidArgument);
/// The body did not arrive in time.
pub const BODY_TOO_SLOW: Reason = Reason::new("BODY_TOO_SLOW", Kind::DeadlineExceeded);
/// The body is of a type that this call does not take.
pub const UNSUPPORTED_MEDIA_TYPE: Reason = Reason::new("UNSUPPORTED_MEDIA_TYPE", Kind::InvalidArgument);
/// There is nothing at this path.
pub const UNKNOWN_PATH: Reason = Reason::new("UNKNOWN_PATH", Kind::NotFound);
/// The path is known, the method is not.
pub const METHOD_NOT_ALLOWED: Reason = Reason::new("METHOD_NOT_ALLOWED", Kind::InvalidArgument);
/// The caller has called too often.
pub const RATE_LIMITED: Reason = Reason::new("RATE_LIMITED", Kind::ResourceExhausted);
/// The partner's calls of this day are used up.
pub const QUOTA_EXHAUSTED: Reason = Reason::new("QUOTA_EXHAUSTED", Kind::ResourceExhausted);
/// A stream ended for our sake; its client goes on where it stopped.
pub const STREAM_ENDED: Reason = Reason::new("STREAM_ENDED", Kind::Unavailable);
/// Name, password or code are not those of somebody who may sign in: nobody learns which.
pub const SIGN_IN_REFUSED: Reason = Reason::new("SIGN_IN_REFUSED", Kind::Unauthenticated);
/// Too many failed tries; wait.
pub const SIGN_IN_LOCKED: Reason = Reason::new("SIGN_IN_LOCKED", Kind::ResourceExhausted);
/// The session is over: sign in again.
pub const SESSION_ENDED: Reason = Reason::new("SESSION_ENDED", Kind::Unauthenticated);
/// The code of the second factor is not right, or was used before.
pub const CODE_REFUSED: Reason = Reason::new("CODE_REFUSED", Kind::Unauthenticated);
/// The new password is too easy to guess.
pub const PASSWORD_TOO_WEAK: Reason = Reason::new("PASSWORD_TOO_WEAK", Kind::InvalidArgument);
/// First the password must be changed.
pub const PASSWORD_CHANGE_REQUIRED: Reason = Reason::new("PASSWORD_CHANGE_REQUIRED", Kind::PermissionDenied);
/// Another account has this name.
pub const USERNAME_TAKEN: Reason = Reason::new("USERNAME_TAKEN", Kind::AlreadyExists);
/// Another account has this e-mail address.
pub const EMAIL_TAKEN: Reason = Reason::new("EMAIL_TAKEN", Kind::AlreadyExists);
/// There is a second factor already.
pub const TOTP_ALREADY_ENABLED: Reason = Reason::new("TOTP_ALREADY_ENABLED", Kind::FailedPrecondition);
/// There is no second factor.
pub const TOTP_NOT_ENROLLED: Reason = Reason::new("TOTP_NOT_ENROLLED", Kind::FailedPrecondition);
/// Nobody would be left who runs the platform.
pub const LAST_ADMIN: Reason = Reason::new("LAST_ADMIN", Kind::FailedPrecondition);
/// The partner's program was not given this group of calls.
pub const SCOPE_MISSING: Reason = Reason::new("SCOPE_MISSING", Kind::PermissionDenied);
/// The partner's program may not call from there.
pub const ADDRESS_NOT_ALLOWED: Reason = Reason::new("ADDRESS_NOT_ALLOWED", Kind::PermissionDenied);
/// The partner's program has made all the calls of its day.
pub const DAILY_QUOTA_EXCEEDED: Reason = Reason::new("DAILY_QUOTA_EXCEEDED", Kind::ResourceExhausted);
/// Two secrets are live; retire one first.
pub const TWO_SECRETS_ALREADY: Reason = Reason::new("TWO_SECRETS_ALREADY", Kind::FailedPrecondition);
/// The link is forged, over or revoked: nobody learns which.
pub const LINK_NOT_VALID: Reason = Reason::new("LINK_NOT_VALID", Kind::NotFound);
/// No provider of identities has this name.
pub const UNKNOWN_PROVIDER: Reason = Reason::new("UNKNOWN_PROVIDER", Kind::NotFound);
/// The provider did not answer, or not in time.
pub const PROVIDER_UNAVAILABLE: Reason = Reason::new("PROVIDER_UNAVAILABLE", Kind::Unavailable);
/// The provider let nobody in, or what it says cannot be believed.
pub const PROVIDER_REFUSED: Reason = Reason::new("PROVIDER_REFUSED", Kind::Unauthenticated);
/// The sign-in took too long, was finished already, or began elsewhere.
pub const SIGN_IN_OVER: Reason = Reason::new("SIGN_IN_OVER", Kind::Unauthenticated);
/// The provider knows the person, and nobody here does.
pub const NO_ACCOUNT: Reason = Reason::new("NO_ACCOUNT", Kind::Unauthenticated);
/// Another account is linked to this identity.
pub const IDENTITY_TAKEN: Reason = Reason::new("IDENTITY_TAKEN", Kind::AlreadyExists);
/// The visit has not ended: its report is written when it has.
pub const REPORT_NOT_READY: Reason = Reason::new("REPORT_NOT_READY", Kind::FailedPrecondition);
/// No visit can be moved by this link.
pub const VISIT_NOT_MOVABLE: Reason = Reason::new("VISIT_NOT_MOVABLE", Kind::FailedPrecondition);

/// The path names no list.
pub const NO_LIST: Reason = Reason::new("NO_LIST", Kind::InvalidArgument);
/// The list is too long to be sent at once in this form.
pub const LIST_TOO_LONG: Reason = Reason::new("LIST_TOO_LONG", Kind::FailedPrecondition);
/// The caller has too many open jobs.
pub const TOO_MANY_JOBS: Reason = Reason::new("TOO_MANY_JOBS", Kind::ResourceExhausted);
/// The file holds no lines.
pub const FILE_EMPTY: Reason = Reason::new("FILE_EMPTY", Kind::InvalidArgument);
/// The file is neither CSV nor a workbook.
pub const FILE_UNREADABLE: Reason = Reason::new("FILE_UNREADABLE", Kind::InvalidArgument);
/// The workbook unpacks to more than is taken.
pub const FILE_UNSAFE: Reason = Reason::new("FILE_UNSAFE", Kind::InvalidArgument);
/// The file has more lines than are taken.
pub const FILE_TOO_LONG: Reason = Reason::new("FILE_TOO_LONG", Kind::InvalidArgument);
/// Nothing is imported from a column of this heading.
pub const COLUMN_UNKNOWN: Reason = Reason::new("COLUMN_UNKNOWN", Kind::InvalidArgument);
/// A needed column is missing.
pub const COLUMN_MISSING: Reason = Reason::new("COLUMN_MISSING", Kind::InvalidArgument);
/// Two columns mean the same.
pub const COLUMN_TWICE: Reason = Reason::new("COLUMN_TWICE", Kind::InvalidArgument);
/// A needed cell is empty.
pub const CELL_MISSING: Reason = Reason::new("CELL_MISSING", Kind::InvalidArgument);
/// A cell does not hold what its column holds.
pub const CELL_UNREADABLE: Reason = Reason::new("CELL_UNREADABLE", Kind::InvalidArgument);
/// An earlier line of the file has the same value.
pub const LINE_TWICE: Reason = Reason::new("LINE_TWICE", Kind::InvalidArgument);
/// No record is called so.
pub const REFERENCE_UNKNOWN: Reason = Reason::new("REFERENCE_UNKNOWN", Kind::NotFound);
/// Several records are called so.
pub const REFERENCE_AMBIGUOUS: Reason = Reason::new("REFERENCE_AMBIGUOUS", Kind::FailedPrecondition);

/// The customer has something open.
pub const CUSTOMER_HAS_OPEN_CASES: Reason = Reason::new("CUSTOMER_HAS_OPEN_CASES", Kind::FailedPrecondition);
/// Records of the customer must be kept for a time.
pub const CUSTOMER_MUST_BE_KEPT: Reason = Reason::new("CUSTOMER_MUST_BE_KEPT", Kind::FailedPrecondition);
/// The file is of no kind that is taken.
pub const FILE_TYPE_NOT_TAKEN: Reason = Reason::new("FILE_TYPE_NOT_TAKEN", Kind::InvalidArgument);
/// The file is not what its sender says.
pub const FILE_TYPE_MISMATCH: Reason = Reason::new("FILE_TYPE_MISMATCH", Kind::InvalidArgument);
/// The file is larger than its kind may be.
pub const FILE_TOO_LARGE: Reason = Reason::new("FILE_TOO_LARGE", Kind::InvalidArgument);
/// The image has more pixels than are decoded.
pub const IMAGE_TOO_LARGE: Reason = Reason::new("IMAGE_TOO_LARGE", Kind::InvalidArgument);
/// The file cannot be read as what it begins as.
pub const FILE_DAMAGED: Reason = Reason::new("FILE_DAMAGED", Kind::InvalidArgument);
/// The connection broke before the file was whole.
pub const FILE_CUT: Reason = Reason::new("FILE_CUT", Kind::InvalidArgument);
/// The file belongs to a record already.
pub const FILE_ATTACHED: Reason = Reason::new("FILE_ATTACHED", Kind::FailedPrecondition);
/// There is no kind of record of that name that can have files.
pub const UNKNOWN_RECORD_KIND: Reason = Reason::new("UNKNOWN_RECORD_KIND", Kind::InvalidArgument);
/// The upload ends elsewhere.
pub const UPLOAD_OFFSET: Reason = Reason::new("UPLOAD_OFFSET", Kind::Aborted);
/// The caller has begun more uploads than may be open.
pub const TOO_MANY_UPLOADS: Reason = Reason::new("TOO_MANY_UPLOADS", Kind::ResourceExhausted);

/// All of them, for the error table.
pub const ALL: &[Reason] = &[
    MALFORMED_JSON,
    UNKNOWN_FIELD,
    BODY_TOO_LARGE,
    BODY_TOO_SLOW,
    UNSUPPORTED_MEDIA_TYPE,
    UNKNOWN_PATH,
    METHOD_NOT_ALLOWED,
    FILE_TYPE_NOT_TAKEN,
    FILE_TYPE_MISMATCH,
    FILE_TOO_LARGE,
    IMAGE_TOO_LARGE,
    FILE_DAMAGED,
    FILE_CUT,
    FILE_ATTACHED,
    UNKNOWN_RECORD_KIND,
    UPLOAD_OFFSET,
    TOO_MANY_UPLOADS,
    RATE_LIMITED,
    QUOTA_EXHAUSTED,
    STREAM_ENDED,
    NO_LIST,
    LIST_TOO_LONG,
    TOO_MANY_JOBS,
    FILE_EMPTY,
    FILE_UNREADABLE,
    FILE_UNSAFE,
    FILE_TOO_LONG,
    COLUMN_UNKNOWN,
    COLUMN_MISSING,
    COLUMN_TWICE,
    CELL_MISSING,
    CELL_UNREADABLE,
    LINE_TWICE,
    REFERENCE_UNKNOWN,
    REFERENCE_AMBIGUOUS,
    CUSTOMER_HAS_OPEN_CASES,
    CUSTOMER_MUST_BE_KEPT,
    SIGN_IN_REFUSED,
    SIGN_IN_LOCKED,
    SESSION_ENDED,
    CODE_REFUSED,
    PASSWORD_TOO_WEAK,
    PASSWORD_CHANGE_REQUIRED,
    USERNAME_TAKEN,
    EMAIL_TAKEN,
    TOTP_ALREADY_ENABLED,
    TOTP_NOT_ENROLLED,
    LAST_ADMIN,
    SCOPE_MISSING,
    ADDRESS_NOT_ALLOWED,
    DAILY_QUOTA_EXCEEDED,
    TWO_SECRETS_ALREADY,
    LINK_NOT_VALID,
    UNKNOWN_PROVIDER,
    PROVIDER_UNAVAILABLE,
    PROVIDER_REFUSED,
    SIGN_IN_OVER,
    NO_ACCOUNT,
    IDENTITY_TAKEN,
    REPORT_NOT_READY,
    VISIT_NOT_MOVABLE,
];
