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

/// All of them, for the error table.
pub const ALL: &[Reason] = &[
    MALFORMED_JSON,
    UNKNOWN_FIELD,
    BODY_TOO_LARGE,
    BODY_TOO_SLOW,
    UNSUPPORTED_MEDIA_TYPE,
    UNKNOWN_PATH,
    METHOD_NOT_ALLOWED,
    RATE_LIMITED,
    QUOTA_EXHAUSTED,
    STREAM_ENDED,
];
