//! Verdicts on tokens, for a while and no more than so many.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hashlink::LruCache;
use tokio::time::Instant;

use super::{Caller, CallerError};

/// How long a verdict holds: as long as a revoked token may still be used.
const HOLDS: Duration = Duration::from_mins(1);

/// Verdicts that are kept, some hundred bytes each.
const MOST: usize = 10_000;

/// The SHA-256 of a token.
type Key = [u8; 32];

type Verdict = Result<Caller, CallerError>;

pub(super) struct Memory(Mutex<LruCache<Key, (Instant, Verdict)>>);

impl Default for Memory {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MOST)))
    }
}

impl Memory {
    pub(super) fn recall(&self, key: &Key) -> Option<Verdict> {
        let mut verdicts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, verdict) = verdicts.get(key)?;
        (since.elapsed() < HOLDS).then(|| verdict.clone())
    }

    pub(super) fn keep(&self, key: Key, verdict: Verdict) {
        let mut verdicts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.insert(key, (Instant::now(), verdict));
    }
}
