//! Where a control plane runs: on the loopback interface, or on a node with a network of its own.

use std::net::{IpAddr, Ipv4Addr};

use crate::Launch;

/// The addresses of a control plane and how its programs are started.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// All of it listens here.
    pub(crate) address: IpAddr,
    /// From which services get their addresses.
    pub(crate) services: String,
    /// The first of them, that of the API server.
    pub(crate) first_service: IpAddr,
    /// Whether pods and a kubelet reach it there.
    pub(crate) has_node: bool,
    /// A command that starts another where this is.
    pub(crate) enter: Vec<String>,
}

impl Place {
    /// Beside the tests, with no node.
    pub(super) fn loopback() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            services: "10.96.0.0/16".to_owned(),
            first_service: Ipv4Addr::new(10, 96, 0, 1).into(),
            has_node: false,
            enter: Vec::new(),
        }
    }

    /// The same program, started here.
    pub(crate) fn of(&self, launch: Launch) -> Launch {
        launch.through(&self.enter)
    }
}
