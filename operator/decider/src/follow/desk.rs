//! The thread that bundles are read, loaded and written on.
//!
//! Requests go before them: where both want the same processor, the thread gets about a tenth of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::{io, thread};

use tokio::sync::oneshot;
use tracing::{debug, warn};

use super::keeper::Keeper;

/// How far the thread steps back, as `nice` counts it.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

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
            step_back();
            for work in inbox {
                // What a panic leaves of a keeper is of use: it is asked again, with the same bundle or the next.
                if catch_unwind(AssertUnwindSafe(|| work(&mut keeper))).is_err() {
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

/// Lets whoever answers requests go first. On Linux the priority is the thread's own.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        debug!(%error, "bundles are loaded at the priority of requests");
    }
}
