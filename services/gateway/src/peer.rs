//! What other services answer, in the gateway's own words.

use common::error::{Error, Result, reason};
use prost::Message as _;
use tonic::{Code, Response, Status};

/// Facts of a peer's refusal that are passed on.
const FACTS: [&str; 6] = ["record_kind", "id", "role", "action", "state", "allowed"];

/// The answer, or the peer's refusal as one of ours.
///
/// # Errors
///
/// The refusal.
pub(crate) fn answered<A>(answer: std::result::Result<Response<A>, Status>) -> Result<A> {
    answer.map(Response::into_inner).map_err(refusal)
}

fn refusal(status: Status) -> Error {
    let reason = match status.code() {
        Code::NotFound => reason::NOT_FOUND,
        Code::InvalidArgument => reason::INVALID_FIELDS,
        Code::PermissionDenied => reason::NOT_ALLOWED,
        Code::FailedPrecondition => reason::ILLEGAL_TRANSITION,
        Code::Aborted => reason::CONFLICT,
        Code::ResourceExhausted => reason::OVERLOADED,
        Code::DeadlineExceeded => reason::DEADLINE_EXCEEDED,
        Code::Unavailable | Code::Cancelled | Code::Unknown => reason::UNAVAILABLE,
        _ => reason::INTERNAL,
    };
    let mut error = Error::new(reason);
    let details = proto::google::rpc::Status::decode(status.details()).unwrap_or_default().details;
    let info = details.iter().find(|detail| detail.type_url.ends_with("google.rpc.ErrorInfo"));
    let info = info.and_then(|detail| proto::google::rpc::ErrorInfo::decode(&*detail.value).ok()).unwrap_or_default();
    for fact in FACTS {
        if let Some(value) = info.metadata.get(fact) {
            error = error.with(fact, value);
        }
    }
    error.caused_by(status)
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    #[test]
    fn a_refusal_keeps_its_kind_and_its_facts() {
        let facts = [("record_kind".to_owned(), "customer".to_owned()), ("id".to_owned(), "cu_1".to_owned())];
        let details = ErrorDetails::with_error_info("NOT_FOUND", "aftercare", facts);
        let status = Status::with_error_details(Code::NotFound, "no", details);
        let error = answered::<()>(Err(status)).unwrap_err();
        assert_eq!(error.reason, reason::NOT_FOUND);
        assert_eq!((&*error.facts["record_kind"], &*error.facts["id"]), ("customer", "cu_1"));
    }
}
