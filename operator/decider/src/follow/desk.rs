//! The thread that bundles are read, loaded and written on.
//!
//! Requests go before them: the thread works in pieces, after each of which it gives way to whoever waits for its processor.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{io, thread};

use attune_core::pieces;
use tokio::sync::oneshot;
use tracing::warn;

use super::keeper::Keeper;

/// For how long the thread may work before it gives way.
const PIECE: Duration = Duration::from_micros(200);

/// For how long it does: to read and link a bundle of 1,000 audiences and 200 touchpoints takes 8 ms instead of 3.4.
const PAUSE: Duration = Duration::from_micros(200);

type Work = Box<dyn FnOnce(&mut Keeper) + Send>;

/// Where work for the keeper is left. Its thread ends with it.
#[derive(Debug)]
pub(super) struct Desk(mpsc::Sender<Work>);

impl Desk {
    /// Sits the keeper down on a thread of its own.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn open(mut keeper: Keeper) -> io::Result<Self> {
        let (sender, inbox) = mpsc::channel::<Work>();
        let thread = thread::Builder::new().name("bundles".to_owned());
        thread.spawn(move || {
            for work in inbox {
                let work = || pieces::between(give_way, || work(&mut keeper));
                // What a panic leaves of a keeper is of use: it is asked again, with the same bundle or the next.
                if catch_unwind(AssertUnwindSafe(work)).is_err() {
                    warn!("work on bundles broke off");
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// Lets the keeper do something; `None` where that broke off.
    pub(super) async fn keep<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Keeper) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |keeper| {
            // Nobody waits any more when the process ends.
            let _ = reply.send(work(keeper));
        });
        self.0.send(work).ok()?;
        answer.await.ok()
    }
}

/// Lets whoever answers requests go first. A scheduler would by itself, but only after some milliseconds, in which nobody
/// is answered; and to yield is not enough where it owes this thread some time.
fn give_way() {
    thread_local! {
        /// When this thread last gave way.
        static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
    }
    if LAST.get().is_none_or(|last| last.elapsed() >= PIECE) {
        thread::sleep(PAUSE);
        LAST.set(Some(Instant::now()));
    }
}
