//! What was said of tokens, for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hashlink::LruCache;
use sha2::{Digest as _, Sha256};

/// Most verdicts that are remembered: about 20 MB when full.
const MAX_VERDICTS: usize = 65_536;

/// How long a token is believed: a pod that is deleted may report for so long.
const KNOWN_FOR: Duration = Duration::from_mins(1);

/// How long a token is not asked for again that nobody vouched for.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// What precedes the names of service accounts.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// Whom the API server vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller(String);

/// What the API server says of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is this caller's.
    Known(Caller),
    /// It is nobody's, or for others to see.
    Unknown,
}

impl Caller {
    pub(super) fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The user name.
    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// The namespace of a service account; nobody else has one.
    pub(super) fn namespace(&self) -> Option<&str> {
        let (namespace, account) = self.0.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')?;
        let is_one = !namespace.is_empty() && !account.is_empty() && !account.contains(':');
        is_one.then_some(namespace)
    }
}

/// Verdicts by the tokens' hashes; tokens themselves are not kept.
#[derive(Debug)]
pub(super) struct Verdicts(Mutex<LruCache<[u8; 32], (Verdict, Instant)>>);

impl Default for Verdicts {
    fn default() -> Self {
        Self::bounded(MAX_VERDICTS)
    }
}

impl Verdicts {
    pub(super) fn bounded(entries: usize) -> Self {
        Self(Mutex::new(LruCache::new(entries)))
    }

    /// What was said of a token, if that still counts.
    pub(super) fn get(&self, token: &str, now: Instant) -> Option<Verdict> {
        let key = hash(token);
        let mut verdicts = self.lock();
        let (verdict, until) = verdicts.get(&key)?;
        if now < *until {
            return Some(verdict.clone());
        }
        verdicts.remove(&key);
        None
    }

    /// Remembers what was said.
    pub(super) fn put(&self, token: &str, verdict: Verdict, now: Instant) {
        let length = match verdict {
            Verdict::Known(_) => KNOWN_FOR,
            Verdict::Unknown => UNKNOWN_FOR,
        };
        self.lock().insert(hash(token), (verdict, now + length));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<[u8; 32], (Verdict, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
