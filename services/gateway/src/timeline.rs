//! One customer's history across all services: asked of all of them at once, merged by time. Every service orders its
//! history by the same two facts (instant, id), so one position is enough for all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use common::{
    Error, Result,
    auth::{self, Identity},
    catalog::{Catalog, Language},
    journal, page,
    reach::Reach,
    record::Actor,
    rpc,
};
use futures::future::join_all;
use proto::aftercare::{
    common::v1::{ListTimelineRequest, ListTimelineResponse, TimelineEntry},
    gateway::v1::{CustomerTimeline, GetCustomerTimelineRequest, timeline_service_server::TimelineService},
    intake::v1::{GetCustomerRequest, intake_service_client::IntakeServiceClient},
};
use serde::{Deserialize, Serialize};
use tonic::{Request, Response, Status, codegen::http::uri::PathAndQuery, metadata::MetadataMap};
use tonic_prost::ProstCodec;

use crate::{contract::Contract, upstream::Upstreams};

const METHOD: &str = "ListTimeline";
/// This RPC and the one that it asks first, as the access rules name them.
const OWN: &str = "aftercare.gateway.v1.TimelineService/get_customer_timeline";
const CUSTOMER: &str = "aftercare.intake.v1.IntakeService/get_customer";
/// Entries of a page when the caller does not say.
const USUAL_PAGE: usize = 100;
/// Entries of a page at the most; what every service gives at the most.
const LARGEST_PAGE: usize = 500;
/// The part of a call's time that one service may take, so that the others' answers still reach the caller.
const SHARE: f64 = 0.6;
/// Time of a call that brings no deadline.
const USUAL_TIME: Duration = Duration::from_secs(5);

/// Serves `TimelineService`.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    upstreams: Upstreams,
    /// `ListTimeline` of each service, by its package.
    paths: BTreeMap<String, PathAndQuery>,
    identity: Identity,
    catalog: Arc<Catalog>,
}

/// The last entry of a page.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    seconds: i64,
    nanos: i32,
    version: i64,
    id: String,
}

impl Timeline {
    pub(crate) fn new(
        contract: &Contract,
        upstreams: Upstreams,
        identity: Identity,
        catalog: Arc<Catalog>,
    ) -> anyhow::Result<Self> {
        let mut paths = BTreeMap::new();
        for package in upstreams.packages() {
            let prefix = format!("/aftercare.{package}.v1.");
            let rpc = contract.rpcs.iter().find(|rpc| rpc.path.starts_with(&prefix) && rpc.method.name() == METHOD);
            if let Some(rpc) = rpc {
                paths.insert(package.to_owned(), rpc.path.parse()?);
            }
        }
        Ok(Self { upstreams, paths, identity, catalog })
    }

    async fn answer(
        &self,
        actor: &Actor,
        metadata: MetadataMap,
        request: GetCustomerTimelineRequest,
    ) -> Result<CustomerTimeline> {
        rpc::validate(&request)?;
        let size = match usize::try_from(request.page_size) {
            Ok(0) | Err(_) => USUAL_PAGE,
            Ok(wanted) => wanted.min(LARGEST_PAGE),
        };
        let reach = Reach::of(OWN, actor)?;
        let print = page::fingerprint(
            &reach,
            &GetCustomerTimelineRequest {
                customer_id: request.customer_id.clone(),
                service_request_id: request.service_request_id.clone(),
                ..GetCustomerTimelineRequest::default()
            },
        );
        let after = page::open::<Position>(&request.page_token, &print)?.map(|position| TimelineEntry {
            at: Some(prost_types::Timestamp { seconds: position.seconds, nanos: position.nanos }),
            record_version: position.version,
            id: position.id,
            ..TimelineEntry::default()
        });

        let mut unavailable = BTreeSet::new();
        let customers = self.customers(actor, &metadata, &request.customer_id, &mut unavailable).await?;
        // A service whose history the caller's role does not see is not asked, and not missing either.
        let mut calls = Vec::new();
        for (package, path) in &self.paths {
            let Ok(reach) = Reach::of(&snake(path.path()), actor) else { continue };
            for question in questions(&reach, &request, &customers, size, after.as_ref())? {
                let metadata = &metadata;
                calls.push(async move { (package, self.ask(metadata, path.clone(), question).await) });
            }
        }
        let mut merged = BTreeMap::new();
        let mut more = false;
        for (package, answer) in join_all(calls).await {
            match answer {
                Ok(answer) => {
                    more |= !answer.next_page_token.is_empty();
                    merged.extend(answer.entries.into_iter().map(|entry| (place(&entry), entry)));
                }
                Err(status) => {
                    tracing::warn!(package, %status, "a service did not answer for the timeline");
                    unavailable.insert(package.replace('_', "-"));
                }
            }
        }
        more |= merged.len() > size;
        let mut entries: Vec<TimelineEntry> = merged.into_values().take(size).collect();
        let last = entries.last().filter(|_| more).map(|entry| {
            let (seconds, nanos, version, id) = place(entry);
            page::seal(&Position { seconds, nanos, version, id }, &print)
        });
        entries.retain(|entry| entry.customer_id.is_empty() || customers.contains(&entry.customer_id));
        Ok(CustomerTimeline {
            entries,
            next_page_token: last.unwrap_or_default(),
            unavailable_services: unavailable.into_iter().collect(),
        })
    }

