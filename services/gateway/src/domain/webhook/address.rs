//! Which addresses of the internet a webhook may go to: those that belong to somebody in the public internet, and none
//! that lead back into a house of ours, into this machine, or through a translator to either.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not called; `None` for one that may be.
pub(crate) fn refusal(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, d] = address.octets();
    Some(match (a, b, c, d) {
        (0, ..) => "this network",
        (10, ..) | (172, 16..=31, ..) | (192, 168, ..) => "private",
        (100, 64..=127, ..) => "shared by a carrier",
        (127, ..) => "loopback",
        (169, 254, ..) => "link-local",
        // Protocol assignments, documentation, relays of 6to4, AS112.
        (192, 0, 0, _) | (192, 31, 196, _) | (192, 52, 193, _) | (192, 175, 48, _) => "reserved",
        (192, 0, 2, _) | (198, 51, 100, _) | (203, 0, 113, _) => "documentation",
        (192, 88, 99, _) => "6to4 relay",
        (198, 18..=19, ..) => "benchmark",
        (224..=239, ..) => "multicast",
        (240..=255, ..) => "reserved",
        // An address by which a cloud answers questions about itself, outside of the ranges above.
        (168, 63, 129, 16) => "metadata",
        _ => return None,
    })
}

fn v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let last = || {
        let [.., high, low] = segments;
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    Some(match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => "unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        // An IPv4 address in other clothes is refused even if it is public: there is no honest use of it.
        [0, 0, 0, 0, 0, 0xffff, ..] => v4(last()).unwrap_or("IPv4-mapped"),
        [0, 0, 0, 0, 0xffff, 0, ..] => "IPv4-translated",
        [0, 0, 0, 0, 0, 0, ..] => "IPv4-compatible",
        [0x64, 0xff9b, ..] => "NAT64",
        [0x100, 0, 0, 0 | 1, ..] => "discard",
        // IETF protocol assignments: Teredo, benchmarks, ORCHID and their like.
        [0x2001, 0, ..] => "Teredo",
        [0x2001, 0x0db8, ..] => "documentation",
        [0x2001, 0..=0x01ff, ..] => "reserved",
        [0x2002, ..] => "6to4",
        [0x3fff, 0..=0x0fff, ..] => "documentation",
        [0x5f00, ..] => "segment routing",
        [0xfc00..=0xfdff, ..] => "unique local",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfec0..=0xfeff, ..] => "site-local",
        [0xff00..=0xffff, ..] => "multicast",
        // Only this part of the space is given out for the public internet.
        [0x2000..=0x3fff, ..] => return None,
        _ => "reserved",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_called() {
        for public in ["1.1.1.1", "8.8.8.8", "93.184.216.34", "223.5.5.5", "172.32.0.1", "100.128.0.1", "192.0.1.1"]
            .into_iter()
            .chain(["2606:4700:4700::1111", "2400:3200::1", "2001:4860:4860::8888", "2a00:1450:4001::1"])
        {
            assert_eq!(refusal(public.parse().unwrap()), None, "{public}");
        }
        for internal in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ffff::1",
        ] {
            assert!(refusal(internal.parse().unwrap()).is_some(), "{internal}");
        }
    }
}
