//! The gateway's own RPCs: one table for each of its gRPC services, one line for each RPC.

pub(crate) mod get_audit_entry;
pub(crate) mod list_audit_entries;
mod watch_changes;

use common::rpc_table;
use proto::aftercare::gateway::v1::{
    AuditEntry, GetAuditEntryRequest, ListAuditEntriesRequest, ListAuditEntriesResponse, WatchChangesRequest,
    audit_service_server::{AuditService, AuditServiceServer},
    push_service_server::{PushService, PushServiceServer},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, service::Routes};

use crate::{feed::reader::Item, service::Context};

/// Serves the RPCs.
#[derive(Clone, Debug)]
pub(crate) struct Api(pub(crate) Context);

/// All gRPC services of the gateway's own state.
pub(crate) fn routes(ctx: &Context) -> Routes {
    let api = Api(ctx.clone());
    Routes::new(PushServiceServer::new(api.clone())).add_service(AuditServiceServer::new(api))
}

rpc_table! {
    AuditService as "aftercare.gateway.v1.AuditService" for Api {
        get_audit_entry(GetAuditEntryRequest) -> AuditEntry;
        list_audit_entries(ListAuditEntriesRequest) -> ListAuditEntriesResponse;
    }
}

/// A stream has no place in a table of calls: it is not run again, and its answer is not one message.
#[tonic::async_trait]
impl PushService for Api {
    type WatchChangesStream = ReceiverStream<Item>;

    async fn watch_changes(
        &self,
        request: Request<WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        const METHOD: &str = "aftercare.gateway.v1.PushService/watch_changes";
        let core = &self.0.core;
        let (call, body) = common::rpc::enter(core, METHOD, request)?;
        let opened = watch_changes::handle(&self.0, &call, body).await;
        opened.map(Response::new).map_err(|error| common::rpc::status(core, call.language, error))
    }
}
