//! Answers a consumer that found a gap: the owner publishes what it still keeps. Answers the audit trail: the owner
//! tells what a change changed. And tells a reconciliation what this service owns and what it has heard.

use proto::aftercare::common::v1::{
    Changes, GetChangesRequest, ListHeardRequest, ListHeardResponse, ListVersionsRequest, ListVersionsResponse,
    RecordVersion, RepublishRequest, RepublishResponse,
    event_service_server::{EventService, EventServiceServer},
};
use tonic::{Request, Response, Status};

use crate::{
    error::{Error, Result, reason},
    inbox, journal,
    record::Role,
    rpc,
    service::{Call, Core, Subscription},
};

/// Records per page when the request does not say, and at the most.
const PAGE: (i32, i32) = (1000, 5000);

/// The event service of one service.
#[derive(Clone, Debug)]
pub struct EventServer {
    core: Core,
    subscriptions: Vec<String>,
}

impl EventServer {
    /// Answers for this service's outbox.
    #[must_use]
    pub fn new(core: Core) -> Self {
        Self { core, subscriptions: Vec::new() }
    }

    /// Answers for this service's outbox, and for its inbox of these subscriptions.
    #[must_use]
    pub fn of(core: &Core, subscriptions: &[Subscription]) -> Self {
        let subscriptions = subscriptions.iter().map(|one| format!("{}/{}", one.from, one.kind)).collect();
        Self { core: core.clone(), subscriptions }
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
        self.core.db.bells().ring_outbox();
        Ok(RepublishResponse { events: i32::try_from(events).unwrap_or(i32::MAX), oldest_kept_version })
    }
}

#[tonic::async_trait]
impl EventService for EventServer {
    async fn republish(&self, request: Request<RepublishRequest>) -> Result<Response<RepublishResponse>, Status> {
        let (call, request) = self.enter("aftercare.common.v1.EventService/republish", request)?;
        self.leave(&call, self.answer(&request).await)
    }

    async fn get_changes(&self, request: Request<GetChangesRequest>) -> Result<Response<Changes>, Status> {
        let (call, request) = self.enter("aftercare.common.v1.EventService/get_changes", request)?;
        self.leave(&call, journal::changes(&self.core, &request.event_id).await)
    }

    async fn list_versions(
        &self,
        request: Request<ListVersionsRequest>,
    ) -> Result<Response<ListVersionsResponse>, Status> {
        let (call, request) = self.enter("aftercare.common.v1.EventService/list_versions", request)?;
        let size = size(request.page_size);
        let found = journal::versions(&self.core, &request.page_token, size).await;
        let answer = found.map(|versions| ListVersionsResponse { next_page_token: token(&versions, size), versions });
        self.leave(&call, answer)
    }

    async fn list_heard(&self, request: Request<ListHeardRequest>) -> Result<Response<ListHeardResponse>, Status> {
        let (call, request) = self.enter("aftercare.common.v1.EventService/list_heard", request)?;
        let size = size(request.page_size);
        let found = inbox::heard(&self.core.db, self.core.service, &request.page_token, size).await;
        let subscriptions = self.subscriptions.clone();
        let answer =
            found.map(|heard| ListHeardResponse { next_page_token: token(&heard, size), heard, subscriptions });
        self.leave(&call, answer)
    }
}

impl EventServer {
    fn enter<Q: proto::Request>(&self, name: &'static str, request: Request<Q>) -> Result<(Call, Q), Status> {
        let (call, request) = rpc::enter(&self.core, name, request)?;
        match call.actor.role {
            Role::Service => Ok((call, request)),
            role => {
                let refused = Error::new(reason::NOT_ALLOWED).with("role", role.as_str());
                Err(rpc::status(&self.core, call.language, refused))
            }
        }
    }

    fn leave<A>(&self, call: &Call, answer: Result<A>) -> Result<Response<A>, Status> {
        answer.map(Response::new).map_err(|error| rpc::status(&self.core, call.language, error))
    }
}

fn size(asked: i32) -> u64 {
    let (usual, most) = PAGE;
    u64::try_from(if asked == 0 { usual } else { asked.min(most) }).unwrap_or_default()
}

/// Pages go by record: the last one is the token.
fn token(page: &[RecordVersion], size: u64) -> String {
    page.last().filter(|_| page.len() as u64 == size).map(|last| last.record_id.clone()).unwrap_or_default()
}
