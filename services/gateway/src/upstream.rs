//! Where a call goes: by the gRPC service's name to a service in this process or to one behind a channel.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use tonic::{Status, body::Body, service::Routes, transport::Channel};
use tower::{Service, ServiceExt as _};

/// One service behind the door.
#[derive(Clone)]
pub enum Upstream {
    /// In this process.
    Local(Routes),
    /// Behind a channel.
    Remote(Channel),
}

impl Upstream {
    /// A service at an address such as `http://intake:7000`. Connects when it is first needed, again whenever it must,
    /// and finds out by itself that the other side is gone.
    ///
    /// # Errors
    ///
    /// When the address is none.
    pub fn remote(address: &str) -> anyhow::Result<Self> {
        Ok(Self::Remote(common::run::channel(address)?))
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(_) => out.write_str("Local"),
            Self::Remote(_) => out.write_str("Remote"),
        }
    }
}

/// All services behind the door. A gRPC service of itself, so that every client can be built over it.
#[derive(Clone, Debug)]
pub(crate) struct Upstreams(Arc<Known>);

#[derive(Debug)]
struct Known {
    /// By package, `intake` for `aftercare.intake.v1`.
    packages: HashMap<String, Upstream>,
    /// By the gRPC service's full name: what is no part of our contract, such as health.
    services: HashMap<String, Upstream>,
}

impl Upstreams {
    pub(crate) fn new(packages: HashMap<String, Upstream>, services: HashMap<String, Upstream>) -> Self {
        Self(Arc::new(Known { packages, services }))
    }

    /// Whether this path names a service that stands beside the contract.
    pub(crate) fn beside_contract(&self, path: &str) -> bool {
        self.0.services.contains_key(service(path))
    }

    /// The packages that are served.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &str> {
        self.0.packages.keys().map(String::as_str)
    }

    fn find(&self, path: &str) -> Option<&Upstream> {
        let service = service(path);
        self.0.services.get(service).or_else(|| {
            let package = service.strip_prefix("aftercare.")?.split('.').next()?;
            self.0.packages.get(package)
        })
    }
}

fn service(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

impl Service<http::Request<Body>> for Upstreams {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Each call waits for its own upstream only, below.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let upstream = self.find(request.uri().path()).cloned();
        Box::pin(async move {
            match upstream {
                Some(Upstream::Local(routes)) => routes.oneshot(request).await.map_err(|never| match never {}),
                Some(Upstream::Remote(channel)) => {
                    channel.oneshot(request).await.map_err(|error| Status::from_error(error.into()))
                }
                // An error that the door puts into its own words: the part is missing here, not the RPC.
                None => Err(Status::from_error("no address for this service".into())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_package_and_nothing_else() {
        let local = || Upstream::Local(Routes::default());
        let upstreams = Upstreams::new(
            [("intake".to_owned(), local())].into(),
            [("grpc.health.v1.Health".to_owned(), local())].into(),
        );
        assert!(upstreams.find("/aftercare.intake.v1.IntakeService/GetCustomer").is_some());
        assert!(upstreams.find("/grpc.health.v1.Health/Check").is_some());
        for path in ["/aftercare.common.v1.EventService/Republish", "/other.intake.v1.X/Y", "/", "", "/intake"] {
            assert!(upstreams.find(path).is_none(), "{path}");
        }
    }
}
