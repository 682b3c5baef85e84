//! The way of rules from the operator: a long poll over HTTP, with the last good bundle on disk and in a ConfigMap.
//!
//! `GET {operator}/v1/bundles/{namespace}/{channel}?wait=30s&decider={id}` with `If-None-Match: "<revision>"` waits until
//! there is another revision. The revision that a decider names there is the one that it decides by, which is how the
//! operator learns that a bundle has arrived. One that cannot be used is named in `Attune-Refused`, with the reason in
//! `Attune-Refused-Reason`; the old one decides on.
//!
//! Once in a while, what was counted of requests and decisions follows: `POST .../{channel}/counts`, see
//! [`attune_core::measure::counts`]. What the operator does not take is told with the next ones.
//!
//! Nothing here ends the process: without the operator it decides by the last good bundle, which is on disk or in the
//! mounted ConfigMap, and without that by none. What the operator answers later always counts.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::Url;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use crate::complaint::Complaint;
use crate::decider::{Decider, Source};
use crate::link::Credentials;
use crate::metrics::Poll;

mod backoff;
mod desk;
mod fallback;
mod keeper;
mod name;
mod poll;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use backoff::Backoff;
use desk::Desk;
use fallback::Fallback;
use keeper::Keeper;
pub use name::{Name, NameError};
use poll::{News, PollError, Poller, Published, Refusal};
pub use store::{Store, StoreError};

/// Questions without an answer after which a decider looks for news elsewhere.
const ALONE_AFTER: u32 = 3;

/// Which bundle to follow, and how.
#[derive(Debug)]
pub struct Config {
    /// Base URL of the operator.
    pub operator: Url,
    /// Whom to trust, and how to prove who asks.
    pub credentials: Credentials,
    /// The Channel's namespace.
    pub namespace: Name,
    /// The Channel.
    pub channel: Name,
    /// How this decider is called in the Channel's status; the pod's name.
    pub id: Name,
    /// Where the last good bundle is kept; `None` keeps none.
    pub store: Option<Store>,
    /// The bundle in a mounted ConfigMap, compressed.
    pub fallback: Option<PathBuf>,
    /// How often to ask.
    pub pace: Pace,
}

/// How often the operator is asked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long the operator may hold a question until there is news.
    pub wait: Duration,
    /// Least time from one question to the next where the operator answers at once.
    pub spacing: Duration,
    /// The first pause after a failure; it doubles up to `longest_pause`.
    pub first_pause: Duration,
    /// The longest pause after failures.
    pub longest_pause: Duration,
    /// The pause while the operator offers nothing but a bundle that was refused: it answers such a question at once.
    pub refused_pause: Duration,
    /// Least time from one attempt to write to a disk that takes nothing to the next.
    pub store_pause: Duration,
    /// Least time from one report of counts to the next.
    pub report_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(30),
            spacing: Duration::from_millis(250),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(10),
            refused_pause: Duration::from_secs(2),
            store_pause: Duration::from_secs(10),
            report_pause: Duration::from_mins(1),
        }
    }
}

/// Keeps a decider at the newest bundle of its Channel.
#[derive(Debug)]
pub struct Follower {
    decider: Decider,
    pace: Pace,
    poller: Poller,
    desk: Desk,
    refused: Option<Refusal>,
    /// Questions without an answer since the last one that had one.
    failures: u32,
    /// When counts were last reported, or the operator did not take them.
    reported: Instant,
    complaint: Complaint,
}

/// Why a follower cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The URL takes no path.
    #[error("the operator's URL `{url}` takes no path; give one like `https://attune-operator.attune.svc`")]
    ExtendUrl {
        /// The URL given.
        url: Url,
    },
    /// There is no thread to load bundles on.
    #[error("cannot start the thread that loads bundles")]
    StartThread(#[from] std::io::Error),
}

