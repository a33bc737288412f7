//! Other services, as one service reaches them: through the process, or over the network. The caller is signed anew for
//! every call, the deadline is always there, and the trace goes on.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use tonic::{
    Request, Status,
    body::Body,
    metadata::MetadataValue,
    service::{Interceptor, Routes, interceptor::InterceptedService},
};
use tower::{Service, ServiceExt as _};

use crate::{
    auth,
    catalog::Language,
    clock::Clock,
    error::{Error, Result, reason},
    record::Actor,
    run::Balanced,
    service::Core,
    telemetry,
};

/// Deadline of a call to another service.
const DEADLINE: Duration = Duration::from_secs(5);

/// Where a service is. A gRPC service of itself, so that every generated client can be built over it.
#[derive(Clone, Debug)]
pub enum Peer {
    /// In this process.
    Local(Routes),
    /// Over the network, over all of its addresses.
    Remote(Balanced),
}

impl Service<http::Request<Body>> for Peer {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // The call waits for its own way, below.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let peer = self.clone();
        Box::pin(async move {
            match peer {
                Self::Local(routes) => routes.oneshot(request).await.map_err(|never| match never {}),
                Self::Remote(balanced) => balanced.send(request).await,
            }
        })
    }
}

/// The services that a process knows ways to. Empty until the process has started.
#[derive(Clone, Debug, Default)]
pub struct Peers(Arc<OnceLock<BTreeMap<String, Peer>>>);

impl Peers {
    /// Fills it, once.
    pub(crate) fn know(&self, peers: BTreeMap<String, Peer>) {
        let _ = self.0.set(peers);
    }

    /// These and no others, for commands and tests.
    #[must_use]
    pub fn of(peers: BTreeMap<String, Peer>) -> Self {
        let known = Self::default();
        known.know(peers);
        known
    }

    /// Names of the known services, for example `parts-inventory`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.get().into_iter().flat_map(|peers| peers.keys().map(String::as_str))
    }

    /// The way to a service by its name, for example `parts-inventory`.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when there is none, or the process has not started.
    pub fn get(&self, service: &str) -> Result<Peer> {
        self.0.get().and_then(|peers| peers.get(service)).cloned().ok_or_else(|| {
            Error::new(reason::UNAVAILABLE).caused_by(anyhow::anyhow!("no address of {service} in [peers]"))
        })
    }
}

/// Signs the caller of every call made through it.
#[derive(Clone, Debug)]
pub struct Passport {
    identity: auth::Identity,
    actor: Actor,
    language: Language,
}

impl Passport {
    /// A passport of this actor.
    #[must_use]
    pub fn new(identity: &auth::Identity, actor: &Actor, language: Language) -> Self {
        Self { identity: identity.clone(), actor: actor.clone(), language }
    }
}

impl Interceptor for Passport {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let refused = |_| Status::internal("the identity cannot be signed");
        // By real time, as it is verified, whatever day a test or the demo is living through.
        let token = self.identity.sign(&self.actor, Clock::system().now()).map_err(refused)?;
        let token = MetadataValue::try_from(token).map_err(|_| Status::internal("the identity is no metadata"))?;
        request.metadata_mut().insert(auth::IDENTITY, token);
        request.metadata_mut().insert(auth::LANGUAGE, MetadataValue::from_static(self.language.tag()));
        request.set_timeout(DEADLINE);
        telemetry::inject(request.metadata_mut());
        Ok(request)
    }
}

/// A way to another service that acts as somebody.
pub type Way = InterceptedService<Peer, Passport>;

/// A way to another service.
///
/// # Errors
///
/// `UNAVAILABLE` when there is no way to that service.
pub fn way(peers: &Peers, service: &str, passport: Passport) -> Result<Way> {
    Ok(InterceptedService::new(peers.get(service)?, passport))
}

impl Core {
    /// The way to another service as this actor: `IntakeServiceClient::new(core.way("intake", &call.actor, call.language)?)`.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when there is no way to that service.
    pub fn way(&self, service: &str, actor: &Actor, language: Language) -> Result<Way> {
        way(&self.peers, service, Passport::new(&self.identity, actor, language))
    }
}
