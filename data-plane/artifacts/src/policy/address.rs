//! Addresses that are never connected to: link-local, cloud metadata, and those that are no host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata services outside the link-local ranges: Alibaba, Azure's host agent, Oracle.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// Metadata services on IPv6: Amazon, Google.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Whether a connection to this address may be opened. Loopback and private networks may.
pub(super) fn admitted(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => admitted_v4(ip),
        IpAddr::V6(ip) => admitted_v6(ip) && embedded(ip).is_none_or(admitted_v4),
    }
}

fn admitted_v4(ip: Ipv4Addr) -> bool {
    let [first, ..] = ip.octets();
    let no_host = first == 0 || ip.is_multicast() || ip.is_broadcast();
    !(ip.is_link_local() || no_host || METADATA_V4.contains(&ip))
}

fn admitted_v6(ip: Ipv6Addr) -> bool {
    let no_host = ip.is_unspecified() || ip.is_multicast();
    !(ip.is_unicast_link_local() || no_host || METADATA_V6.contains(&ip))
}

/// The IPv4 address inside: mapped, compatible, NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let two = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        _ if ip.is_loopback() => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => Some(two(high, low)),
        [0, 0, 0, 0, 0xffff, 0, high, low] => Some(two(high, low)),
        [0x64, 0xff9b, .., high, low] => Some(two(high, low)),
        [0x2002, high, low, ..] => Some(two(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(text: &str) -> bool {
        admitted(text.parse().unwrap())
    }

    #[test]
    fn link_local_and_metadata_are_refused_in_every_spelling() {
        for text in [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(!admits(text), "{text}");
        }
    }

    #[test]
    fn loopback_private_and_public_are_admitted() {
        for text in [
            "127.0.0.1",
            "10.0.0.1",
            "192.168.1.1",
            "8.8.8.8",
            "::1",
            "2001:db8::1",
        ] {
            assert!(admits(text), "{text}");
        }
        assert!(admits("::ffff:127.0.0.1"));
    }
}
