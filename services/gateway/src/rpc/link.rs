//! Signed links.

mod create_link;
mod get_linked_page;
mod get_linked_service_report;
mod list_links;
mod request_reschedule_by_link;
mod revoke_link;

use common::rpc_table;
use proto::{
    aftercare::gateway::v1::{link_service_server::LinkService, *},
    google::api::HttpBody,
};

use super::Api;

rpc_table! {
    LinkService as "aftercare.gateway.v1.LinkService" for Api {
        create_link(CreateLinkRequest) -> LinkWithToken;
        revoke_link(RevokeLinkRequest) -> Link;
        list_links(ListLinksRequest) -> ListLinksResponse;
        get_linked_page(GetLinkedPageRequest) -> LinkedPage;
        get_linked_service_report(GetLinkedServiceReportRequest) -> HttpBody;
        request_reschedule_by_link(RequestRescheduleByLinkRequest) -> LinkedPage;
    }
}