impl Follower {
    /// A follower of one Channel for one decider.
    ///
    /// # Errors
    /// When the URL takes no path.
    pub fn new(decider: Decider, config: Config) -> Result<Self, FollowError> {
        let poller = Poller::new(&config)?;
        let fallback = config.fallback.as_deref().map(Fallback::new);
        let keeper = Keeper::new(decider.clone(), config.store, fallback, config.pace.store_pause);
        Ok(Self {
            decider,
            pace: config.pace,
            poller,
            desk: Desk::open(keeper)?,
            refused: None,
            failures: 0,
            reported: Instant::now(),
            complaint: Complaint::default(),
        })
    }

    /// Adopts the last good bundle from disk or the fallback, if there is one; a damaged one is ignored.
    pub async fn restore(&self) {
        self.desk.keep(Keeper::restore).await;
    }

    /// Asks for news until `stop` turns true or its sender is gone. A bundle that has arrived is adopted and kept on disk
    /// before this ends.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut backoff = Backoff::new(self.pace.first_pause, self.pace.longest_pause);
        loop {
            let asked = Instant::now();
            let known = self.decider.revision();
            let fetched = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                fetched = self.poller.ask(known.as_deref(), self.refused.as_ref()) => fetched,
            };
            let pause = match fetched {
                Ok(news) => {
                    backoff.reset();
                    let pause = self.hear(news).await;
                    tokio::select! {
                        _ = stop.wait_for(|stop| *stop) => return,
                        () = self.report() => {}
                    }
                    pause.saturating_sub(asked.elapsed())
                }
                Err(error) => {
                    self.miss(&error).await;
                    backoff.next()
                }
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Does what an answer asks for; gives the least time until the next question.
    async fn hear(&mut self, news: News) -> Duration {
        let rules = &self.decider.metrics().rules;
        rules.mark_polled(self.decider.now());
        self.failures = 0;
        if self.complaint.settle() {
            info!("the operator answers again");
        }
        let spacing = match news {
            News::None => {
                rules.polls.inc(Poll::Unchanged);
                self.decider.confirm(Source::Operator);
                self.pace.spacing
            }
            News::Refused => {
                rules.polls.inc(Poll::Refused);
                self.pace.refused_pause
            }
            News::Published(published) => {
                rules.polls.inc(Poll::Published);
                self.take(published).await;
                self.pace.spacing
            }
        };
        self.desk.keep(|keeper| keeper.tend(false)).await;
        spacing
    }

    /// Tells the operator what was counted, when it is time.
    async fn report(&mut self) {
        if self.reported.elapsed() < self.pace.report_pause {
            return;
        }
        let account = self.decider.account();
        let counts = account.take();
        if counts.is_empty() {
            return;
        }
        self.reported = Instant::now();
        if let Err(error) = self.poller.report(&counts).await {
            // An operator before this version knows no counts; what is wrong otherwise is told by the next question.
            debug!(error = &error as &dyn std::error::Error, "counts are told later");
            account.give_back(&counts);
        }
    }

    /// Looks elsewhere where the operator has not answered for a while.
    async fn miss(&mut self, error: &PollError) {
        self.decider.metrics().rules.polls.inc(error.kind());
        self.failures = self.failures.saturating_add(1);
        if self.complaint.is_news(error) {
            let error = error as &dyn std::error::Error;
            warn!(error, "no news from the operator; asking on");
        }
        // A fallback that changes in the meantime is left to be found once it is clear that the operator is gone.
        if self.failures >= ALONE_AFTER || self.decider.revision().is_none() {
            self.desk.keep(|keeper| keeper.tend(true)).await;
        }
    }

    /// Adopts a bundle and keeps it on disk, or remembers to report why not.
    async fn take(&mut self, published: Published) {
        let revision = published.revision.clone();
        let taken = self.desk.keep(|keeper| keeper.take(published)).await;
        let (is_intact, adopted) = taken.unwrap_or_else(|| (true, Err("adopting it failed".to_owned())));
        match adopted {
            Ok(()) => {
                info!(revision, "adopted a bundle");
                self.refused = None;
            }
            Err(reason) => {
                warn!(revision, reason, "refused a bundle; the old one decides on");
                self.refused = Some(Refusal {
                    revision,
                    reason,
                    is_intact,
                });
            }
        }
    }
}
