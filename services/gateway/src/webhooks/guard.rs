//! From a URL to an address that may be called. Names are resolved here, at every call, and nowhere else: the connection
//! goes to the very address that was checked, so a name that changes its mind changes nothing.

use std::{
    fmt::Debug,
    io,
    net::{IpAddr, SocketAddr},
};

use async_trait::async_trait;
use url::Host;

use crate::domain::webhook::location::{Location, Rules};

/// Addresses of one name that are looked at.
const MOST: usize = 32;

/// Looks up names.
#[async_trait]
pub(crate) trait Resolve: Debug + Send + Sync {
    /// All addresses of a name.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// As the machine does it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct System;

#[async_trait]
impl Resolve for System {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect())
    }
}

/// Why a place cannot be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The name has no address.
    Name,
    /// An address of it may not be called.
    Address,
}

/// The addresses of a place.
pub(crate) async fn look_up(location: &Location, resolve: &dyn Resolve) -> Result<Vec<SocketAddr>, Refused> {
    let found = match (&location.host, location.ip()) {
        (_, Some(ip)) => vec![ip],
        (Host::Domain(name), None) => resolve.resolve(name).await.map_err(|_| Refused::Name)?,
        (Host::Ipv4(_) | Host::Ipv6(_), None) => Vec::new(),
    };
    if found.is_empty() {
        return Err(Refused::Name);
    }
    Ok(found.into_iter().map(|ip| SocketAddr::new(ip, location.port)).collect())
}

/// The addresses, if every one of them may be called. One that may not is enough to refuse the place: whoever mixes them
/// means no good.
pub(crate) fn allowed(found: Vec<SocketAddr>, location: &Location, rules: &Rules) -> Result<Vec<SocketAddr>, Refused> {
    if found.len() > MOST || !found.iter().all(|address| location.allows(address.ip(), rules)) {
        return Err(Refused::Address);
    }
    Ok(found)
}
