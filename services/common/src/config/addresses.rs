//! Addresses of other servers, as a configuration says them: one by name, or several in a list.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};

/// The addresses of a list such as `http://10.0.0.1:7000,10.0.0.2:7000`; `None` for a single address.
pub(crate) fn listed(address: &str) -> Option<anyhow::Result<Vec<SocketAddr>>> {
    let (_, list) = address.split_once("://").filter(|(_, list)| list.contains(','))?;
    let each = list.split(',').map(|one| {
        one.trim()
            .parse()
            .with_context(|| format!("a list of addresses needs the form http://ip:port,ip:port: {address}"))
    });
    Some(each.collect())
}

/// Refuses what is neither an address nor a list of them.
pub(super) fn check_addresses(key: &str, address: &str) -> anyhow::Result<()> {
    match listed(address) {
        Some(addresses) => addresses.map(drop).with_context(|| format!("{key} is no list of addresses")),
        None => check_address(key, address),
    }
}

/// Refuses what is no address.
pub(super) fn check_address(key: &str, address: &str) -> anyhow::Result<()> {
    let uri: http::Uri = address.parse().with_context(|| format!("{key} is no address: {address}"))?;
    ensure!(uri.scheme().is_some() && uri.authority().is_some(), "{key} needs the form http://host:port: {address}");
    Ok(())
}
