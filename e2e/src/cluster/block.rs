//! Addresses that nothing else on this machine has.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail};

use crate::ports::lock;

/// Reserved for tests of networks (RFC 2544): it is on no other network, though perhaps on another test's.
const RANGE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
/// How many blocks of [`SIZE`] addresses are in it.
const BLOCKS: u16 = 32;
const SIZE: u32 = 1 << 12;
/// Where in a block pods and services begin; each have 1024 addresses.
const PODS: u32 = 1 << 10;
const SERVICES: u32 = 2 << 10;

/// The addresses of one cluster, kept for it as long as this lives, also from other test binaries.
#[derive(Debug)]
pub(super) struct Block {
    index: u16,
    /// The lock ends with the file, however this process ends.
    _lock: File,
}

impl Block {
    pub(super) fn take() -> Result<Self> {
        let locks = std::env::temp_dir().join("attune-e2e-networks");
        fs::create_dir_all(&locks).with_context(|| format!("create {}", locks.display()))?;
        let routes = fs::read_to_string("/proc/net/route").context("read the routes of this machine")?;
        for index in 0..BLOCKS {
            if let Some(lock) = lock(&locks, index)?
                && !is_routed(&routes, base(index))
            {
                return Ok(Self { index, _lock: lock });
            }
        }
        bail!(
            "every block of addresses in {RANGE}/15 is taken by other tests, or routed elsewhere by this machine"
        )
    }

    /// The near end of the link to the node, as an interface is called: who had this block before calls theirs otherwise.
    pub(super) fn interface(&self) -> String {
        format!("attune{}-{}", std::process::id(), self.index)
    }

    /// The near end's address: from there tests come to the node.
    pub(super) fn near(&self) -> Ipv4Addr {
        self.at(1)
    }

    /// The node's address.
    pub(super) fn node(&self) -> Ipv4Addr {
        self.at(2)
    }

    pub(super) fn pods(&self) -> String {
        format!("{}/22", self.at(PODS))
    }

    pub(super) fn services(&self) -> String {
        format!("{}/22", self.at(SERVICES))
    }

    /// That of the API server.
    pub(super) fn first_service(&self) -> Ipv4Addr {
        self.at(SERVICES + 1)
    }

    /// That of the cluster's name server.
    pub(super) fn name_server(&self) -> Ipv4Addr {
        self.at(SERVICES + 10)
    }

    fn at(&self, offset: u32) -> Ipv4Addr {
        (base(self.index) + offset).into()
    }
}

fn base(index: u16) -> u32 {
    u32::from(RANGE) + u32::from(index) * SIZE
}

/// Whether a route other than the default one leads into the block. The lines are those of /proc/net/route, whose addresses
/// stand there in the machine's byte order.
fn is_routed(routes: &str, base: u32) -> bool {
    routes.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace();
        let number = |text: Option<&str>| {
            let bytes = u32::from_str_radix(text?, 16).ok()?.to_ne_bytes();
            Some(u32::from_be_bytes(bytes))
        };
        let destination = number(fields.nth(1));
        let mask = number(fields.nth(5));
        match (destination, mask) {
            (Some(destination), Some(mask)) if mask != 0 => {
                // They overlap where they agree in what both fix.
                let both = mask & !(SIZE - 1);
                destination & both == base & both
            }
            _ => false,
        }
    })
}
