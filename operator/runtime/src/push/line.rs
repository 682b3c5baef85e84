//! HTTP clients, by what they are made with.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hashlink::LruCache;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity};
use sha2::{Digest, Sha256};

use super::egress::Egress;
use super::resolve::{Checked, Lookup};
use super::trouble::Trouble;

/// How long a connection without a request is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Clients that are kept; the one that was not used for longest goes.
const MAX_KEPT: usize = 256;

/// How we call ourselves.
const USER_AGENT: &str = concat!("attune-operator/", env!("CARGO_PKG_VERSION"));

/// Certificates of both sides, each with the Secret that it is from.
#[derive(Clone, Default)]
pub(super) struct Tls {
    /// Whom to trust, as PEM; without it the authorities of the host.
    pub(super) authorities: Option<(String, Vec<u8>)>,
    /// What to show, as PEM with its key.
    pub(super) identity: Option<(String, Vec<u8>)>,
    /// The name to expect in the receiver's certificate.
    pub(super) server_name: Option<String>,
}

/// Whom a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The receiver.
    Receiver,
    /// Whoever issues tokens: it may be trusted by the authorities of the host too, and is shown no certificate.
    Issuer,
}

/// Makes clients that connect to nothing but what may be reached. Those who need the same share one: a thousand Channels that
/// trust the authorities of the host hold these once.
pub(super) struct Lines {
    egress: Arc<Egress>,
    lookup: Lookup,
    made: Mutex<LruCache<Vec<u8>, Client>>,
}

impl Lines {
    pub(super) fn new(egress: Arc<Egress>, lookup: Lookup) -> Self {
        Self {
            egress,
            lookup,
            made: Mutex::new(LruCache::new(MAX_KEPT)),
        }
    }

    /// What may be reached.
    pub(super) fn egress(&self) -> &Egress {
        &self.egress
    }

    /// The client for exchanges with `host`.
    pub(super) fn client(&self, end: End, tls: &Tls, host: &str) -> Result<Client, Trouble> {
        let print = fingerprint(end, tls, host);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&print) {
            return Ok(client.clone());
        }
        let client = self.make(end, tls, host)?;
        made.insert(print, client.clone());
        Ok(client)
    }

    fn make(&self, end: End, tls: &Tls, host: &str) -> Result<Client, Trouble> {
        let alias = tls.server_name.as_ref().filter(|_| end == End::Receiver);
        let checked = Checked {
            egress: Arc::clone(&self.egress),
            lookup: Arc::clone(&self.lookup),
            alias: alias.map(|name| (name.to_ascii_lowercase(), host.to_owned())),
        };
        let mut trusted = match &tls.authorities {
            Some((secret, pem)) => Certificate::from_pem_bundle(pem)
                .ok()
                .filter(|found| !found.is_empty())
                .ok_or_else(|| Trouble::secret(secret, "holds no certificates (PEM) to trust"))?,
            None => Vec::new(),
        };
        if trusted.is_empty() || end == End::Issuer {
            trusted.extend(of_the_host().iter().cloned());
        }
        let mut builder = Client::builder()
            .dns_resolver(checked)
            .tls_certs_only(trusted)
            .http1_only()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .user_agent(USER_AGENT);
        if let Some((secret, pem)) = tls.identity.as_ref().filter(|_| end == End::Receiver) {
            let identity = Identity::from_pem(pem)
                .map_err(|_| Trouble::secret(secret, "holds no certificate with its key (PEM)"))?;
            builder = builder.identity(identity);
        }
        builder.build().map_err(|_| {
            let (secret, _) = tls
                .identity
                .as_ref()
                .or(tls.authorities.as_ref())
                .cloned()
                .unwrap_or_default();
            Trouble::secret(&secret, "holds certificates that cannot be used")
        })
    }
}

/// The authorities of the host; those of Mozilla where it has none, as in the image.
fn of_the_host() -> &'static [Certificate] {
    static FOUND: OnceLock<Vec<Certificate>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let native = rustls_native_certs::load_native_certs().certs;
        let native: Vec<_> = native
            .iter()
            .filter_map(|certificate| Certificate::from_der(certificate).ok())
            .collect();
        if !native.is_empty() {
            return native;
        }
        let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        bundled
            .filter_map(|certificate| Certificate::from_der(certificate).ok())
            .collect()
    })
}

fn fingerprint(end: End, tls: &Tls, host: &str) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update([u8::from(end == End::Issuer)]);
    let name = tls.server_name.as_deref().map(str::as_bytes);
    // Where the name is not the host's own, it stands for one host only.
    let host = name.map(|_| host.as_bytes());
    let authorities = tls.authorities.as_ref().map(|(_, pem)| pem.as_slice());
    let identity = tls.identity.as_ref().map(|(_, pem)| pem.as_slice());
    for part in [host, name, authorities, identity] {
        // What is absent is not what is empty.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        hasher.update(length.to_be_bytes());
        hasher.update(part.unwrap_or_default());
    }
    hasher.finalize().to_vec()
}
