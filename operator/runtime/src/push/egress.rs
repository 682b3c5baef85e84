//! Where Channels may send their rules: what the operator's settings let them reach.
//!
//! A URL is judged before it is called, and every address that its name resolves to before it is connected to, with the
//! addresses handed to the connection being those that were judged: a name that answers otherwise a moment later reaches
//! nothing more.

mod ranges;

use std::net::IpAddr;

use ipnet::IpNet;
use reqwest::Url;

use ranges::{Standing, standing};

/// What may be reached.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    /// Hosts, or `*.` and what they end in; empty: any.
    hosts: Vec<String>,
    allow_http: bool,
    /// Networks that may be reached although they are private.
    networks: Vec<IpNet>,
}

/// Why something may not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Plain text.
    #[error(
        "`{host}` would be called without TLS: use https, or let the operator allow http (`push.allowHttp`)"
    )]
    Scheme {
        /// The URL's host.
        host: String,
    },
    /// Credentials in the open.
    #[error("the url of `{host}` carries credentials: put them into a Secret and name it under `auth`")]
    Credentials {
        /// The URL's host.
        host: String,
    },
    /// A host that is not listed.
    #[error("host `{host}` is none that the operator may send to: add it to `push.hosts`")]
    Host {
        /// The host.
        host: String,
    },
    /// A private address that is not allowed.
    #[error(
        "`{host}` is at an address that is {range}: add its network to `push.allowedNetworks`, or use a public one"
    )]
    Private {
        /// The host.
        host: String,
        /// What the address is.
        range: &'static str,
    },
    /// An address that nobody may reach.
    #[error("`{host}` is at an address that is {range}, which nobody may reach")]
    Never {
        /// The host.
        host: String,
        /// What the address is.
        range: &'static str,
    },
}

impl Egress {
    /// Only what these settings allow.
    pub fn new(hosts: &[String], allow_http: bool, networks: &[IpNet]) -> Self {
        let hosts = hosts.iter().map(|host| plain(host));
        Self {
            hosts: hosts.filter(|host| !host.is_empty()).collect(),
            allow_http,
            networks: networks.to_vec(),
        }
    }

    /// Judges a URL, and the address in it if it names one.
    ///
    /// # Errors
    /// When it may not be called.
    pub(super) fn check(&self, url: &Url) -> Result<(), Denied> {
        let host = host(url);
        let is_plain = url.scheme() == "http" && self.allow_http;
        if url.scheme() != "https" && !is_plain {
            return Err(Denied::Scheme { host });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Denied::Credentials { host });
        }
        if !self.lists(&host) {
            return Err(Denied::Host { host });
        }
        match host.parse() {
            Ok(address) => self.check_address(&host, address),
            Err(_) => Ok(()),
        }
    }

    /// Judges an address that a host is at.
    ///
    /// # Errors
    /// When it may not be connected to.
    pub(super) fn check_address(&self, host: &str, address: IpAddr) -> Result<(), Denied> {
        let host = || host.to_owned();
        match standing(address) {
            Standing::Public => Ok(()),
            Standing::Never(range) => Err(Denied::Never { host: host(), range }),
            Standing::Private(_) if self.allows(address) => Ok(()),
            Standing::Private(range) => Err(Denied::Private { host: host(), range }),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    fn lists(&self, host: &str) -> bool {
        let is_it = |pattern: &String| match pattern.strip_prefix('*') {
            // `*.example.com` keeps its dot, so that `notexample.com` does not end in it.
            Some(end) => end.starts_with('.') && host.len() > end.len() && host.ends_with(end),
            None => host == pattern,
        };
        self.hosts.is_empty() || self.hosts.iter().any(is_it)
    }
}

/// A URL's host, without the brackets of an IPv6 address or the dot at the end of a full name.
pub(super) fn host(url: &Url) -> String {
    plain(url.host_str().unwrap_or_default())
}

fn plain(host: &str) -> String {
    let host = host.trim().trim_end_matches('.').to_ascii_lowercase();
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.map(str::to_owned).unwrap_or(host)
}

#[cfg(test)]
mod tests;
