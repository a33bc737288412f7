//! Networks that a partner's program may call from.

use std::net::IpAddr;

use common::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// A network as CIDR: `203.0.113.0/24`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` when it is none, or when bits beyond the prefix are set: that is a slip more often than a wish.
    pub(crate) fn parse(text: &str, field: &str) -> Result<Self> {
        let wrong = || Error::invalid(field, "cidr");
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u8 = prefix.map_or(Ok(longest), str::parse).map_err(|_| wrong())?;
        let network = Self { address, prefix };
        if prefix > longest || network.masked(address) != bits(address) {
            return Err(wrong());
        }
        Ok(network)
    }

    /// Whether the address is in it. An IPv4 address that comes as IPv6 is taken for what it is.
    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.masked(address) == bits(self.address)
    }

    fn masked(&self, address: IpAddr) -> u128 {
        let width = if address.is_ipv4() { 32 } else { 128 };
        let dropped = u32::from(width - self.prefix.min(width));
        bits(address).checked_shr(dropped).and_then(|kept| kept.checked_shl(dropped)).unwrap_or(0)
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.address, self.prefix)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_in_or_out() {
        for (network, address, inside) in [
            ("203.0.113.0/24", "203.0.113.200", true),
            ("203.0.113.0/24", "203.0.114.1", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::5", true),
            ("2001:db8::/32", "2001:db9::5", false),
            ("::/0", "2001:db9::5", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ] {
            let network = Network::parse(network, "allowed_networks[0]").unwrap();
            assert_eq!(network.holds(address.parse().unwrap()), inside, "{network} {address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "203.0.113.0/33", "203.0.113.5/24", "::1/129", "example.com", "203.0.113.0/-1", "1.2.3/8"] {
            assert!(Network::parse(text, "x").is_err(), "{text}");
        }
    }
}
