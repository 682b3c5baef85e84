//! All endpoints: each has one call under way at most, and none waits for another's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use attune_api::channel::SyncFigures;
use attune_api::conditions::Reason;
use attune_api::delivery::{PushDelivery, RuleFormat};
use attune_compile::Publication;
use attune_compile::status::{Delivered, Receiver};
use attune_core::bundle::content_hash;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::Key;
use super::courier::{Courier, Order};
use super::endpoint::{Action, Endpoint, Event};
use super::pace::{Moment, Policy};
use super::secrets::ReadStanding;
use super::trouble::Trouble;
use crate::metrics::{Metrics, Pushed};

/// The most calls that are under way at a time. So many must hang before one waits for another.
const MAX_UNDER_WAY: usize = 512;

/// What a Channel wants to be delivered.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// How.
    pub push: PushDelivery,
    /// What.
    pub publication: Publication,
    /// What its status says of the receiver.
    pub standing: Option<SyncFigures>,
}

/// Sends what is published to every endpoint, while this replica leads.
#[derive(Debug)]
pub struct Pusher {
    state: Mutex<State>,
    changed: Notify,
    news: Notify,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct State {
    lines: BTreeMap<Key, Line>,
    /// How many lines there ever were: an outcome of one that is gone is told nobody.
    lines_ever: u64,
    /// Ends what is under way for lines that are gone.
    ended: Vec<AbortHandle>,
}

/// One endpoint and what goes there.
#[derive(Debug)]
struct Line {
    number: u64,
    endpoint: Endpoint,
    push: Arc<PushDelivery>,
    publication: Publication,
    under_way: Option<AbortHandle>,
    told: Option<Delivered>,
}

/// What came of a call.
struct Outcome {
    key: Key,
    line: u64,
    event: Event,
}

impl Pusher {
    /// A pusher without endpoints.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            news: Notify::new(),
            metrics,
        }
    }

    /// Lets exactly these Channels have what they want; what is under way for any other ends. A Channel in `kept` keeps
    /// what it has: it cannot be read just now.
    pub fn settle(&self, wanted: BTreeMap<Key, Delivery>, kept: &BTreeSet<Key>) {
        let now = moment();
        let mut state = self.lock();
        let is_over = |key: &Key| !wanted.contains_key(key) && !kept.contains(key);
        let over: Vec<Key> = state.lines.keys().filter(|key| is_over(key)).cloned().collect();
        let mut has_changed = !over.is_empty();
        for key in over {
            state.end(&key);
        }
        for (key, delivery) in wanted {
            has_changed |= state.want(key, delivery, now);
        }
        drop(state);
        if has_changed {
            self.changed.notify_one();
        }
    }

    /// Another replica leads: what is under way ends.
    pub fn follow(&self) {
        self.settle(BTreeMap::new(), &BTreeSet::new());
    }

    /// How the delivery to a Channel's endpoint stands.
    pub fn receiver(&self, namespace: &str, channel: &str) -> Receiver {
        let key = (namespace.to_owned(), channel.to_owned());
        match self.lock().lines.get(&key) {
            Some(line) => Receiver::Known(Box::new(line.endpoint.delivered())),
            None => Receiver::Unknown,
        }
    }

    /// Waits until a delivery stands otherwise than before. For one listener.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Delivers until cancelled.
    pub async fn run(&self, courier: Arc<Courier>, standings: ReadStanding) {
        let mut calls = JoinSet::new();
        loop {
            let next = self.begin(&mut calls, &courier, &standings);
            self.tell();
            let wait = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(outcome) = calls.join_next(), if !calls.is_empty() => {
                    // What was ended, or has failed by our own mistake, leaves nothing to tell.
                    if let Ok(outcome) = outcome {
                        self.take(outcome);
                    }
                }
                () = self.changed.notified() => {
                    let state = self.lock();
                    courier.retain(|key| state.lines.contains_key(key));
                }
                () = wait => {}
            }
        }
    }

    /// Begins whatever is due; gives when the next thing is.
    fn begin(
        &self,
        calls: &mut JoinSet<Outcome>,
        courier: &Arc<Courier>,
        standings: &ReadStanding,
    ) -> Option<Instant> {
        let now = moment();
        let mut state = self.lock();
        for ended in state.ended.drain(..) {
            ended.abort();
        }
        let mut next = None;
        for (key, line) in &mut state.lines {
            if calls.len() >= MAX_UNDER_WAY {
                // Whatever ends first lets the others begin.
                return None;
            }
            if let Some(action) = line.endpoint.step(now, Event::Tick) {
                let order = line.order(key, &action);
                let call = call(
                    order,
                    action,
                    line.number,
                    Arc::clone(courier),
                    Arc::clone(standings),
                    Arc::clone(&self.metrics),
                );
                line.under_way = Some(calls.spawn(call));
            }
            next = match (next, line.endpoint.next()) {
                (Some(first), Some(other)) => Some(Instant::min(first, other)),
                (first, other) => first.or(other),
            };
        }
        next
    }

    fn take(&self, outcome: Outcome) {
        let mut state = self.lock();
        let line = state.lines.get_mut(&outcome.key);
        let Some(line) = line.filter(|line| line.number == outcome.line) else {
            return;
        };
        line.under_way = None;
        if let Some(trouble) = outcome.event.trouble() {
            let (namespace, channel) = &outcome.key;
            debug!(namespace, channel, reason = %trouble.reason, message = trouble.message, "not delivered");
        }
        // What follows at once begins with all else that is due.
        line.endpoint.take(moment(), outcome.event);
    }

    /// Lets whoever listens know where a delivery stands otherwise, and counts.
    fn tell(&self) {
        let mut state = self.lock();
        let mut counts: BTreeMap<Pushed, i64> = BTreeMap::new();
        let mut is_news = false;
        for (key, line) in &mut state.lines {
            let delivered = line.endpoint.delivered();
            *counts.entry(Pushed::of(delivered.reason)).or_default() += 1;
            if line.told.as_ref() == Some(&delivered) {
                continue;
            }
            let before = line.told.as_ref().map(|told| told.reason);
            if before != Some(delivered.reason) {
                tell_turn(key, &delivered);
                if delivered.reason == Reason::Drifted {
                    self.metrics.drifted();
                }
            }
            line.told = Some(delivered);
            is_news = true;
        }
        drop(state);
        self.metrics.counted_receivers(&counts);
        if is_news {
            self.news.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change leaves the state whole, so that a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&mut self, key: &Key) {
        if let Some(line) = self.lines.remove(key) {
            self.ended.extend(line.under_way);
        }
    }

    /// Gives whether anything is to be done otherwise.
    fn want(&mut self, key: Key, delivery: Delivery, now: Moment) -> bool {
        let target = target(&delivery.push);
        if let Some(line) = self
            .lines
            .get_mut(&key)
            .filter(|line| line.endpoint.target() == target)
        {
            return line.follow(delivery, now);
        }
        // Another receiver has nothing yet, whatever the one before it had.
        self.end(&key);
        self.lines_ever += 1;
        let revision = delivery.publication.revision.clone();
        let policy = Policy::of(&delivery.push);
        let line = Line {
            number: self.lines_ever,
            endpoint: Endpoint::new(policy, target, revision, delivery.standing, now),
            push: Arc::new(delivery.push),
            publication: delivery.publication,
            under_way: None,
            told: None,
        };
        self.lines.insert(key, line);
        true
    }
}

