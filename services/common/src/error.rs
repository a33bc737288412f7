//! The one error type: a closed kind, a stable reason, facts for the caller, and the cause for the log only.

use std::{collections::BTreeMap, fmt, time::Duration};

use sea_orm::{DbErr, RuntimeErr};

/// What went wrong, as far as a program can act on it. Total functions turn it into gRPC and HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is malformed; sending it again cannot help.
    InvalidArgument,
    /// There is no such record, or the caller may not know of it.
    NotFound,
    /// Something of that identity is there already.
    AlreadyExists,
    /// The record's state does not allow it.
    FailedPrecondition,
    /// The record changed meanwhile: load it again and decide again.
    Aborted,
    /// The caller is known and may not.
    PermissionDenied,
    /// The caller is not known.
    Unauthenticated,
    /// A limit is reached; later may help.
    ResourceExhausted,
    /// A part is down; a repeat may help.
    Unavailable,
    /// Time ran out.
    DeadlineExceeded,
    /// Our fault.
    Internal,
}

impl Kind {
    /// The gRPC code.
    #[must_use]
    pub fn code(self) -> tonic::Code {
        match self {
            Self::InvalidArgument => tonic::Code::InvalidArgument,
            Self::NotFound => tonic::Code::NotFound,
            Self::AlreadyExists => tonic::Code::AlreadyExists,
            Self::FailedPrecondition => tonic::Code::FailedPrecondition,
            Self::Aborted => tonic::Code::Aborted,
            Self::PermissionDenied => tonic::Code::PermissionDenied,
            Self::Unauthenticated => tonic::Code::Unauthenticated,
            Self::ResourceExhausted => tonic::Code::ResourceExhausted,
            Self::Unavailable => tonic::Code::Unavailable,
            Self::DeadlineExceeded => tonic::Code::DeadlineExceeded,
            Self::Internal => tonic::Code::Internal,
        }
    }
}

/// A stable name for one way to be refused. Its texts stand in the message catalogues under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `UPPER_SNAKE_CASE`, stable for ever.
    pub name: &'static str,
    /// The kind it belongs to.
    pub kind: Kind,
}

impl Reason {
    /// Declares a reason.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind }
    }
}

/// The reasons that every service can answer with.
pub mod reason {
    use super::{Kind, Reason};

    /// One or more fields break their rules.
    pub const INVALID_FIELDS: Reason = Reason::new("INVALID_FIELDS", Kind::InvalidArgument);
    /// An id is not of the form of its type.
    pub const INVALID_ID: Reason = Reason::new("INVALID_ID", Kind::InvalidArgument);
    /// A page token was not made by this server for this list and these filters.
    pub const INVALID_PAGE_TOKEN: Reason = Reason::new("INVALID_PAGE_TOKEN", Kind::InvalidArgument);
    /// A list cannot be ordered that way.
    pub const INVALID_ORDER: Reason = Reason::new("INVALID_ORDER", Kind::InvalidArgument);
    /// There is no such record.
    pub const NOT_FOUND: Reason = Reason::new("NOT_FOUND", Kind::NotFound);
    /// The record is in a state from which the action does not lead.
    pub const ILLEGAL_TRANSITION: Reason = Reason::new("ILLEGAL_TRANSITION", Kind::FailedPrecondition);
    /// The etag is older than the record.
    pub const STALE_ETAG: Reason = Reason::new("STALE_ETAG", Kind::Aborted);
    /// Another change won; a repeat may succeed.
    pub const CONFLICT: Reason = Reason::new("CONFLICT", Kind::Aborted);
    /// The request id was used with another body.
    pub const REQUEST_ID_REUSED: Reason = Reason::new("REQUEST_ID_REUSED", Kind::AlreadyExists);
    /// The caller's role may not do this.
    pub const NOT_ALLOWED: Reason = Reason::new("NOT_ALLOWED", Kind::PermissionDenied);
    /// The record would lie outside what the caller sees.
    pub const OUT_OF_REACH: Reason = Reason::new("OUT_OF_REACH", Kind::PermissionDenied);
    /// A list was asked for by data that the caller sees masked.
    pub const PERSONAL_FILTER: Reason = Reason::new("PERSONAL_FILTER", Kind::PermissionDenied);
    /// The caller is not known.
    pub const UNAUTHENTICATED: Reason = Reason::new("UNAUTHENTICATED", Kind::Unauthenticated);
    /// A part this call needs is down.
    pub const UNAVAILABLE: Reason = Reason::new("UNAVAILABLE", Kind::Unavailable);
    /// The call ran out of time.
    pub const DEADLINE_EXCEEDED: Reason = Reason::new("DEADLINE_EXCEEDED", Kind::DeadlineExceeded);
    /// More calls are in work than this process takes; a repeat after a moment helps.
    pub const OVERLOADED: Reason = Reason::new("OVERLOADED", Kind::ResourceExhausted);
    /// Our fault; the log has it.
    pub const INTERNAL: Reason = Reason::new("INTERNAL", Kind::Internal);

