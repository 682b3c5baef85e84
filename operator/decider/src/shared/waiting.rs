//! What is written behind: shows and outcomes that nobody waits for, in the order in which they came.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{RedisError, RedisResult};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::entry::Entry;
use super::gauge::Operation;
use super::names::UnitKey;
use super::{Core, PATIENCE};

/// Entries that wait at most: about 15 MB when full.
const MOST: usize = 65_536;

/// Entries written in one round trip.
const BATCH: usize = 256;

/// How often one that the server refuses is tried while it takes others.
const ATTEMPTS: u8 = 5;

/// What a server says that takes nothing from anybody now, or from us.
const TAKES_NOTHING: [&str; 12] = [
    "OOM",
    "READONLY",
    "MISCONF",
    "NOREPLICAS",
    "LOADING",
    "BUSY",
    "TRYAGAIN",
    "CLUSTERDOWN",
    "MASTERDOWN",
    "NOPERM",
    "NOAUTH",
    "NOSCRIPT",
];

/// Pause after a refusal.
const PAUSE: Duration = Duration::from_millis(200);

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queue: Mutex<Queue>,
    news: Notify,
    /// How many have left the queue, one way or the other.
    done: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Pending>,
    /// How many have ever come.
    came: u64,
    /// Those that are being written now.
    under_way: usize,
}

impl Queue {
    /// How many have left it, where none is being written.
    fn done(&self) -> u64 {
        let next = self.entries.front().map(|pending| pending.number - 1);
        next.unwrap_or(self.came)
    }
}

#[derive(Debug, Clone)]
struct Pending {
    unit: UnitKey,
    entry: Entry,
    attempts: u8,
    /// Its place among all that ever came.
    number: u64,
}

impl Waiting {
    /// Adds one; gives how many were dropped for it, the oldest first.
    pub(super) fn add(&self, unit: UnitKey, entry: Entry) -> u64 {
        let mut queue = self.lock();
        queue.came += 1;
        let number = queue.came;
        queue.entries.push_back(Pending {
            unit,
            entry,
            attempts: 0,
            number,
        });
        let dropped = queue.entries.len().saturating_sub(MOST);
        queue.entries.drain(..dropped);
        drop(queue);
        self.news.notify_one();
        dropped as u64
    }

    pub(super) fn len(&self) -> i64 {
        let queue = self.lock();
        i64::try_from(queue.entries.len() + queue.under_way).unwrap_or(i64::MAX)
    }

    /// Drops what waits for a unit; whether anything did.
    pub(super) fn forget(&self, unit: &UnitKey) -> bool {
        let mut queue = self.lock();
        let before = queue.entries.len();
        queue.entries.retain(|pending| pending.unit != *unit);
        let dropped = before != queue.entries.len();
        // What is being written is told of when it is.
        let done = (queue.under_way == 0).then(|| queue.done());
        drop(queue);
        if let Some(done) = done {
            self.done.send_replace(done);
        }
        dropped
    }

    /// Waits until everything that has come so far has left.
    pub(super) async fn settled(&self) {
        let came = self.lock().came;
        let mut done = self.done.subscribe();
        // The sender lives as long as this does.
        let _ = done.wait_for(|done| *done >= came).await;
    }

    fn take(&self) -> Vec<Pending> {
        let mut queue = self.lock();
        let count = queue.entries.len().min(BATCH);
        queue.under_way = count;
        queue.entries.drain(..count).collect()
    }

    /// Puts back what was not written, before what came meanwhile.
    fn put_back(&self, left: Vec<Pending>) {
        let mut queue = self.lock();
        queue.under_way = 0;
        for pending in left.into_iter().rev() {
            queue.entries.push_front(pending);
        }
        let done = queue.done();
        drop(queue);
        self.done.send_replace(done);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Every change leaves the queue whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what waits for as long as it is polled.
pub(super) async fn write_behind(core: Arc<Core>) {
    loop {
        if core.waiting.lock().entries.is_empty() {
            core.waiting.news.notified().await;
            continue;
        }
        if core.connection.load().is_none() {
            core.found.notified().await;
            continue;
        }
        let batch = core.waiting.take();
        let (left, lost) = write(&core, batch).await;
        let is_held_up = !left.is_empty();
        core.waiting.put_back(left);
        core.gauges.lost.inc_by(lost);
        core.gauges.waiting.set(core.waiting.len());
        if is_held_up {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Writes a batch in one round trip; gives what is left of it, and how many were given up.
async fn write(core: &Core, batch: Vec<Pending>) -> (Vec<Pending>, u64) {
    let bounds = core.bounds();
    let mut calls = redis::pipe();
    for pending in &batch {
        let call = calls.cmd("EVALSHA").arg(core.script.get_hash()).arg(2);
        let lists = [&pending.unit.shows, &pending.unit.outcomes];
        call.arg(&lists).arg("always").arg([0, 0, 0, 0].as_slice());
        call.arg(bounds.as_slice()).arg(&pending.entry);
    }
    calls.ignore_errors();
    let deadline = Instant::now() + PATIENCE;
    let answers = core
        .ask(Operation::Write, deadline, async |mut redis| {
            calls
                .query_async::<Vec<RedisResult<redis::Value>>>(&mut redis)
                .await
        })
        .await;
    let Ok(answers) = answers else {
        return (batch, 0);
    };
    let takes_some = answers.iter().any(Result::is_ok);
    let mut left = Vec::new();
    let mut lost = 0;
    let mut is_unknown = false;
    for (mut pending, answer) in batch.into_iter().zip(answers) {
        let Err(error) = answer else { continue };
        is_unknown |= error.kind() == redis::ErrorKind::Server(redis::ServerErrorKind::NoScript);
        // Only where it takes others the trouble is this one.
        if takes_some && !takes_nothing(&error) {
            pending.attempts += 1;
        }
        if pending.attempts < ATTEMPTS {
            left.push(pending);
        } else {
            lost += 1;
        }
    }
    if is_unknown {
        reload(core).await;
    }
    (left, lost)
}

/// Whether a refusal is about the server, not about what was written. Older servers put the word within the text of an error
/// of the script.
fn takes_nothing(error: &RedisError) -> bool {
    let text = error.detail().unwrap_or_default();
    let words = text.split(|letter: char| !letter.is_ascii_uppercase());
    let mut words = error.code().into_iter().chain(words);
    words.any(|word| TAKES_NOTHING.contains(&word))
}

/// Gives the server its script back: somebody made it forget.
async fn reload(core: &Core) {
    let deadline = Instant::now() + PATIENCE;
    let loaded = core.ask(Operation::Write, deadline, async |mut redis| {
        core.script.load_async(&mut redis).await
    });
    // Should that fail, the next batch says so.
    let _ = loaded.await;
}