impl Line {
    fn follow(&mut self, delivery: Delivery, now: Moment) -> bool {
        let mut has_changed = false;
        if *self.push != delivery.push {
            self.endpoint.reconfigure(Policy::of(&delivery.push), now);
            self.push = Arc::new(delivery.push);
            has_changed = true;
        }
        if self.endpoint.wanted() != delivery.publication.revision {
            let revision = delivery.publication.revision.clone();
            self.publication = delivery.publication;
            self.endpoint.take(now, Event::Wants(revision));
            has_changed = true;
        }
        has_changed
    }

    fn order(&self, key: &Key, action: &Action) -> Order {
        let id = match action {
            Action::ReadBack => String::new(),
            Action::Send { id } | Action::Look { id } => id.clone(),
        };
        Order {
            key: key.clone(),
            push: Arc::clone(&self.push),
            publication: self.publication.clone(),
            id,
            timeout: self.endpoint.timeout(),
        }
    }
}

async fn call(
    order: Order,
    action: Action,
    line: u64,
    courier: Arc<Courier>,
    standings: ReadStanding,
    metrics: Arc<Metrics>,
) -> Outcome {
    let began = Instant::now();
    let event = match action {
        Action::ReadBack => {
            let (namespace, channel) = order.key.clone();
            let standing = standings(namespace, channel).await;
            Event::ReadBack(standing.ok_or_else(|| {
                let message = "what was acknowledged before cannot be read now: it is tried again";
                Trouble::new(Reason::SyncPending, message)
            }))
        }
        Action::Send { .. } => Event::Sent(courier.send(&order).await),
        Action::Look { .. } => Event::Looked(courier.look(&order).await),
    };
    if let Some(call) = event.call() {
        let outcome = event
            .trouble()
            .map_or(Pushed::Synced, |trouble| Pushed::of(trouble.reason));
        metrics.pushed(call, outcome, began.elapsed().as_secs_f64());
    }
    Outcome {
        key: order.key,
        line,
        event,
    }
}

fn tell_turn((namespace, channel): &Key, delivered: &Delivered) {
    let (reason, message) = (delivered.reason, &delivered.message);
    let revision = &delivered.figures.revision;
    match reason {
        Reason::Synced => info!(namespace, channel, revision, "the receiver has it"),
        Reason::SyncPending => debug!(namespace, channel, message, "on its way"),
        _ => warn!(namespace, channel, %reason, message, "the receiver does not have it"),
    }
}

/// Where and in which format it is sent: what was acknowledged elsewhere, or written otherwise, counts for nothing.
fn target(push: &PushDelivery) -> String {
    let format = push.format.unwrap_or(RuleFormat::Attune).as_str();
    content_hash(format!("push\n{format}\n{}", push.url).as_bytes(), 16)
}

fn moment() -> Moment {
    Moment {
        at: Instant::now(),
        wall: Timestamp::now(),
        chance: fastrand::f64(),
    }
}

#[cfg(test)]
mod tests;