    /// All of them, for the error table.
    pub const ALL: &[Reason] = &[
        INVALID_FIELDS,
        INVALID_ID,
        INVALID_PAGE_TOKEN,
        INVALID_ORDER,
        NOT_FOUND,
        ILLEGAL_TRANSITION,
        STALE_ETAG,
        CONFLICT,
        REQUEST_ID_REUSED,
        NOT_ALLOWED,
        OUT_OF_REACH,
        PERSONAL_FILTER,
        UNAUTHENTICATED,
        UNAVAILABLE,
        DEADLINE_EXCEEDED,
        OVERLOADED,
        INTERNAL,
    ];
}

/// One field of the request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field, for example `contact.phones[1].number`.
    pub field: String,
    /// The rule it breaks, for example `string.max_len`.
    pub rule: String,
    /// The rule's limit, as text.
    pub limit: String,
}

/// A refusal or a failure. What the caller sees (reason, facts, fields) and what the log sees (cause) are two things.
#[derive(Debug)]
pub struct Error {
    /// The stable reason.
    pub reason: Reason,
    /// Facts that fill the message's `{placeholders}` and that a program may read.
    pub facts: BTreeMap<&'static str, String>,
    /// Fields at fault.
    pub fields: Vec<FieldViolation>,
    /// How long a repeat has no prospect, where that is known.
    pub retry_after: Option<Duration>,
    cause: Option<anyhow::Error>,
    /// Not a failure at all: the answer that this request id got before, on its way out.
    first_answer: Option<Vec<u8>>,
}

/// The result of everything that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A refusal with this reason.
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        Self { reason, facts: BTreeMap::new(), fields: Vec::new(), retry_after: None, cause: None, first_answer: None }
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.facts.insert(name, value.to_string());
        self
    }

    /// Adds a field at fault.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, rule: impl Into<String>) -> Self {
        self.fields.push(FieldViolation { field: field.into(), rule: rule.into(), limit: String::new() });
        self
    }

    /// Says when a repeat has a prospect.
    #[must_use]
    pub fn after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// One field is wrong, by a rule that the contract cannot say (a date before another, an unknown code).
    #[must_use]
    pub fn invalid(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::new(reason::INVALID_FIELDS).field(field, rule)
    }

    /// There is no such record.
    #[must_use]
    pub fn not_found(record_kind: &'static str, id: impl ToString) -> Self {
        Self::new(reason::NOT_FOUND).with("record_kind", record_kind).with("id", id)
    }

    /// The state machine has no such edge; `allowed` are the actions that the present state does allow.
    #[must_use]
    pub fn illegal(record_kind: &'static str, action: &str, state: &str, allowed: &[&str]) -> Self {
        Self::new(reason::ILLEGAL_TRANSITION)
            .with("record_kind", record_kind)
            .with("action", action)
            .with("state", state)
            .with("allowed", allowed.join(", "))
    }

    /// Our fault, with its cause for the log.
    #[must_use]
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(reason::INTERNAL).caused_by(cause)
    }

    /// Ends a repeated request early with the answer it got the first time. It is an early return, not a failure:
    /// `rpc::leave` turns it into the answer.
    pub(crate) fn repeated(first_answer: Vec<u8>) -> Self {
        let mut error = Self::new(reason::REQUEST_ID_REUSED);
        error.first_answer = Some(first_answer);
        error
    }

    /// The first answer, when this is a repeated request.
    pub fn take_first_answer(&mut self) -> Option<Vec<u8>> {
        self.first_answer.take()
    }

    /// The kind of the reason.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.reason.kind
    }

    /// The cause, for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&anyhow::Error> {
        self.cause.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.reason.name)?;
        for (name, value) in &self.facts {
            write!(out, " {name}={value}")?;
        }
        for field in &self.fields {
            write!(out, " {}:{}", field.field, field.rule)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause.as_ref() as &(dyn std::error::Error + 'static))
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        let reason = match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => reason::UNAVAILABLE,
            DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => sql_reason(inner),
            _ => reason::INTERNAL,
        };
        Self::new(reason).caused_by(error)
    }
}

/// Serialisation failures, deadlocks and busy locks are conflicts; lost connections are outages; the rest is our fault.
fn sql_reason(error: &sea_orm::sqlx::Error) -> Reason {
    match error {
        sea_orm::sqlx::Error::Database(database) => match database.code().as_deref() {
            Some("40001" | "40P01" | "55P03" | "5" | "517" | "261") => reason::CONFLICT,
            Some("57014") => reason::DEADLINE_EXCEEDED,
            Some(code) if code.starts_with("08") || code.starts_with("57P") || code.starts_with("53") => {
                reason::UNAVAILABLE
            }
            _ if database.is_unique_violation() => reason::CONFLICT,
            _ => reason::INTERNAL,
        },
        sea_orm::sqlx::Error::Io(_) | sea_orm::sqlx::Error::PoolTimedOut | sea_orm::sqlx::Error::PoolClosed => {
            reason::UNAVAILABLE
        }
        _ => reason::INTERNAL,
    }
}
