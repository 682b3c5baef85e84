//! Answers about access, for a while and no more than so many.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use attune_compile::access::{Answer, Question};
use hashlink::LruCache;
use tokio::time::Instant;

/// Answers that are kept, some hundred bytes each.
const MOST: usize = 20_000;

type Key = (String, Question);

/// The last answer to each question.
pub(super) struct Memory(Mutex<LruCache<Key, (Instant, Answer)>>);

impl Default for Memory {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MOST)))
    }
}

impl Memory {
    /// An answer that is not older than so much.
    pub(super) fn recall(&self, namespace: &str, question: &Question, within: Duration) -> Option<Answer> {
        let key = (namespace.to_owned(), question.clone());
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, answer) = answers.get(&key)?;
        (since.elapsed() < within).then_some(*answer)
    }

    pub(super) fn keep(&self, namespace: &str, question: &Question, answer: Answer) {
        let key = (namespace.to_owned(), question.clone());
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(key, (Instant::now(), answer));
    }
}
