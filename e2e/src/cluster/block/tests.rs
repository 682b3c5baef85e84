use std::net::Ipv4Addr;

use super::{Block, base, is_routed};

const HEADER: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

/// A line of /proc/net/route.
fn route(destination: [u8; 4], mask: [u8; 4]) -> String {
    let hex = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
    format!(
        "{HEADER}eth0\t{}\t00000000\t0001\t0\t0\t0\t{}\t0\t0\t0\n",
        hex(destination),
        hex(mask)
    )
}

#[test]
fn a_block_that_is_routed_elsewhere_is_passed_over() {
    let inside = route([198, 18, 4, 0], [255, 255, 255, 0]);
    assert!(is_routed(&inside, base(0)));
    assert!(!is_routed(&inside, base(1)));
    let around = route([198, 18, 0, 0], [255, 254, 0, 0]);
    assert!(is_routed(&around, base(0)) && is_routed(&around, base(31)));
}

#[test]
fn the_default_route_and_other_networks_take_no_block() {
    assert!(!is_routed(&route([0, 0, 0, 0], [0, 0, 0, 0]), base(0)));
    assert!(!is_routed(&route([192, 0, 2, 0], [255, 255, 255, 0]), base(0)));
    assert!(!is_routed(HEADER, base(0)));
}

#[test]
fn blocks_held_at_once_have_no_address_in_common() {
    let (one, other) = (Block::take().unwrap(), Block::take().unwrap());
    assert_ne!(one.node(), other.node());
    assert_ne!(one.pods(), other.pods());
    assert_ne!(one.interface(), other.interface());
    assert_eq!(one.first_service(), next(&one.services()));
}

fn next(range: &str) -> Ipv4Addr {
    let (first, _) = range.split_once('/').unwrap();
    (u32::from(first.parse::<Ipv4Addr>().unwrap()) + 1).into()
}
