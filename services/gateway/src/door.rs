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
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    Limits,
    audit::Buffer,
    contract::Contract,
    entrance::Entrance,
    files::Files,
    protection::{Protection, classes::Plans},
    rest::table::Table,
    upstream::Upstreams,
};

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
    /// What is to be known of every RPC before a call is let in.
    pub(crate) plans: Arc<Plans>,
    pub(crate) protection: Protection,
    /// The bytes of files; none where the gateway's own service is not in this process.
    pub(crate) files: Option<Files>,
    /// What reads and refusals leave in the audit trail.
    pub(crate) audit: Option<Buffer>,
    /// Cancelled when the process begins to stop.
    pub(crate) stopping: CancellationToken,
    pub(crate) entrance: Entrance,
}

impl Door {
    /// 128 bits nobody can guess.
    pub(crate) fn random(&self) -> Uuid {
        self.ids.uuid(self.clock.now())
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