    /// The customer, and the file it was merged into, as intake tells it.
    async fn customers(
        &self,
        actor: &Actor,
        metadata: &MetadataMap,
        customer_id: &str,
        unavailable: &mut BTreeSet<String>,
    ) -> Result<BTreeSet<String>> {
        let mut customers = BTreeSet::from([customer_id.to_owned()]);
        if Reach::of(CUSTOMER, actor).is_err() {
            return Ok(customers);
        }
        let mut intake = IntakeServiceClient::new(self.upstreams.clone());
        let question = GetCustomerRequest { customer_id: customer_id.to_owned() };
        let call = intake.get_customer(forwarded(metadata, question));
        match tokio::time::timeout(share(metadata).div_f64(2.0), call).await {
            Ok(Ok(customer)) => {
                customers.insert(customer.into_inner().customer_id);
            }
            Ok(Err(status)) if status.code() == tonic::Code::NotFound => {
                return Err(Error::not_found("customer", customer_id));
            }
            Ok(Err(_)) | Err(_) => {
                unavailable.insert("intake".to_owned());
            }
        }
        Ok(customers)
    }

    async fn ask(
        &self,
        metadata: &MetadataMap,
        path: PathAndQuery,
        question: ListTimelineRequest,
    ) -> Result<ListTimelineResponse, Status> {
        let codec = ProstCodec::<ListTimelineRequest, ListTimelineResponse>::default();
        let mut client = tonic::client::Grpc::new(self.upstreams.clone());
        let call = client.unary(forwarded(metadata, question), path, codec);
        match tokio::time::timeout(share(metadata), call).await {
            Ok(answer) => answer.map(Response::into_inner),
            Err(_) => Err(Status::deadline_exceeded("took too long")),
        }
    }
}

/// What every service is asked: the case, or each of the customer's files.
fn questions(
    reach: &Reach,
    request: &GetCustomerTimelineRequest,
    customers: &BTreeSet<String>,
    size: usize,
    after: Option<&TimelineEntry>,
) -> Result<Vec<ListTimelineRequest>> {
    let page_size = i32::try_from(size).unwrap_or(i32::MAX);
    let asked = if request.service_request_id.is_empty() {
        let of = |id: &String| ListTimelineRequest { customer_id: id.clone(), page_size, ..Default::default() };
        customers.iter().map(of).collect()
    } else {
        let service_request_id = request.service_request_id.clone();
        vec![ListTimelineRequest { service_request_id, page_size, ..ListTimelineRequest::default() }]
    };
    let mut questions: Vec<ListTimelineRequest> = asked;
    if let Some(entry) = after {
        for question in &mut questions {
            question.page_token = journal::token_after(reach, question, entry)?;
        }
    }
    Ok(questions)
}

/// `/package.Service/ListTimeline` as the access rules name it.
fn snake(path: &str) -> String {
    path.trim_start_matches('/').replace(METHOD, "list_timeline")
}

/// The order of `common::journal`: instant, version, id.
fn place(entry: &TimelineEntry) -> (i64, i32, i64, String) {
    let at = entry.at.unwrap_or_default();
    (at.seconds, at.nanos, entry.record_version, entry.id.clone())
}

/// The same caller, trace and language for the next hop.
fn forwarded<T>(metadata: &MetadataMap, message: T) -> Request<T> {
    let mut request = Request::new(message);
    for key in [auth::IDENTITY, auth::LANGUAGE, "x-request-id", "traceparent"] {
        if let (Ok(key), Some(value)) = (key.parse::<tonic::metadata::AsciiMetadataKey>(), metadata.get(key)) {
            request.metadata_mut().insert(key, value.clone());
        }
    }
    request.set_timeout(share(metadata));
    request
}

/// What one service may take of the time that is left. The gateway writes the deadline in milliseconds.
fn share(metadata: &MetadataMap) -> Duration {
    let left = metadata
        .get("grpc-timeout")
        .and_then(|value| value.to_str().ok()?.strip_suffix('m')?.parse().ok())
        .map_or(USUAL_TIME, Duration::from_millis);
    left.mul_f64(SHARE)
}

#[tonic::async_trait]
impl TimelineService for Timeline {
    async fn get_customer_timeline(
        &self,
        request: Request<GetCustomerTimelineRequest>,
    ) -> Result<Response<CustomerTimeline>, Status> {
        let (metadata, _, message) = request.into_parts();
        let text = |key: &str| metadata.get(key).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let language = Language::negotiate(text(auth::LANGUAGE));
        let refuse = |error| rpc::status_in(&self.catalog, language, error);
        let actor = self.identity.verify(text(auth::IDENTITY)).map_err(refuse)?;
        self.answer(&actor, metadata.clone(), message).await.map(Response::new).map_err(refuse)
    }
}
