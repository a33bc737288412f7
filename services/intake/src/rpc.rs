//! The table of RPCs, and the way that all transitions of a request take.

use common::{error::Result, id::Id as _, record::Changed, service::Call};
use prost::Message;
use proto::aftercare::{
    common::v1::{ListTimelineRequest, ListTimelineResponse},
    intake::v1::{intake_service_server::IntakeService, *},
};

use crate::{
    Context, convert,
    domain::{ServiceRequestId, request},
    store,
};

mod accept_quote;
mod answer_service_request;
mod approve_service_request;
mod ask_approval;
mod cancel_service_request;
mod close_service_request;
mod create_article;
mod create_customer;
mod create_product;
mod create_service_request;
mod decline_quote;
mod find_duplicates;
mod get_article;
mod get_customer;
mod get_product;
mod get_service_request;
mod hold_service_request;
mod keep_promise;
mod list_articles;
mod list_contacts;
mod list_customer_changes;
mod list_customers;
mod list_org_units;
mod list_products;
mod list_service_requests;
mod list_timeline;
mod merge_customers;
mod merge_service_request;
mod publish_article;
mod quote_service_request;
mod record_contact;
mod reject_service_request;
mod release_service_request;
mod reopen_service_request;
mod resolve_warranty;
mod resume_service_request;
mod retire_article;
mod triage_service_request;
mod update_article;
mod update_customer;
mod update_product;
mod update_service_request;

/// Answers the RPCs.
#[derive(Clone, Debug)]
pub(crate) struct Api(pub(crate) Context);

common::rpc_table! {
    IntakeService as "aftercare.intake.v1.IntakeService" for Api {
        create_customer(CreateCustomerRequest) -> Customer;
        get_customer(GetCustomerRequest) -> Customer;
        update_customer(UpdateCustomerRequest) -> Customer;
        list_customers(ListCustomersRequest) -> ListCustomersResponse;
        merge_customers(MergeCustomersRequest) -> Customer;
        list_customer_changes(ListCustomerChangesRequest) -> ListCustomerChangesResponse;
        create_product(CreateProductRequest) -> Product;
        get_product(GetProductRequest) -> Product;
        update_product(UpdateProductRequest) -> Product;
        list_products(ListProductsRequest) -> ListProductsResponse;
        resolve_warranty(ResolveWarrantyRequest) -> WarrantyAnswer;
        create_service_request(CreateServiceRequestRequest) -> ServiceRequest;
        get_service_request(GetServiceRequestRequest) -> ServiceRequest;
        update_service_request(UpdateServiceRequestRequest) -> ServiceRequest;
        list_service_requests(ListServiceRequestsRequest) -> ListServiceRequestsResponse;
        find_duplicates(FindDuplicatesRequest) -> FindDuplicatesResponse;
        triage_service_request(TriageServiceRequestRequest) -> ServiceRequest;
        answer_service_request(AnswerServiceRequestRequest) -> ServiceRequest;
        ask_approval(AskApprovalRequest) -> ServiceRequest;
        approve_service_request(ApproveServiceRequestRequest) -> ServiceRequest;
        reject_service_request(RejectServiceRequestRequest) -> ServiceRequest;
        quote_service_request(QuoteServiceRequestRequest) -> ServiceRequest;
        accept_quote(AcceptQuoteRequest) -> ServiceRequest;
        decline_quote(DeclineQuoteRequest) -> ServiceRequest;
        release_service_request(ReleaseServiceRequestRequest) -> ServiceRequest;
        hold_service_request(HoldServiceRequestRequest) -> ServiceRequest;
        resume_service_request(ResumeServiceRequestRequest) -> ServiceRequest;
        cancel_service_request(CancelServiceRequestRequest) -> ServiceRequest;
        close_service_request(CloseServiceRequestRequest) -> ServiceRequest;
        reopen_service_request(ReopenServiceRequestRequest) -> ServiceRequest;
        merge_service_request(MergeServiceRequestRequest) -> ServiceRequest;
        record_contact(RecordContactRequest) -> Contact;
        list_contacts(ListContactsRequest) -> ListContactsResponse;
        keep_promise(KeepPromiseRequest) -> Contact;
        create_article(CreateArticleRequest) -> Article;
        get_article(GetArticleRequest) -> Article;
        update_article(UpdateArticleRequest) -> Article;
        list_articles(ListArticlesRequest) -> ListArticlesResponse;
        publish_article(PublishArticleRequest) -> Article;
        retire_article(RetireArticleRequest) -> Article;
        list_org_units(ListOrgUnitsRequest) -> ListOrgUnitsResponse;
        list_timeline(ListTimelineRequest) -> ListTimelineResponse;
    }
}

/// One action on one request: load, check the etag, apply the rule, save, answer. `code` is the reason that the event
/// tells.
async fn act<Q, R>(ctx: &Context, call: &Call, request: &Q, id: &str, code: &str, rule: R) -> Result<ServiceRequest>
where
    Q: proto::Request + Message,
    R: FnOnce(request::ServiceRequest) -> Result<Changed<request::ServiceRequest>>,
{
    let id = ServiceRequestId::parse(id)?;
    let work = ctx.core.begin(call, request).await?;
    let loaded = store::service_request::load(&*work, &id).await?;
    call.check_etag(request.etag(), &loaded)?;
    let saved = store::service_request::save(ctx, &work, call, rule(loaded)?, code).await?;
    work.commit(convert::service_request(ctx, &saved, call.language, call.now)).await
}

#[cfg(test)]
mod tests;
