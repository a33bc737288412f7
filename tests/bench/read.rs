//! A unary read through the gateway, the same read straight at the service, and a bare tonic echo.

use common::{
    auth::{IDENTITY, Identity},
    clock::Clock,
    record::{Actor, Role},
};
use harness::median;
use proto::aftercare::{
    common::v1::{
        Changes, GetChangesRequest, ListHeardRequest, ListHeardResponse, ListVersionsRequest, ListVersionsResponse,
        RepublishRequest, RepublishResponse,
        event_service_client::EventServiceClient,
        event_service_server::{EventService, EventServiceServer},
    },
    intake::v1::{ListOrgUnitsRequest, intake_service_client::IntakeServiceClient},
};
use tonic::{
    Request, Response, Status,
    transport::{Channel, server::TcpIncoming},
};

use crate::{
    ROUNDS, Stage,
    load::{AsyncCaller, Found, measure},
};

/// The key that stands in the defaults of a development installation.
const DEVELOPMENT_KEY: &str = "development-only-this-is-not-a-secret";

struct Echo;

#[tonic::async_trait]
impl EventService for Echo {
    async fn republish(&self, request: Request<RepublishRequest>) -> Result<Response<RepublishResponse>, Status> {
        let oldest_kept_version = request.into_inner().from_version;
        Ok(Response::new(RepublishResponse { events: 0, oldest_kept_version }))
    }

    async fn get_changes(&self, _: Request<GetChangesRequest>) -> Result<Response<Changes>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_versions(&self, _: Request<ListVersionsRequest>) -> Result<Response<ListVersionsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_heard(&self, _: Request<ListHeardRequest>) -> Result<Response<ListHeardResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

struct EchoCaller(EventServiceClient<Channel>);

impl AsyncCaller for EchoCaller {
    async fn call(&mut self) -> anyhow::Result<()> {
        self.0.republish(RepublishRequest { aggregate_id: "a".to_owned(), from_version: 1 }).await?;
        Ok(())
    }
}

struct Reader {
    client: IntakeServiceClient<Channel>,
    identity: Option<String>,
}

impl AsyncCaller for Reader {
    async fn call(&mut self) -> anyhow::Result<()> {
        let mut request = Request::new(ListOrgUnitsRequest::default());
        if let Some(identity) = &self.identity {
            request.metadata_mut().insert(IDENTITY, identity.parse()?);
        }
        let answer = self.client.list_org_units(request).await?.into_inner();
        anyhow::ensure!(!answer.org_units.is_empty(), "no units");
        Ok(())
    }
}

pub(crate) async fn run(stage: &Stage) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let echo = format!("http://{}", listener.local_addr()?);
    let serving = tonic::transport::Server::builder().add_service(EventServiceServer::new(Echo));
    // Without it a packet waits for another one's acknowledgement, and the reference is none.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tokio::spawn(serving.serve_with_incoming(incoming));

    let echo = EventServiceClient::new(channel(&echo).await?);
    let through = IntakeServiceClient::new(channel(&stage.gateway).await?);
    let straight = IntakeServiceClient::new(channel(&stage.intake).await?);
    let actor = Actor::new("us_bench", Role::Agent, "head-office").everywhere();
    let mut found: [Vec<Found>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let identity = Identity::new(DEVELOPMENT_KEY)?.sign(&actor, Clock::system().now())?;
        found[0].push(measure(|_| EchoCaller(echo.clone())).await?);
        found[1].push(measure(|_| Reader { client: straight.clone(), identity: Some(identity.clone()) }).await?);
        found[2].push(measure(|_| Reader { client: through.clone(), identity: None }).await?);
    }
    let rate = |of: &[Found]| median(of.iter().map(|found| found.rate).collect());
    let time = |of: &[Found], pick: fn(&Found) -> std::time::Duration| {
        median(of.iter().map(|found| pick(found).as_secs_f64() * 1e3).collect())
    };
    println!("unary read over gRPC");
    for (name, found) in ["bare tonic echo", "straight at the service", "through the gateway"].iter().zip(&found) {
        let (p50, p99) = (time(found, |found| found.p50), time(found, |found| found.p99));
        println!("  {name:<26} {:>8.0} /s   p50 {p50:.2} ms  p99 {p99:.2} ms", rate(found));
    }
    println!("  gateway / echo             {:>8.2}", rate(&found[2]) / rate(&found[0]));
    println!("  gateway / straight         {:>8.2}", rate(&found[2]) / rate(&found[1]));
    Ok(())
}

async fn channel(address: &str) -> anyhow::Result<Channel> {
    Ok(Channel::from_shared(address.to_owned())?.connect().await?)
}
