//! Where a webhook goes, as it is written: https, a host, a usual port, and nothing clever.

use std::net::{IpAddr, SocketAddr};

use common::error::{Error, Result};
use url::{Host, Url};

use super::address;

/// What an installation lets webhooks do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Ports that may be called.
    pub(crate) ports: Vec<u16>,
    /// Addresses that may be called although they are private, and without TLS: for development and tests.
    pub(crate) trusted: Vec<SocketAddr>,
}

/// A place to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    /// Path and query.
    pub(crate) path: String,
    /// The `Host` header.
    pub(crate) authority: String,
}

/// Names that mean this machine or this house by convention; names without a dot are looked up in our own domain.
const INTERNAL: [&str; 8] = ["localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa"];

impl Location {
    /// Reads a URL. Its addresses are checked when it is called, and again at every call; one that is written as an
    /// address is checked here too.
    pub(crate) fn parse(text: &str, rules: &Rules) -> Result<Self> {
        let refused = |rule: &str| Error::invalid("url", format!("url.{rule}"));
        // The parser forgives these; who means well does not write them.
        if text.chars().any(|letter| letter.is_whitespace() || letter.is_control() || letter == '\\') {
            return Err(refused("plain"));
        }
        let url = Url::parse(text).map_err(|error| refused("form").caused_by(error))?;
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(refused("https")),
        };
        let authority = text.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
            return Err(refused("no_userinfo"));
        }
        if url.fragment().is_some() {
            return Err(refused("no_fragment"));
        }
        let host = url.host().ok_or_else(|| refused("host"))?.to_owned();
        let port = url.port_or_known_default().ok_or_else(|| refused("port"))?;
        let ip = ip(&host);
        let trusted = ip.is_some_and(|ip| rules.trusted.contains(&SocketAddr::new(ip, port)));
        if !trusted {
            if !tls {
                return Err(refused("https"));
            }
            if !rules.ports.contains(&port) {
                return Err(refused("port"));
            }
            if ip.is_some_and(|ip| address::refusal(ip).is_some()) {
                return Err(refused("public_address"));
            }
            if let Host::Domain(name) = &host {
                let name = name.trim_end_matches('.');
                let top = name.rsplit('.').next().unwrap_or_default();
                if !name.contains('.') || INTERNAL.contains(&top) {
                    return Err(refused("public_name"));
                }
            }
        }
        Ok(Self::of(&url, host, port))
    }

    /// Reads a URL of our own configuration, which may lead anywhere.
    pub(crate) fn anywhere(text: &str) -> Result<Self> {
        let refused = |rule: &str| Error::invalid("url", format!("url.{rule}"));
        let url = Url::parse(text).map_err(|error| refused("form").caused_by(error))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(refused("https"));
        }
        let host = url.host().ok_or_else(|| refused("host"))?.to_owned();
        let port = url.port_or_known_default().ok_or_else(|| refused("port"))?;
        Ok(Self::of(&url, host, port))
    }

    fn of(url: &Url, host: Host, port: u16) -> Self {
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        Self { host, port, tls: url.scheme() == "https", path, authority }
    }

    /// The address, when the host is written as one.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        ip(&self.host)
    }

    /// Whether this address may be called for this place.
    pub(crate) fn allows(&self, ip: IpAddr, rules: &Rules) -> bool {
        let trusted = rules.trusted.contains(&SocketAddr::new(ip, self.port));
        trusted || (self.tls && address::refusal(ip).is_none())
    }
}

fn ip(host: &Host) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules { ports: vec![443, 8443], trusted: vec!["127.0.0.1:9000".parse().unwrap()] }
    }

    #[test]
    fn places_in_the_public_internet_are_taken() {
        let place = Location::parse("https://hooks.example.com/in?x=1", &rules()).unwrap();
        assert_eq!(
            (place.port, place.tls, &*place.path, &*place.authority),
            (443, true, "/in?x=1", "hooks.example.com")
        );
        let place = Location::parse("https://钩子.example.com:8443/", &rules()).unwrap();
        assert_eq!((place.port, &*place.authority), (8443, "xn--i8s974k.example.com:8443"));
        assert!(Location::parse("https://[2606:4700::1]/", &rules()).is_ok());
        assert!(Location::parse("http://127.0.0.1:9000/x", &rules()).is_ok(), "trusted in development");
    }

    #[test]
    fn everything_clever_is_refused() {
        for (text, rule) in [
            ("http://hooks.example.com/", "https"),
            ("ftp://hooks.example.com/", "https"),
            ("file:///etc/passwd", "https"),
            ("gopher://hooks.example.com/", "https"),
            ("hooks.example.com", "form"),
            ("https://", "form"),
            ("https:///x", "public_name"),
            ("https://user@hooks.example.com/", "no_userinfo"),
            ("https://@hooks.example.com/", "no_userinfo"),
            ("https://hooks.example.com@10.0.0.1/", "no_userinfo"),
            ("https://hooks.example.com/#x", "no_fragment"),
            ("https://hooks.example.com\\@10.0.0.1/", "plain"),
            ("https://hooks.example.com\t/", "plain"),
            (" https://hooks.example.com/", "plain"),
            ("https://hooks.example.com:22/", "port"),
            ("https://hooks.example.com:80/", "port"),
            ("https://localhost/", "public_name"),
            ("https://LOCALHOST./", "public_name"),
            ("https://db/", "public_name"),
            ("https://db.svc.cluster.local/", "public_name"),
            ("https://metadata.google.internal/", "public_name"),
            ("https://127.0.0.1/", "public_address"),
            ("https://2130706433/", "public_address"),
            ("https://0x7f.1/", "public_address"),
            ("https://127。0。0。1/", "public_address"),
            ("https://[::1]/", "public_address"),
            ("https://127.0.0.2:9000/", "port"),
            ("http://127.0.0.1:9001/", "https"),
        ] {
            let refused = Location::parse(text, &rules()).expect_err(text);
            assert_eq!(refused.fields[0].rule, format!("url.{rule}"), "{text}");
        }
    }
}
