//! Answers a consumer that found a gap: the owner publishes what it still keeps. And answers the audit trail: the owner
//! tells what a change changed.

use proto::aftercare::common::v1::{
    Changes, GetChangesRequest, RepublishRequest, RepublishResponse,
    event_service_server::{EventService, EventServiceServer},
};
use tonic::{Request, Response, Status};

use crate::{
    error::{Error, Result, reason},
    journal,
    record::Role,
    rpc,
    service::Core,
};

/// The event service of one service.
#[derive(Clone, Debug)]
pub struct EventServer {
    core: Core,
}

impl EventServer {
    /// Answers for this service's outbox.
    #[must_use]
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// As a gRPC service.
    #[must_use]
    pub fn into_service(self) -> EventServiceServer<Self> {
        EventServiceServer::new(self)
    }

    /// Publishes the kept events of an aggregate again.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the database does not answer.
    pub async fn answer(&self, request: &RepublishRequest) -> Result<RepublishResponse> {
        let (events, oldest_kept_version) =
            super::republish(&self.core.db, &request.aggregate_id, request.from_version).await?;
        self.core.outbox_wake.notify_one();
        Ok(RepublishResponse { events: i32::try_from(events).unwrap_or(i32::MAX), oldest_kept_version })
    }
}

#[tonic::async_trait]
impl EventService for EventServer {
    async fn republish(&self, request: Request<RepublishRequest>) -> Result<Response<RepublishResponse>, Status> {
        let (call, request) = rpc::enter(&self.core, "aftercare.common.v1.EventService/republish", request)?;
        let answer = match call.actor.role {
            Role::Service => self.answer(&request).await,
            _ => Err(Error::new(reason::NOT_ALLOWED).with("role", call.actor.role.as_str())),
        };
        answer.map(Response::new).map_err(|error| rpc::status(&self.core, call.language, error))
    }

    async fn get_changes(&self, request: Request<GetChangesRequest>) -> Result<Response<Changes>, Status> {
        let (call, request) = rpc::enter(&self.core, "aftercare.common.v1.EventService/get_changes", request)?;
        let answer = match call.actor.role {
            Role::Service => journal::changes(&self.core, &request.event_id).await,
            _ => Err(Error::new(reason::NOT_ALLOWED).with("role", call.actor.role.as_str())),
        };
        answer.map(Response::new).map_err(|error| rpc::status(&self.core, call.language, error))
    }
}
