//! Ways to other services: through the process, or over the network.

mod balanced;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use proto::aftercare::common::v1::{RepublishRequest, RepublishResponse, event_service_client::EventServiceClient};
use tonic::{
    Request, Status,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};

pub use self::balanced::Balanced;
use crate::{
    auth,
    clock::Clock,
    error::{Error, Result, reason},
    inbox::AskOwner,
    peers::{Peer, Peers},
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
    Ok(endpoint(address)?.connect_lazy())
}

fn endpoint(address: &str) -> anyhow::Result<Endpoint> {
    let endpoint = Endpoint::from_shared(address.to_owned()).with_context(|| format!("no address: {address}"))?;
    Ok(endpoint
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true))
}

/// Asks owners of aggregates on behalf of `service`.
pub(super) fn ask_owner(service: &'static str, identity: auth::Identity, clock: Clock, peers: Peers) -> AskOwner {
    Arc::new(move |owner, request| {
        let (identity, clock, peers) = (identity.clone(), clock.clone(), peers.clone());
        Box::pin(async move {
            let peer = peers.get(&owner)?;
            let token = identity.sign(&Actor::service(service), clock.now())?;
            ask(peer, &token, request).await.map_err(|status| Error::new(reason::UNAVAILABLE).caused_by(status))
        })
    })
}

async fn ask(peer: Peer, token: &str, request: RepublishRequest) -> Result<RepublishResponse, Status> {
    let mut request = Request::new(request);
    request.set_timeout(ASK);
    let token = MetadataValue::try_from(token).map_err(|error| Status::internal(error.to_string()))?;
    request.metadata_mut().insert(auth::IDENTITY, token);
    telemetry::inject(request.metadata_mut());
    EventServiceClient::new(peer).republish(request).await.map(tonic::Response::into_inner)
}
