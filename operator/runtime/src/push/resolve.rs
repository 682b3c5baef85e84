//! Names to addresses that may be connected to, and to no others.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::egress::{Denied, Egress};

/// Asks for the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Asks as the host is set up to.
pub fn system_lookup() -> Lookup {
    Arc::new(|host| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Resolves names for one client.
pub(super) struct Checked {
    pub(super) egress: Arc<Egress>,
    pub(super) lookup: Lookup,
    /// A name that stands for another host: what is to be in the certificate, and where that really is.
    pub(super) alias: Option<(String, String)>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let host = match &self.alias {
            Some((alias, host)) if *alias == name => host.clone(),
            _ => name,
        };
        let (egress, lookup) = (Arc::clone(&self.egress), Arc::clone(&self.lookup));
        Box::pin(async move {
            let found = lookup(host.clone()).await?;
            let admitted = admitted(&egress, &host, found)?;
            let addresses = admitted.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// Of the addresses of a host, those that may be connected to.
fn admitted(egress: &Egress, host: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, Denied> {
    let mut denied = None;
    let mut admitted = Vec::new();
    for address in found {
        match egress.check_address(host, address) {
            Ok(()) => admitted.push(address),
            Err(why) => denied = Some(why),
        }
    }
    match denied {
        Some(denied) if admitted.is_empty() => Err(denied),
        _ => Ok(admitted),
    }
}
