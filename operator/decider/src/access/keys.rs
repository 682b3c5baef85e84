//! Keys that callers show, from a file that a Secret is mounted as.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};
use tracing::{info, warn};

use crate::complaint::Complaint;
use crate::file::Watched;

/// Largest file with keys, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);

type Digest = [u8; 32];

/// The keys in force; clones share them. What is kept are hashes, which are compared: how long that takes says nothing
/// about a key.
#[derive(Debug, Clone)]
pub struct Keys(Arc<ArcSwap<Known>>);

/// Which keys open, and the token that each gives for the event stream.
#[derive(Debug, Default)]
struct Known(BTreeMap<Digest, String>);

/// Why a file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error("cannot read the keys")]
    Read(#[source] std::io::Error),
    #[error("a line is no key; write each on a line of its own, in printable ASCII without spaces")]
    Parse,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
#[error("there is no key in it, or it is not there; write one on a line of its own")]
struct NoKey;

impl Keys {
    /// No key yet: nobody is let in.
    pub fn none() -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Known::default())))
    }

    /// The keys of a text: one a line; blank lines and what begins with `#` are skipped. `None` where a line is no key.
    pub fn parse(text: &str) -> Option<Self> {
        let keys = Self::none();
        keys.0.store(Arc::new(known(text.as_bytes())?));
        Some(keys)
    }

    /// Whether a request shows a key, as `Authorization: Bearer <key>` or `X-API-Key: <key>`.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        shown(headers).is_some_and(|key| self.0.load().0.contains_key(&digest(key)))
    }

    /// The token that opens the event stream to whoever showed a key: browsers cannot send headers there. It tells
    /// nothing of the key.
    pub(crate) fn stream_token(&self, headers: &HeaderMap) -> Option<String> {
        self.0.load().0.get(&digest(shown(headers)?)).cloned()
    }

    /// Whether a token opens the event stream.
    pub(crate) fn admit_token(&self, token: &str) -> bool {
        // Compared as hashes, like the keys.
        let token = digest(token.as_bytes());
        let known = self.0.load();
        known.0.values().any(|known| digest(known.as_bytes()) == token)
    }

    /// Keeps to what the file holds, for as long as the process runs. Without the file, or without a key in it, nobody is let
    /// in; what cannot be read or understood leaves the keys as they are.
    pub(crate) async fn follow(self, path: &Path) {
        let mut file = Watched::new(path, MAX_BYTES);
        let mut complaint = Complaint::default();
        loop {
            self.look(&mut file, &mut complaint);
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Reads the file where it has changed.
    pub(crate) fn load(&self, path: &Path) {
        self.look(&mut Watched::new(path, MAX_BYTES), &mut Complaint::default());
    }

    fn look(&self, file: &mut Watched, complaint: &mut Complaint) {
        match read(file) {
            Ok(None) => {}
            Ok(Some(known)) if known.0.is_empty() => {
                self.0.store(Arc::new(known));
                if complaint.is_news(&NoKey) {
                    let error = &NoKey as &dyn std::error::Error;
                    warn!(path = %file.path().display(), error, "nobody is let in");
                }
            }
            Ok(Some(known)) => {
                let (path, keys) = (file.path().display(), known.0.len());
                info!(%path, keys, "taking these keys from now on");
                self.0.store(Arc::new(known));
                complaint.settle();
            }
            Err(error) => {
                if complaint.is_news(&error) {
                    let error = &error as &dyn std::error::Error;
                    warn!(path = %file.path().display(), error, "keys stay as they were");
                }
            }
        }
    }
}

fn read(file: &mut Watched) -> Result<Option<Known>, KeysError> {
    let content = match file.look() {
        Ok(Some(content)) => content,
        Ok(None) => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Some(Known::default())),
        Err(error) => return Err(KeysError::Read(error)),
    };
    let known = known(&content);
    if known.is_none() {
        file.forget();
    }
    known.map(Some).ok_or(KeysError::Parse)
}

/// `None` where something is no key.
fn known(content: &[u8]) -> Option<Known> {
    let mut keys = BTreeMap::new();
    for line in std::str::from_utf8(content).ok()?.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.chars().all(|c| c.is_ascii_graphic()) {
            return None;
        }
        let key = digest(line.as_bytes());
        keys.insert(key, token(&key));
    }
    Some(Known(keys))
}

fn shown(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
    });
    let key = || headers.get("x-api-key").map(HeaderValue::as_bytes);
    bearer.or_else(key).map(<[u8]>::trim_ascii)
}

fn digest(text: &[u8]) -> Digest {
    Sha256::digest(text).into()
}

/// The same for one key in every decider, so that a stream may be opened at another one than told of it.
fn token(key: &Digest) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"attune:changes");
    hasher.update(key);
    let mut token = String::with_capacity(32);
    for byte in hasher.finalize().iter().take(16) {
        // Writing to a String cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut token, format_args!("{byte:02x}"));
    }
    token
}
