use std::collections::BTreeSet;
use std::net::TcpListener;

use super::{Port, lock, lock_directory};

#[test]
fn ports_held_at_once_are_different_and_free() {
    let ports: Vec<Port> = (0..50).map(|_| Port::take().unwrap()).collect();
    let numbers: BTreeSet<u16> = ports.iter().map(Port::number).collect();
    assert_eq!(numbers.len(), ports.len());
    for number in numbers {
        TcpListener::bind(("127.0.0.1", number)).unwrap();
    }
}

#[test]
fn a_held_port_is_passed_over_until_it_is_dropped() {
    let port = Port::take().unwrap();
    let (directory, number) = (lock_directory().unwrap(), port.number());
    assert!(lock(&directory, number).unwrap().is_none());
    drop(port);
    assert!(lock(&directory, number).unwrap().is_some());
}
