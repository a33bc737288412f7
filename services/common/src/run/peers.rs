//! Ways to other services: through the process, or over the network.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use proto::aftercare::common::v1::{RepublishRequest, RepublishResponse, event_service_client::EventServiceClient};
use tonic::{
    Request, Status,
    metadata::MetadataValue,
    service::Routes,
    transport::{Channel, Endpoint},
};

use crate::{
    auth,
    clock::Clock,
    error::{Error, Result, reason},
    inbox::AskOwner,
    record::Actor,
    telemetry,
};

/// Time for a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// Time for an owner to answer a consumer that found a gap.
const ASK: Duration = Duration::from_secs(5);

/// A way to another service. It is connected when it is used first, and again after every loss.
///
/// # Errors
///
/// When the address cannot be read.
pub fn channel(address: &str) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(address.to_owned()).with_context(|| format!("no address: {address}"))?;
    Ok(endpoint
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true)
        .connect_lazy())
}

/// Where a service is.
#[derive(Clone, Debug)]
pub(super) enum Peer {
    /// In this process.
    Local(Routes),
    /// Over the network.
    Remote(Channel),
}

/// Asks owners of aggregates on behalf of `service`.
pub(super) fn ask_owner(
    service: &'static str,
    identity: auth::Identity,
    clock: Clock,
    peers: Arc<BTreeMap<String, Peer>>,
) -> AskOwner {
    Arc::new(move |owner, request| {
        let (identity, clock, peers) = (identity.clone(), clock.clone(), peers.clone());
        Box::pin(async move {
            let peer = peers.get(&owner).ok_or_else(|| {
                Error::new(reason::UNAVAILABLE).caused_by(anyhow::anyhow!("no address of {owner} in [peers]"))
            })?;
            let token = identity.sign(&Actor::service(service), clock.now())?;
            ask(peer, &token, request).await.map_err(|status| Error::new(reason::UNAVAILABLE).caused_by(status))
        })
    })
}

async fn ask(peer: &Peer, token: &str, request: RepublishRequest) -> Result<RepublishResponse, Status> {
    let mut request = Request::new(request);
    request.set_timeout(ASK);
    let token = MetadataValue::try_from(token).map_err(|error| Status::internal(error.to_string()))?;
    request.metadata_mut().insert(auth::IDENTITY, token);
    telemetry::inject(request.metadata_mut());
    let answer = match peer {
        Peer::Local(routes) => EventServiceClient::new(routes.clone()).republish(request).await,
        Peer::Remote(channel) => EventServiceClient::new(channel.clone()).republish(request).await,
    };
    answer.map(tonic::Response::into_inner)
}
