//! The gateway's own RPCs: one table for each of its gRPC services, one line for each RPC.

mod attach_file;
mod cancel_job;
mod client;
mod create_endpoint;
mod delete_file;
mod disable_endpoint;
mod enable_endpoint;
pub(crate) mod get_audit_entry;
mod get_endpoint;
mod get_file;
mod get_import_template;
mod get_job;
mod get_preferences;
mod get_service_report;
mod get_template;
mod identity;
mod link;
pub(crate) mod list_audit_entries;
mod list_deliveries;
mod list_endpoints;
mod list_files;
mod list_jobs;
mod list_notifications;
mod list_templates;
mod preview_template;
mod redeliver_delivery;
mod replay_erasures;
mod replay_from;
mod rotate_secret;
mod send_test;
mod start_erasure;
mod start_export;
mod start_import;
mod start_personal_data_export;
mod test_endpoint;
mod update_endpoint;
mod update_preferences;
mod update_template;
mod watch_changes;

use common::rpc_table;
use proto::{
    aftercare::gateway::v1::{
        audit_service_server::{AuditService, AuditServiceServer},
        client_service_server::ClientServiceServer,
        exchange_service_server::{ExchangeService, ExchangeServiceServer},
        file_service_server::{FileService, FileServiceServer},
        identity_service_server::IdentityServiceServer,
        link_service_server::LinkServiceServer,
        notification_service_server::{NotificationService, NotificationServiceServer},
        privacy_service_server::{PrivacyService, PrivacyServiceServer},
        push_service_server::{PushService, PushServiceServer},
        webhook_service_server::{WebhookService, WebhookServiceServer},
        *,
    },
    google::api::HttpBody,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, service::Routes};

use crate::{feed::reader::Item, service::Context};

/// What a message has around an imported file.
const AROUND: usize = 64 * 1024;

/// Serves the RPCs.
#[derive(Clone, Debug)]
pub(crate) struct Api(pub(crate) Context);

rpc_table! {
    ExchangeService as "aftercare.gateway.v1.ExchangeService" for Api {
        start_export(StartExportRequest) -> Job;
        start_import(StartImportRequest) -> Job;
        get_import_template(GetImportTemplateRequest) -> HttpBody;
        get_job(GetJobRequest) -> Job;
        list_jobs(ListJobsRequest) -> ListJobsResponse;
        cancel_job(CancelJobRequest) -> Job;
    }
}

rpc_table! {
    PrivacyService as "aftercare.gateway.v1.PrivacyService" for Api {
        start_personal_data_export(StartPersonalDataExportRequest) -> Job;
        start_erasure(StartErasureRequest) -> Job;
        replay_erasures(ReplayErasuresRequest) -> Job;
    }
}

/// All gRPC services of the gateway's own state.
pub(crate) fn routes(ctx: &Context) -> Routes {
    let api = Api(ctx.clone());
    let largest = ctx.config.exchange.file_limit.saturating_add(AROUND);
    let exchange = ExchangeServiceServer::new(api.clone()).max_decoding_message_size(largest);
    Routes::new(PushServiceServer::new(api.clone()))
        .add_service(AuditServiceServer::new(api.clone()))
        .add_service(exchange)
        .add_service(PrivacyServiceServer::new(api.clone()))
        .add_service(FileServiceServer::new(api.clone()))
        .add_service(IdentityServiceServer::new(api.clone()))
        .add_service(ClientServiceServer::new(api.clone()))
        .add_service(LinkServiceServer::new(api.clone()))
        .add_service(WebhookServiceServer::new(api.clone()))
        .add_service(NotificationServiceServer::new(api))
}

rpc_table! {
    AuditService as "aftercare.gateway.v1.AuditService" for Api {
        get_audit_entry(GetAuditEntryRequest) -> AuditEntry;
        list_audit_entries(ListAuditEntriesRequest) -> ListAuditEntriesResponse;
    }
}

rpc_table! {
    FileService as "aftercare.gateway.v1.FileService" for Api {
        get_file(GetFileRequest) -> File;
        list_files(ListFilesRequest) -> ListFilesResponse;
        attach_file(AttachFileRequest) -> File;
        delete_file(DeleteFileRequest) -> File;
        get_service_report(GetServiceReportRequest) -> HttpBody;
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

rpc_table! {
    WebhookService as "aftercare.gateway.v1.WebhookService" for Api {
        create_endpoint(CreateEndpointRequest) -> WebhookEndpoint;
        get_endpoint(GetEndpointRequest) -> WebhookEndpoint;
        list_endpoints(ListEndpointsRequest) -> ListEndpointsResponse;
        update_endpoint(UpdateEndpointRequest) -> WebhookEndpoint;
        disable_endpoint(DisableEndpointRequest) -> WebhookEndpoint;
        enable_endpoint(EnableEndpointRequest) -> WebhookEndpoint;
        rotate_secret(RotateSecretRequest) -> WebhookEndpoint;
        test_endpoint(TestEndpointRequest) -> DeliveryAttempt;
        list_deliveries(ListDeliveriesRequest) -> ListDeliveriesResponse;
        redeliver_delivery(RedeliverDeliveryRequest) -> WebhookDelivery;
        replay_from(ReplayFromRequest) -> ReplayFromResponse;
    }
}

rpc_table! {
    NotificationService as "aftercare.gateway.v1.NotificationService" for Api {
        list_templates(ListTemplatesRequest) -> ListTemplatesResponse;
        get_template(GetTemplateRequest) -> NotificationTemplate;
        update_template(UpdateTemplateRequest) -> NotificationTemplate;
        preview_template(PreviewTemplateRequest) -> PreviewTemplateResponse;
        send_test(SendTestRequest) -> SendTestResponse;
        list_notifications(ListNotificationsRequest) -> ListNotificationsResponse;
        get_preferences(GetPreferencesRequest) -> NotificationPreferences;
        update_preferences(UpdatePreferencesRequest) -> NotificationPreferences;
    }
}
