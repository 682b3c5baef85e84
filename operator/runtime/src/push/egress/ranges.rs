//! What an address is, after the registries of special-purpose addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Anybody's.
    Public,
    /// Reachable from inside only: may be allowed.
    Private(&'static str),
    /// Never a receiver: may not be allowed.
    Never(&'static str),
}

/// Where clouds tell machines, tasks and pods who they are, with credentials.
const METADATA_V4: [Ipv4Addr; 6] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

pub(super) fn standing(address: IpAddr) -> Standing {
    match address {
        IpAddr::V4(address) => of_v4(address),
        IpAddr::V6(address) => of_v6(address),
    }
}

fn of_v4(address: Ipv4Addr) -> Standing {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        _ if METADATA_V4.contains(&address) => Standing::Never("a cloud's metadata"),
        (0, ..) => Standing::Never("unspecified"),
        (127, ..) => Standing::Private("loopback"),
        (169, 254, _) => Standing::Private("link-local"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Standing::Private("private"),
        (100, 64..=127, _) => Standing::Private("shared by a carrier"),
        (192, 0, 0 | 2) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => Standing::Private("reserved"),
        (224..=239, ..) => Standing::Never("multicast"),
        (240..=255, ..) => Standing::Never("reserved"),
        _ => Standing::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Standing {
    if METADATA_V6.contains(&address) {
        return Standing::Never("a cloud's metadata");
    }
    if let Some(inner) = embedded(address) {
        return of_v4(inner);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Standing::Never("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Standing::Private("loopback"),
        [0xfe80..=0xfebf, ..] => Standing::Private("link-local"),
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Standing::Private("private"),
        [0xff00..=0xffff, ..] => Standing::Never("multicast"),
        // Translated by a prefix of one's own (RFC 8215): its length, and so to whom it leads, cannot be seen.
        [0x64, 0xff9b, 1, ..] => Standing::Never("translated locally"),
        // What is not handed out, or for documents and tests only.
        [0x2001, 0xdb8 | 0..=0x1ff, ..] | [0x3fff, 0..=0xfff, ..] => Standing::Private("reserved"),
        [0x2000..=0x3fff, ..] => Standing::Public,
        _ => Standing::Private("reserved"),
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped, compatible, translated (NAT64) or tunnelled (6to4).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => of(high, low),
        _ => None,
    }
}
