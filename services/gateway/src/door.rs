//! What every surface of the gateway shares, and what each call must have before it is let in.

use std::sync::Arc;

use common::{
    Error,
    auth::Identity,
    catalog::{Catalog, Language},
    clock::Clock,
    error::reason,
    id::Ids,
    rpc::status_in,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{Limits, contract::Contract, rest::table::Table, upstream::Upstreams};

/// The shared parts.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) contract: Contract,
    pub(crate) table: Table,
    pub(crate) upstreams: Upstreams,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) identity: Identity,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) config: Limits,
    pub(crate) development: bool,
    pub(crate) calls: Semaphore,
}

impl Door {
    /// 128 bits nobody can guess.
    pub(crate) fn random(&self) -> Uuid {
        self.ids.uuid(self.clock.now())
    }

    /// A place among the calls in work, or the refusal of a full house.
    pub(crate) fn enter(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.calls.try_acquire().map_err(|_| Error::new(reason::OVERLOADED))
    }

    /// The gateway's own refusal, in the caller's language.
    pub(crate) fn refuse(&self, language: Language, error: Error) -> Status {
        status_in(&self.catalog, language, error)
    }

    /// The status of a call that never got an answer from its service. What the transport says is for the log.
    pub(crate) fn unanswered(&self, language: Language, status: Status) -> Status {
        let reason = match status.code() {
            Code::Unimplemented | Code::ResourceExhausted => return status,
            Code::DeadlineExceeded => reason::DEADLINE_EXCEEDED,
            _ => reason::UNAVAILABLE,
        };
        self.refuse(language, Error::new(reason).caused_by(status))
    }
}
